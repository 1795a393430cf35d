"""What passes between processes: frozen dataclasses, no I/O behind them.

A new field needs a default, so that a message of an older sender still makes an object; the
serializer ignores fields that it does not know.
"""
