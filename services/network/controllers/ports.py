"""/v2.0/ports."""

from __future__ import annotations

import uuid
from typing import Any

from devstack_lite.clients.network import DEVICE_HEADER, PORT_IDS_HEADER
from devstack_lite.db import networks, ports
from devstack_lite.db.engine import Database
from devstack_lite.db.ports import PortFilter
from devstack_lite.exceptions import Forbidden, Invalid, NotFound
from devstack_lite.objects.network import Network, Port
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.conductor.rpcapi.networks import NetworksAPI
from services.network import schemas, views
from services.network.access import is_true, owner_of, view_of
from services.network.listing import fields_of, listed

Json = dict[str, Any]

_COLUMNS = {
    "id": "id", "name": "name", "network_id": "network_id", "device_id": "device_id",
    "device_owner": "device_owner", "mac_address": "mac_address", "status": "status",
    "project_id": "project_id", "tenant_id": "project_id", "binding:host_id": "host_id",
}  # fmt: skip
_PLAIN = ("name", "description", "device_id", "device_owner")
_EXTRA = ("binding:vnic_type", "binding:profile", "port_security_enabled", "security_groups")


class PortsController:
    """A project's ports."""

    def __init__(self, db: Database, conductor: NetworksAPI) -> None:
        self._db = db
        self._conductor = conductor

    def index(self, req: Request) -> Json:
        """List ports."""
        found = ports.list_ports(self._db, _filter_of(req))
        shown = [self._view(req, one) for one in found]
        return listed(req, "ports", shown, done={"fixed_ips", *_COLUMNS})

    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one port."""
        found = ports.get_port(self._db, id, project_id=view_of(req.context))
        return {"port": fields_of(req, self._view(req, found))}

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
            _wanted(req, one, port_id, on[one["network_id"]])
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
        extra = _extra(wanted, found.project_id)
        if extra:
            values["extra"] = extra
        if {"device_id", "binding:host_id"} & wanted.keys():
            is_bound = values.get("host_id", found.host_id) and values.get(
                "device_id", found.device_id
            )
            values["status"] = "ACTIVE" if is_bound else "DOWN"
        changed = self._conductor.update_port(
            req.context, port_id=id, values=values, holder=req.headers.get(DEVICE_HEADER)
        )
        return {"port": self._view(req, changed)}

    @api(status=204)
    def delete(self, req: Request, id: str) -> None:  # noqa: A002
        """Remove a port and free its addresses."""
        ports.get_port(self._db, id, project_id=view_of(req.context))
        if not self._conductor.delete_port(req.context, port_id=id):
            raise NotFound(f"Port {id} could not be found.", kind="port")


def _wanted(req: Request, one: Json, port_id: str, network: Network) -> Port:
    is_own = network.project_id == req.context.project_id
    if network.external and not (network.shared or is_own or req.context.is_admin):
        raise Forbidden("(rule:create_port) is disallowed by policy")
    _check_rights(req, one, "create_port")
    project_id = owner_of(req.context, one)
    host, fixed = one.get("binding:host_id") or "", one.get("fixed_ips")
    return Port(
        id=port_id,
        network_id=network.id,
        project_id=project_id,
        mac_address=one.get("mac_address", "").lower(),
        admin_state_up=is_true(one.get("admin_state_up", True)),
        status="ACTIVE" if host and one.get("device_id") else "DOWN",
        host_id=host,
        extra={
            "port_security_enabled": network.port_security_enabled,
            **_extra(one, project_id),
        },
        fixed_ips=tuple(fixed) if fixed is not None else None,
        **{key: one[key] for key in _PLAIN if key in one},
    )


def _extra(wanted: Json, project_id: str) -> Json:
    """Return what is kept as it was given. Raises NotFound for a security group that is not."""
    default = views.default_group_id(project_id)
    for group in wanted.get("security_groups") or ():
        if group != default:
            raise NotFound(f"Security group {group} does not exist", kind="securityGroup")
    extra = {key: wanted[key] for key in _EXTRA if key in wanted}
    if extra.get("security_groups", ()) is None:
        extra["security_groups"] = [default]
    if "port_security_enabled" in extra:
        extra["port_security_enabled"] = is_true(extra["port_security_enabled"])
    return extra


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
