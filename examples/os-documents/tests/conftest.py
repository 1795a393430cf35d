"""Before anything that imports oslo.messaging, whose threads are chosen once in a process."""

import devstack_lite.wsgi.testing  # noqa: F401
