"""Small HTTP clients of the sibling services, for the daemons themselves."""
