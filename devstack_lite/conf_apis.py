"""The options of what the api daemon serves: which APIs, where, with how many workers, how secured.

Names and groups are Nova's, and oslo.service's for TLS. Composed into the table of
devstack_lite.conf.
"""

from __future__ import annotations

from typing import Any

from oslo_config import cfg, types

STANDARD_METADATA_PORT = 8775


def _listening(api: str, port: int, workers: int, old_group: str | None = None) -> list[Any]:
    def renamed(name: str) -> dict[str, str]:
        """Return under what name the option is still read in old files."""
        return {"deprecated_group": old_group, "deprecated_name": name} if old_group else {}

    return [
        cfg.HostAddressOpt(
            f"{api}_listen", default="127.0.0.1", help="Address to bind.", **renamed("listen")
        ),
        cfg.PortOpt(
            f"{api}_listen_port", default=port, help="TCP port to bind.", **renamed("port")
        ),
        # Without a minimum: what is below it is refused in Nova's words.
        cfg.IntOpt(
            f"{api}_workers", default=workers, help="Forked worker processes, at least 1.",
            **renamed("workers"),
        ),
    ]  # fmt: skip


SERVED: list[Any] = [
    cfg.ListOpt(
        "enabled_apis",
        item_type=types.String(choices=["osapi_compute", "metadata"]),
        default=["osapi_compute", "metadata"],
        help="What the api daemon serves, each on a port and with workers of its own.",
    ),
    cfg.ListOpt(
        "enabled_ssl_apis",
        item_type=types.String(choices=["osapi_compute", "metadata"]),
        default=[],
        help="Those of enabled_apis that speak TLS, with what [ssl] says.",
    ),
    *_listening("osapi_compute", 8774, 2, old_group="api"),
    *_listening("metadata", STANDARD_METADATA_PORT, 1),
    cfg.IntOpt(
        "max_url_len",
        default=8192,
        min=1,
        help="Characters of a URL beyond which the api daemon refuses a request (414). Nova's"
        " default, which is eventlet's.",
    ),
]

SSL: list[Any] = [
    cfg.StrOpt("cert_file", help="Certificate of the APIs in enabled_ssl_apis, PEM."),
    cfg.StrOpt("key_file", help="Its private key, PEM; in cert_file when not given."),
    cfg.StrOpt("ca_file", help="CA certificates; clients then need a certificate of one of them."),
    cfg.StrOpt("ciphers", help="Ciphers in OpenSSL's format; Python's choice when not given."),
]

METADATA: list[Any] = [
    cfg.BoolOpt(
        "use_forwarded_for",
        default=False,
        help="Whether the metadata API believes X-Forwarded-For about an instance's address. Only"
        " behind a proxy that sets it.",
    ),
    cfg.StrOpt(
        "dhcp_domain",
        default="novalocal",
        help="What metadata puts behind an instance's host name. Nova's option and default.",
    ),
    cfg.ListOpt(
        "vendordata_providers",
        item_type=types.String(choices=["StaticJSON"]),
        default=["StaticJSON"],
        help="Where vendor_data2.json comes from. Nova's option and default; of its providers only"
        " the static one is here.",
    ),
    cfg.StrOpt(
        "vendordata_jsonfile_path",
        help="A JSON file that vendor_data.json, and vendor_data2.json under `static`, shows.",
    ),
]

NEUTRON: list[Any] = [
    cfg.BoolOpt(
        "service_metadata_proxy",
        default=False,
        help="Whether the metadata API is asked by Neutron's metadata proxy, which says by a"
        " header which instance asks; by the instance's address when not. `up` sets it, with a"
        " secret.",
    ),
    cfg.StrOpt(
        "metadata_proxy_shared_secret",
        default="",
        secret=True,
        help="What the proxy signs the instance's id with.",
    ),
]
