"""The command `devstack-lite`: one module per command, loaded when the command is used.

The commands start daemons by module name through the supervisor, ask the cloud over HTTP as any
client does, and import no service. What a person reads is on stdout; progress and errors are on
stderr; an error is one sentence and exit code 1, a wrong use exit code 2.
"""
