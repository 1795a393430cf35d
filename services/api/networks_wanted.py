"""The `networks` of a boot request, in the forms that Nova takes."""

from __future__ import annotations

from devstack_lite.exceptions import Invalid
from devstack_lite.objects.compute import NetworkRequest
from devstack_lite.objects.registry import Json


def networks_wanted(server: Json) -> tuple[NetworkRequest, ...] | None:
    """Return the interfaces asked for; None for `take what there is`.

    Raises Invalid in Nova's words.
    """
    wanted = server.get("networks")
    if wanted == "none":
        return ()
    if not wanted or wanted == "auto":
        return None
    requests = []
    for network in wanted:
        port_id = network.get("port")
        network_id = network.get("uuid")
        if port_id is None and network_id is None:
            raise Invalid("Bad network format: missing 'uuid'")
        if port_id is not None and network.get("fixed_ip"):
            raise Invalid(
                f"Specified Fixed IP '{network['fixed_ip']}' cannot be used with port"
                f" '{port_id}': the two cannot be specified together."
            )
        requests.append(
            NetworkRequest(
                network_id=None if port_id else network_id,
                port_id=port_id,
                fixed_ip=network.get("fixed_ip"),
                tag=network.get("tag"),
            )
        )
    return tuple(requests)
