"""What may be asked of a cloud besides its servers, and is over when it is answered."""

from __future__ import annotations

from typing import Any

from devstack_lite.chaos.asked import ServerAction


def _errand(method: str, path: str, body: Any, rpc: str, count: str, **more: Any) -> ServerAction:
    """Return an errand; count: the query that says 1 in the end, or 0 after a DELETE."""
    return ServerAction(
        method=method, path=path, body=body, vm_state="done", is_errand=True, is_synchronous=True,
        holds={count: int(method != "DELETE")}, points=(("conductor", f"rpc.conductor.{rpc}"),),
        **more,
    )  # fmt: skip


_KEYPAIRS = "SELECT count(*) FROM keypairs WHERE name = :name"
_GROUPS = "SELECT count(*) FROM server_groups WHERE name = :name"
_AGGREGATES = "SELECT count(*) FROM aggregates WHERE name = :name"
_FLAVORS = "SELECT count(*) FROM flavors WHERE name = :name"
_KEYPAIR: dict[str, Any] = {"undo": (("DELETE", "/os-keypairs/{name}", None),)}
_GROUP: dict[str, Any] = {
    "finds": "SELECT id FROM server_groups WHERE name = :name",
    "undo": (("DELETE", "/os-server-groups/{found}", None),),
}
_AGGREGATE: dict[str, Any] = {
    "finds": "SELECT id FROM aggregates WHERE name = :name",
    "undo": (("DELETE", "/os-aggregates/{found}", None),),
}
_FLAVOR: dict[str, Any] = {
    "finds": "SELECT id FROM flavors WHERE name = :name",
    "undo": (("DELETE", "/flavors/{found}", None),),
}

ERRANDS = {
    "keypair": _errand(
        "POST", "/os-keypairs", {"keypair": {"name": "{name}"}}, "create_keypair", _KEYPAIRS,
        **_KEYPAIR,
    ),
    "keypair deleted": _errand(
        "DELETE", "/os-keypairs/{name}", None, "delete_keypair", _KEYPAIRS, before=("keypair",),
    ),
    "server group": _errand(
        "POST", "/os-server-groups",
        {"server_group": {"name": "{name}", "policies": ["affinity"]}}, "create_group", _GROUPS,
        **_GROUP,
    ),
    "server group deleted": _errand(
        "DELETE", "/os-server-groups/{found}", None, "delete_group", _GROUPS,
        before=("server group",), **_GROUP,
    ),
    "aggregate": _errand(
        "POST", "/os-aggregates", {"aggregate": {"name": "{name}"}}, "create_aggregate",
        _AGGREGATES, **_AGGREGATE,
    ),
    "aggregate's metadata": _errand(
        "POST", "/os-aggregates/{found}/action", {"set_metadata": {"metadata": {"k": "v"}}},
        "update_aggregate", f"{_AGGREGATES} AND updated_at IS NOT NULL", before=("aggregate",),
        **_AGGREGATE,
    ),
    "aggregate deleted": _errand(
        "DELETE", "/os-aggregates/{found}", None, "delete_aggregate", _AGGREGATES,
        before=("aggregate",), **_AGGREGATE,
    ),
    "flavor": _errand(
        "POST", "/flavors", {"flavor": {"name": "{name}", "ram": 64, "vcpus": 1, "disk": 1}},
        "create_flavor", _FLAVORS, **_FLAVOR,
    ),
    "flavor's extra specs": _errand(
        "POST", "/flavors/{found}/os-extra_specs",
        {"extra_specs": {"hw:cpu_policy": "shared"}}, "set_extra_specs", _FLAVORS,
        before=("flavor",), **_FLAVOR,
    ),
    "flavor deleted": _errand(
        "DELETE", "/flavors/{found}", None, "delete_flavor", _FLAVORS, before=("flavor",),
        **_FLAVOR,
    ),
}  # fmt: skip
