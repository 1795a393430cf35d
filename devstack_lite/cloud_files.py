"""Writes what a cloud's processes and its users read.

- `etc/<process>.conf`: one complete file per daemon, with what this daemon may know and no more. A
  compute host's has no database in it, and the conductor's alone has the address that may write.
- `clouds.yaml`, and the OS_* variables: how OpenStack clients find the cloud.

Each file is its owner's alone, for each has a password in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from devstack_lite import processes
from devstack_lite.cloud import Cloud, make_private_folder, write_private
from devstack_lite.processes import Process

Sections = dict[str, dict[str, Any]]

_BROKER_OPTIONS: Mapping[str, Any] = {
    # Back within two seconds after the broker is, rather than with growing pauses.
    "rabbit_retry_interval": 1,
    "rabbit_retry_backoff": 0,
    "rabbit_interval_max": 1,
    "kombu_reconnect_delay": 0.1,
    # A killed worker's reply and fanout queues; the default leaves them for half an hour.
    "rabbit_transient_queues_ttl": 60,
    # A stopped worker keeps what was sent ahead to it: so nothing is, at no measurable cost.
    "rabbit_qos_prefetch_count": 1,
}


def write_all(cloud: Cloud) -> None:
    """Write every file of the cloud; what was there before is replaced."""
    make_private_folder(cloud.state_dir)
    make_private_folder(cloud.log_dir)
    make_private_folder(cloud.etc_dir)
    make_private_folder(cloud.provider_config_dir)
    names = set()
    for process in processes.of(cloud):
        write_private(process.config_file, render(sections_of(cloud, process), process.name))
        names.add(process.config_file.name)
    for stale in cloud.etc_dir.glob("*.conf"):
        if stale.name not in names:
            stale.unlink()
    write_private(cloud.state_dir / "clouds.yaml", clouds_yaml(cloud))


def sections_of(cloud: Cloud, process: Process) -> Sections:
    """Return what one process may know."""
    sections: Sections = {
        "DEFAULT": {
            "cloud_name": cloud.name,
            "state_dir": cloud.state_dir,
            "host": process.host,
            "region": cloud.region,
            "semantics": cloud.semantics,
            "log_file": process.log_file,
            "combined_log": cloud.combined_log,
            "transport_url": cloud.broker.transport_url,
        },
        "oslo_messaging_rabbit": dict(_BROKER_OPTIONS),
        "endpoints": dict(cloud.endpoints),
    }
    if process.daemon == "api":
        sections["DEFAULT"] |= _served(cloud)
        sections["oslo_policy"] = {"policy_file": cloud.etc_dir / "policy.yaml"}
        sections["neutron"] = {
            "service_metadata_proxy": True,
            "metadata_proxy_shared_secret": cloud.secrets.metadata_proxy_shared_secret,
        }
    else:
        sections[process.daemon] = {"workers": cloud.workers[process.daemon]}
        if process.url is not None:
            own = sections[process.daemon]
            own |= {"listen": cloud.listen, "port": cloud.ports[process.daemon]}
    if process.daemon == "conductor":
        sections["database"] = {"connection": cloud.database_url}
    elif process.daemon == "compute":
        sections["compute"] |= {
            "nodes": cloud.nodes_per_host,
            "profile": cloud.profile,
            "provider_config_location": cloud.provider_config_dir,
        }
    else:
        sections["database"] = {"connection": cloud.database_reader_url}
    return sections


def _served(cloud: Cloud) -> dict[str, Any]:
    """Return where each API of the api daemon listens, and with how many workers."""
    found: dict[str, Any] = {}
    for api, key in (("osapi_compute", "api"), ("metadata", "metadata")):
        found |= {
            f"{api}_listen": cloud.listen,
            f"{api}_listen_port": cloud.ports[key],
            f"{api}_workers": cloud.workers[key],
        }
    return found


def render(sections: Sections, title: str) -> str:
    """Return oslo.config's form of sections. A `$` in a value is a literal one."""
    lines = [f"# {title}: written by devstack-lite up. Another up writes it again."]
    for section, options in sections.items():
        lines += ["", f"[{section}]"]
        lines += [f"{key} = {str(value).replace('$', '$$')}" for key, value in options.items()]
    return "\n".join(lines) + "\n"


def credentials(cloud: Cloud, *, demo: bool = False) -> dict[str, str]:
    """Return the OS_* variables of the cloud's admin, or of its demo user."""
    secret = cloud.secrets.demo_password if demo else cloud.secrets.admin_password
    user = "demo" if demo else "admin"
    return {
        "OS_AUTH_URL": cloud.endpoints["identity"],
        "OS_USERNAME": user,
        "OS_PASSWORD": secret,
        "OS_PROJECT_NAME": user,
        "OS_USER_DOMAIN_ID": "default",
        "OS_PROJECT_DOMAIN_ID": "default",
        "OS_REGION_NAME": cloud.region,
        "OS_IDENTITY_API_VERSION": "3",
        "OS_INTERFACE": "public",
    }


def admin_cloud_name(cloud: Cloud) -> str:
    """Return the name of the admin's entry in clouds.yaml; `<name>-demo` is the demo user's."""
    return "devstack-lite" if cloud.name == "devstack" else cloud.name


def clouds_yaml(cloud: Cloud) -> str:
    """Return the text of clouds.yaml: one entry for admin, one for demo."""
    import yaml

    entries = {}
    for name, demo in ((admin_cloud_name(cloud), False), (f"{cloud.name}-demo", True)):
        known = credentials(cloud, demo=demo)
        entries[name] = {
            "auth": {
                "auth_url": known["OS_AUTH_URL"],
                "username": known["OS_USERNAME"],
                "password": known["OS_PASSWORD"],
                "project_name": known["OS_PROJECT_NAME"],
                "user_domain_id": known["OS_USER_DOMAIN_ID"],
                "project_domain_id": known["OS_PROJECT_DOMAIN_ID"],
            },
            "region_name": known["OS_REGION_NAME"],
            "identity_api_version": 3,
            "interface": "public",
        }
    return yaml.safe_dump({"clouds": entries}, sort_keys=False)
