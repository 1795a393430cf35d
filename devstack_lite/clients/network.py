"""The network service as compute asks it, with the user's token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from devstack_lite.clients.http import Answer, HttpPeer
from devstack_lite.clients.image import headers_of, validated_of
from devstack_lite.context import RequestContext
from devstack_lite.exceptions import Conflict, Invalid, NotFound, Unauthorized, Unavailable
from devstack_lite.names import is_own_port, port_id_of
from devstack_lite.objects.compute import NetworkRequest
from devstack_lite.steps import StepRecord

PORT_IDS_HEADER = "X-Devstack-Port-Ids"
"""On POST: the ids that the ports shall have, by comma; a request that is sent twice then creates
once. Whoever sends it may also say which host a port is bound to: in Neutron that is the right of
an administrator or of a service's token, here a member's request from compute has it too."""

DEVICE_HEADER = "X-Devstack-Device-Id"
"""On PUT: the device that alone may hold the port, else 409. It gives the same right."""

DEVICE_OWNER = "compute:nova"

_ERRORS = {400: Invalid, 404: NotFound, 409: Conflict}


class NetworkClient:
    """Asks a Neutron v2.0 API; url is the service's root."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._peer = HttpPeer(url, timeout_s=timeout_s)

    def allocate(
        self,
        context: RequestContext,
        instance_uuid: str,
        host: str,
        requests: Sequence[NetworkRequest],
        *,
        project_id: str | None = None,
    ) -> tuple[list[dict[str, Any]], StepRecord | None]:
        """Return the instance's ports, made or bound, and how the token's validation went.

        One request makes all ports on networks; one that is given is bound by a request of its
        own. project_id: whose the ports are, if an administrator of another project asks.
        Idempotent. Raises NotFound, Invalid, Conflict, Unauthorized (definite), Unavailable.
        """
        found: dict[int, dict[str, Any]] = {}
        record: StepRecord | None = None
        new = {index: one for index, one in enumerate(requests) if one.port_id is None}
        if new or not requests:
            shown, record = self._create(context, instance_uuid, host, new, project_id)
            found.update(shown)
        for index, one in enumerate(requests):
            if one.port_id is not None:
                answer = self._bind(context, str(one.port_id), instance_uuid, host=host)
                port = answer.json()["port"]
                # Its own is given to an instance that is built anew with what it came to have.
                found[index] = _port(port, is_ours=is_own_port(port["id"], instance_uuid))
                record = record or validated_of(answer)
        return [found[index] for index in sorted(found)], record

    def _create(
        self,
        context: RequestContext,
        instance_uuid: str,
        host: str,
        new: dict[int, NetworkRequest],
        project_id: str | None,
    ) -> tuple[dict[int, dict[str, Any]], StepRecord | None]:
        if not new:
            # An instance without a port still asks: the question is a step of its boot.
            answer = self._send(context, "GET", f"/v2.0/ports?device_id={instance_uuid}")
            return {}, validated_of(answer)
        ids = {port_id_of(instance_uuid, index): index for index in new}
        owner = _owner(context, project_id)
        body = {"ports": [{**_asked(one, instance_uuid, host), **owner} for one in new.values()]}
        headers = {PORT_IDS_HEADER: ",".join(ids)}
        answer = self._send(context, "POST", "/v2.0/ports", body, headers)
        ports = answer.json()["ports"]
        return {ids[port["id"]]: _port(port, is_ours=True) for port in ports}, validated_of(answer)

    def plug(
        self,
        context: RequestContext,
        instance_uuid: str,
        host: str,
        *,
        port_id: str,
        made_on: NetworkRequest | None,
        project_id: str,
    ) -> dict[str, Any]:
        """Return a port of an instance that exists: bound, or made of that id on a network.

        project_id: whose the port is, if an administrator asks. Idempotent. Raises as allocate.
        """
        if made_on is None:
            answer = self._bind(context, port_id, instance_uuid, host=host)
            return _port(answer.json()["port"], is_ours=False)
        asked = {**_asked(made_on, instance_uuid, host), **_owner(context, project_id)}
        answer = self._send(
            context, "POST", "/v2.0/ports", {"ports": [asked]}, {PORT_IDS_HEADER: port_id}
        )
        return _port(answer.json()["ports"][0], is_ours=True)

    def _bind(
        self, context: RequestContext, port_id: str, instance_uuid: str, *, host: str
    ) -> Answer:
        """Bind a port that the instance may hold to a host; to no host: let it go."""
        body = {
            "port": {
                "device_id": instance_uuid if host else "",
                "device_owner": DEVICE_OWNER if host else "",
                "binding:host_id": host,
            }
        }
        headers = {DEVICE_HEADER: instance_uuid}
        return self._send(context, "PUT", f"/v2.0/ports/{port_id}", body, headers)

    def deallocate(
        self, context: RequestContext, instance_uuid: str, ports: Sequence[dict[str, Any]]
    ) -> None:
        """Have the instance hold no port: its own are deleted, given ones are unbound.

        ports empty: network is asked which there are. What is gone already is a success, and so is
        a given port that another instance holds. Raises Unauthorized, Unavailable.
        """
        for port in ports or self._ports_of(context, instance_uuid):
            port_id = port["port_id"]
            try:
                if port["is_ours"]:
                    self._send(context, "DELETE", f"/v2.0/ports/{port_id}")
                else:
                    self._bind(context, port_id, instance_uuid, host="")
            except (NotFound, Conflict):
                # It is gone, or another instance has it by now.
                continue

    def _ports_of(self, context: RequestContext, instance_uuid: str) -> list[dict[str, Any]]:
        answer = self._send(context, "GET", f"/v2.0/ports?device_id={instance_uuid}")
        ports = answer.json()["ports"]
        return [_port(port, is_ours=is_own_port(port["id"], instance_uuid)) for port in ports]

    def _send(
        self,
        context: RequestContext,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        answer = self._peer.request(
            method, path, headers={**headers_of(context), **(headers or {})}, body=body
        )
        if answer.status < 300:
            return answer
        message, _ = fault_of(answer)
        if answer.status in {401, 403}:
            raise Unauthorized(f"network refused the token (HTTP {answer.status}): {message}")
        if answer.status in _ERRORS:
            raise _ERRORS[answer.status](message, kind="network")
        raise Unavailable(f"network answered {answer.status}: {message}")


def fault_of(answer: Answer) -> tuple[str, str]:
    """Return the text and the type of a fault: {"NeutronError": {"message": …, "type": …}}."""
    try:
        fault = answer.json()["NeutronError"]
        return str(fault["message"]), str(fault["type"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status}", ""


def _asked(one: NetworkRequest, instance_uuid: str, host: str) -> dict[str, Any]:
    """Return the body of a port that is made for an instance."""
    return {
        "network_id": one.network_id,
        "device_id": instance_uuid,
        "device_owner": DEVICE_OWNER,
        "binding:host_id": host,
        **({"fixed_ips": [{"ip_address": one.fixed_ip}]} if one.fixed_ip else {}),
        **({"security_groups": list(one.security_groups)} if one.security_groups else {}),
    }


def _owner(context: RequestContext, project_id: str | None) -> dict[str, Any]:
    """Return the part of a port's body that says whose it is: only an administrator may."""
    return {"project_id": project_id} if project_id and context.is_admin else {}


def _port(port: dict[str, Any], *, is_ours: bool) -> dict[str, Any]:
    """Return what an instance keeps of a port."""
    return {
        "port_id": port["id"],
        "mac": port["mac_address"],
        "network_id": port["network_id"],
        "network_name": port.get("network_name", port["network_id"]),
        "ips": [
            {
                "address": fixed["ip_address"],
                "version": 6 if ":" in fixed["ip_address"] else 4,
                "subnet_id": fixed["subnet_id"],
            }
            for fixed in port["fixed_ips"]
        ],
        "is_ours": is_ours,
    }
