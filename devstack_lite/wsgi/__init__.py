"""The HTTP framework of the api and its sibling services: Paste, WebOb, Routes and cheroot.

A Paste pipeline of filters leads to a Router; its Routes mapper sends a URL to a Resource, which
checks version and body, calls the controller's method and serialises what it returns.
"""
