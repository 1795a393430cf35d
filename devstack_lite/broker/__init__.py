"""The cloud's RabbitMQ: found, started, asked and stopped.

`choose` decides which one; `local`, `compose` and `external` run it, each in the same shape, which
is `runner`'s; `probe` speaks AMQP with it. Called by the supervisor and the commands alone: daemons
know a transport URL and nothing else.
"""
