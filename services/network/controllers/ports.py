"""/v2.0/ports."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from devstack_lite.clients.network import DEVICE_HEADER, PORT_IDS_HEADER
from devstack_lite.db import networks, ports
from devstack_lite.db.engine import Database
from devstack_lite.db.ports import PortFilter
from devstack_lite.db.routers import list_routers
from devstack_lite.db.security_groups import seen_groups
from devstack_lite.exceptions import Conflict, Forbidden, Invalid, NotFound
from devstack_lite.names import default_group_id
from devstack_lite.objects.network import Network, Port
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.conductor.rpcapi.networks import NetworksAPI
from services.network import schemas, views
from services.network.access import is_true, owner_of, view_of
from services.network.listing import fields_of, listed
from services.network.tagging import with_tags

Json = dict[str, Any]

_COLUMNS = {
    "id": "id", "name": "name", "network_id": "network_id", "device_id": "device_id",
    "device_owner": "device_owner", "mac_address": "mac_address", "status": "status",
    "project_id": "project_id", "tenant_id": "project_id", "binding:host_id": "host_id",
}  # fmt: skip
_PLAIN = ("name", "description", "device_id", "device_owner")
_EXTRA = ("binding:vnic_type", "binding:profile", "port_security_enabled", "allowed_address_pairs")

_KEPT_FOR = ("network:router_interface", "network:router_gateway", "network:floatingip")
"""Device owners whose ports go with the device alone."""


class PortsController:
    """A project's ports."""

    def __init__(self, db: Database, conductor: NetworksAPI) -> None:
        self._db = db
        self._conductor = conductor

    def index(self, req: Request) -> Json:
        """List ports."""
        found = ports.list_ports(self._db, _filter_of(req))
        shown = with_tags(self._db, [self._view(req, one) for one in found])
        return listed(req, "ports", shown, done={"fixed_ips", *_COLUMNS})

    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one port."""
        found = ports.get_port(self._db, id, project_id=view_of(req.context))
        return {"port": fields_of(req, with_tags(self._db, [self._view(req, found)])[0])}

    def _view(self, req: Request, port: Port) -> Json:
        shown = views.port(port, is_admin=bool(req.context.is_admin))
        if _is_compute(req):
            shown["network_name"] = port.network_name
        return shown

    @api(status=201, body=schemas.one_or_many("port", schemas.PORT, "network_id"))
    def create(self, req: Request, body: Json) -> Json:
        """Make one port or many, in one transaction."""
        many = body.get("ports")
        bodies = many or [body["port"]]
        ids = _ids(req, len(bodies))
        on = {
            network_id: networks.get_network(
                self._db, network_id, project_id=view_of(req.context)
            )
            for network_id in {one["network_id"] for one in bodies}
        }  # fmt: skip
        wanted = [
            self._wanted(req, one, port_id, on[one["network_id"]])
            for one, port_id in zip(bodies, ids, strict=True)
        ]
        made = self._conductor.create_ports(req.context, ports=wanted)
        shown = [self._view(req, one) for one in made]
        return {"ports": shown} if many else {"port": shown[0]}

    @api(body=schemas.one("port", schemas.PORT_CHANGE))
    def update(self, req: Request, id: str, body: Json) -> Json:  # noqa: A002
        """Change a port; binding it to a host makes it ACTIVE."""
        found = ports.get_port(self._db, id, project_id=view_of(req.context))
        wanted = body["port"]
        _check_rights(req, wanted, "update_port")
        self._check_device(req, {"device_id": found.device_id, **wanted}, found.network_id)
        if "mac_address" in wanted and not req.context.is_admin:
            raise Forbidden("(rule:update_port:mac_address) is disallowed by policy")
        values: Json = {key: wanted[key] for key in _PLAIN if key in wanted}
        if "mac_address" in wanted:
            values["mac_address"] = wanted["mac_address"].lower()
        if "admin_state_up" in wanted:
            values["admin_state_up"] = is_true(wanted["admin_state_up"])
        if "binding:host_id" in wanted:
            values["host_id"] = wanted["binding:host_id"] or ""
        if "fixed_ips" in wanted:
            values["fixed_ips"] = wanted["fixed_ips"]
        extra = _extra(wanted)
        if extra:
            values["extra"] = extra
        groups = self._groups(req, wanted, found.project_id)
        if groups is not None:
            values["security_groups"] = groups
        _check_security(
            {**found.extra, **extra}, found.security_groups if groups is None else groups
        )
        if {"device_id", "binding:host_id"} & wanted.keys():
            is_bound = values.get("host_id", found.host_id) and values.get(
                "device_id", found.device_id
            )
            values["status"] = "ACTIVE" if is_bound else "DOWN"
        changed = self._conductor.update_port(
            req.context, port_id=id, values=values, holder=req.headers.get(DEVICE_HEADER)
        )
        return {"port": with_tags(self._db, [self._view(req, changed)])[0]}

    @api(status=204)
    def delete(self, req: Request, id: str) -> None:  # noqa: A002
        """Remove a port and free its addresses."""
        found = ports.get_port(self._db, id, project_id=view_of(req.context))
        if found.device_owner in _KEPT_FOR:
            raise Conflict(
                f"Port {id} cannot be deleted directly via the port API: has device owner"
                f" {found.device_owner}.",
                kind="ServicePortInUse",
            )
        if not self._conductor.delete_port(req.context, port_id=id):
            raise NotFound(f"Port {id} could not be found.", kind="port")

    def _wanted(self, req: Request, one: Json, port_id: str, network: Network) -> Port:
        is_own = network.project_id == req.context.project_id
        if network.external and not (network.shared or is_own or req.context.is_admin):
            raise Forbidden("(rule:create_port) is disallowed by policy")
        _check_rights(req, one, "create_port")
        self._check_device(req, one, network.id)
        project_id = owner_of(req.context, one)
        host, fixed = one.get("binding:host_id") or "", one.get("fixed_ips")
        extra = {"port_security_enabled": network.port_security_enabled, **_extra(one)}
        groups = self._groups(req, one, project_id)
        if groups is None and not extra["port_security_enabled"]:
            groups = ()
        _check_security(extra, groups)
        return Port(
            id=port_id,
            network_id=network.id,
            project_id=project_id,
            mac_address=one.get("mac_address", "").lower(),
            admin_state_up=is_true(one.get("admin_state_up", True)),
            status="ACTIVE" if host and one.get("device_id") else "DOWN",
            host_id=host,
            extra=extra,
            fixed_ips=tuple(fixed) if fixed is not None else None,
            security_groups=groups,
            **{key: one[key] for key in _PLAIN if key in one},
        )

    def _check_device(self, req: Request, one: Json, network_id: str) -> None:
        """Raise Forbidden or Conflict when a member makes a port be the network's own device.

        Who owns the network may, as in Neutron, but not in the place of another's router.
        """
        owner = str(one.get("device_owner", ""))
        if not owner.startswith("network:") or req.context.is_admin:
            return
        network = networks.get_network(self._db, network_id)
        if network.project_id != req.context.project_id:
            raise Forbidden("(rule:create_port:device_owner) is disallowed by policy")
        device = str(one.get("device_id") or "")
        if owner in _KEPT_FOR and device:
            own = {router.id for router in list_routers(self._db, project_id=network.project_id)}
            if device not in own:
                raise Conflict(
                    f"The following device_id {device} is not owned by your tenant or matches"
                    " another tenants router.",
                    kind="DeviceIDNotOwnedByTenant",
                )

    def _groups(self, req: Request, wanted: Json, project_id: str) -> tuple[str, ...] | None:
        """Return the groups that a body names; None when it names none. Raises NotFound."""
        if "security_groups" not in wanted:
            return None
        named = wanted["security_groups"]
        default = default_group_id(project_id)
        if named is None:
            return (default,)
        others = {group for group in named if group != default}
        seen = seen_groups(self._db, others, project_id=view_of(req.context)) if others else set()
        for group in named:
            if group in others - seen:
                raise NotFound(f"Security group {group} does not exist", kind="securityGroup")
        return tuple(named)


def _extra(wanted: Json) -> Json:
    """Return what is kept as it was given."""
    extra = {key: wanted[key] for key in _EXTRA if key in wanted}
    if "port_security_enabled" in extra:
        extra["port_security_enabled"] = is_true(extra["port_security_enabled"])
    if "allowed_address_pairs" in extra:
        extra["allowed_address_pairs"] = extra["allowed_address_pairs"] or []
    return extra


def _check_security(extra: Json, groups: Sequence[str] | None) -> None:
    """Raise Conflict for groups or address pairs of a port that nothing is kept from."""
    if extra.get("port_security_enabled", True):
        return
    if groups:
        raise Conflict(
            "Port has security group associated. Cannot disable port security or IP address until"
            " security group is removed.",
            kind="PortSecurityPortHasSecurityGroup",
        )
    if extra.get("allowed_address_pairs"):
        raise Conflict(
            "Port Security must be enabled in order to have allowed address pairs on a port.",
            kind="AddressPairAndPortSecurityRequired",
        )


def _is_compute(req: Request) -> bool:
    return bool(req.headers.get(PORT_IDS_HEADER) or req.headers.get(DEVICE_HEADER))


def _check_rights(req: Request, one: Json, rule: str) -> None:
    """Raise Forbidden when somebody binds a port who is neither an administrator nor compute.

    Neutron knows compute by its service token. Here compute asks in the member's name, and any
    member may ask as compute does: a simulated host is no secret to keep from them.
    """
    if req.context.is_admin:
        return
    if one.get("binding:host_id") and not _is_compute(req):
        raise Forbidden(f"(rule:{rule}:binding:host_id) is disallowed by policy")
    if one.get("binding:profile"):
        raise Forbidden(f"(rule:{rule}:binding:profile) is disallowed by policy")


def _ids(req: Request, count: int) -> list[str]:
    """Return the ids of new ports: those that our own client gives, else fresh ones."""
    given = req.headers.get(PORT_IDS_HEADER)
    if not given:
        return [str(uuid.uuid4()) for _ in range(count)]
    try:
        ids = [str(uuid.UUID(one)) for one in given.split(",")]
    except ValueError as error:
        raise Invalid(f"{PORT_IDS_HEADER} holds what is no UUID") from error
    if len(set(ids)) != count or len(ids) != count:
        raise Invalid(f"{PORT_IDS_HEADER} names {len(set(ids))} ports, the body {count}")
    return ids


def _filter_of(req: Request) -> PortFilter:
    columns = {
        column: tuple(req.GET.getall(key)) for key, column in _COLUMNS.items() if key in req.GET
    }
    if "mac_address" in columns:
        columns["mac_address"] = tuple(value.lower() for value in columns["mac_address"])
    fixed = [text.partition("=") for text in req.GET.getall("fixed_ips")]
    return PortFilter(
        columns=tuple(columns.items()),
        addresses=tuple(value for key, _, value in fixed if key == "ip_address"),
        subnet_ids=tuple(value for key, _, value in fixed if key == "subnet_id"),
        project_id=view_of(req.context),
    )
