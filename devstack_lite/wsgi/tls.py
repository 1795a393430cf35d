"""TLS of an HTTP server: the options of [ssl] as what cheroot wants."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from cheroot.ssl import Adapter

from devstack_lite.exceptions import Invalid
from devstack_lite.wsgi.streams import make_file

ENVIRON = {"wsgi.url_scheme": "https", "HTTPS": "on"}


class TlsAdapter(Adapter):
    """Secures each connection in the thread that serves it.

    cheroot's own adapter shakes hands in the thread that accepts: one client that says nothing
    would keep all others out.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context

    def bind(self, sock: Any) -> Any:
        """Leave the listening socket as it is."""
        return sock

    def wrap(self, sock: Any) -> tuple[Any, dict[str, str]]:
        """Return the connection secured, and what a request's environ says of it."""
        secured = self.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        return secured, self.get_environ()

    def get_environ(self) -> dict[str, str]:
        """Return what a request's environ says."""
        return dict(ENVIRON)

    def makefile(self, sock: Any, mode: str = "r", bufsize: int = -1) -> Any:
        """Return the connection as a file."""
        return make_file(sock, mode, bufsize)


def make_adapter(options: Any) -> TlsAdapter:
    """Return what [ssl] says: cert_file, key_file, ca_file and ciphers.

    Raises Invalid, one sentence, when there is no certificate or something is wrong with it.
    """
    if not options.cert_file:
        raise Invalid("enabled_ssl_apis needs cert_file and key_file in [ssl].")
    for name in ("cert_file", "key_file", "ca_file"):
        path = options[name]
        if path and not Path(path).is_file():
            raise Invalid(f"Unable to find {name} : {path}")
    try:
        # With a CA, and only then, clients have to show a certificate.
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=options.ca_file)
        context.load_cert_chain(options.cert_file, options.key_file)
        if options.ca_file:
            context.verify_mode = ssl.CERT_REQUIRED
        if options.ciphers:
            context.set_ciphers(options.ciphers)
    except (ssl.SSLError, OSError) as error:
        raise Invalid(f"[ssl] cannot be used: {error}") from error
    return TlsAdapter(context)
