"""What every test needs first: oslo.service's threading backend, chosen before anything asks."""

from devstack_lite import launcher

launcher.use_threads()
