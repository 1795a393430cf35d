"""What every daemon shares, and the tools around the cloud.

The words (states, objects, exceptions, context, conf) import nothing but libraries; rpc, db, wsgi
and clients stand on them; the services stand on those. The tools (cli, supervisor, broker) start
the services by module name and never import them.
"""
