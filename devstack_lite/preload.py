"""What the supervisor imports once, for all daemons to share: memory, and half a second each.

Imports only: nothing of it may start a thread, open a connection or read a configuration, for it is
forked. Alembic stays out: only the database's bootstrap needs it. No service is among them.
"""

from __future__ import annotations

import importlib
import pkgutil

LIBRARIES = (
    "oslo_messaging", "oslo_messaging._drivers.impl_rabbit", "kombu.transport.pyamqp",
    "oslo_service.service", "oslo_log.log", "oslo_policy.policy", "oslo_middleware", "sqlalchemy",
    "sqlalchemy.dialects.sqlite.pysqlite", "cheroot.wsgi", "webob", "webob.dec", "routes",
    "paste.deploy", "jsonschema", "stevedore", "microversion_parse", "bcrypt",
    "cryptography.fernet", "numpy", "http.client", "encodings.idna", "devstack_lite.daemon",
)  # fmt: skip
SHARED_PACKAGES = ("rpc", "wsgi", "clients", "objects", "db")
"""Of devstack_lite, with the modules in them."""


def shared_modules() -> list[str]:
    """Return the names of the modules that the daemons share, libraries first."""
    own = []
    for name in SHARED_PACKAGES:
        package = importlib.import_module(f"devstack_lite.{name}")
        own += [
            f"{package.__name__}.{module.name}"
            for module in pkgutil.iter_modules(package.__path__)
            if not module.ispkg and module.name not in {"bootstrap", "migrate"}
        ]
    return [*LIBRARIES, *own]
