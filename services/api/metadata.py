"""The metadata API: what a guest that asks 169.254.169.254 reads of its instance.

Who asks is known by its address, or, where Neutron's metadata proxy is between, by the instance's
id that the proxy signs. Nobody has a token here; whoever is not known reads nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import posixpath
from collections.abc import Iterable
from typing import Any

from oslo_config import cfg

from devstack_lite.context import service_context
from devstack_lite.db import instances
from devstack_lite.db.engine import Database
from devstack_lite.db.instance_facts import instance_at, read_facts
from devstack_lite.exceptions import Conflict, Forbidden, Invalid, NotFound
from devstack_lite.instance_metadata import ec2
from devstack_lite.instance_metadata.content import LATEST, InstanceMetadata
from devstack_lite.instance_metadata.passwords import MAX_LENGTH, password_of
from devstack_lite.instance_metadata.settings import settings_of
from devstack_lite.objects.compute import Instance
from devstack_lite.rpc.transport import get_transport
from devstack_lite.wsgi.faults import HttpError
from devstack_lite.wsgi.request import Reply, Request
from devstack_lite.wsgi.resource import send
from services.conductor.rpcapi.instance_changes import InstanceChangesAPI

LOG = logging.getLogger(__name__)

ABSENT = "The resource could not be found."
UNKNOWN = "An unknown error has occurred. Please try your request again."


class MetadataApp:
    """The WSGI application; what is read is read anew for each request."""

    def __init__(self, conf: Any, db: Database, changes: InstanceChangesAPI) -> None:
        """Put it together; db is read-only."""
        self._conf = conf
        self._db = db
        self._changes = changes

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        req = Request(environ)
        try:
            path = posixpath.normpath("/" + req.path_info.lstrip("/"))
        except UnicodeDecodeError as error:
            raise HttpError(404, ABSENT) from error
        if path == "/":
            return send(start_response, _reply(ec2.printed([*ec2.VERSIONS, LATEST]), "text/plain"))
        try:
            instance, address = self._asking(req)
            known = InstanceMetadata(
                instance=instance,
                facts=read_facts(self._db, instance),
                settings=settings_of(self._conf.api),
                address=address,
            )
            content = known.lookup(path)
        except NotFound as error:
            LOG.info("nothing at %s: %s", path, error)
            raise HttpError(404, ABSENT) from error
        if content.is_password and req.method != "GET":
            self._keep_password(req, instance)
            return send(start_response, _reply(b"", "text/plain"))
        return send(start_response, _reply(content.body, content.content_type))

    def _asking(self, req: Request) -> tuple[Instance, str | None]:
        """Return the instance that asks, and its address. Raises NotFound, Invalid, Forbidden."""
        if self._conf.neutron.service_metadata_proxy:
            return self._signed(req), req.headers.get("X-Forwarded-For")
        if req.headers.get("X-Instance-ID"):
            LOG.warning("X-Instance-ID is not believed without [neutron] service_metadata_proxy")
        address = req.remote_addr
        if self._conf.api.use_forwarded_for:
            address = req.headers.get("X-Forwarded-For", address)
        try:
            return instances.get_instance(self._db, instance_at(self._db, address)), address
        except Conflict as error:
            LOG.error("%s The proxy's headers would tell them apart.", error)  # noqa: TRY400
            raise HttpError(500, UNKNOWN) from error

    def _signed(self, req: Request) -> Instance:
        """Return the instance that the proxy names, if it knows the secret."""
        uuid = req.headers.get("X-Instance-ID")
        project_id = req.headers.get("X-Tenant-ID")
        for name, sent in (("X-Instance-ID", uuid), ("X-Tenant-ID", project_id)):
            if sent is None:
                raise Invalid(f"{name} header is missing from request.")
        secret = self._conf.neutron.metadata_proxy_shared_secret
        expected = hmac.new(secret.encode(), str(uuid).encode(), hashlib.sha256).hexdigest()
        signature = req.headers.get("X-Instance-ID-Signature", "")
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            LOG.warning("the signature of X-Instance-ID %s is not the secret's", uuid)
            raise Forbidden("Invalid proxy request signature.")
        return instances.get_instance(self._db, str(uuid), project_id=project_id)

    def _keep_password(self, req: Request, instance: Instance) -> None:
        """Keep what the guest posts, once. Raises Invalid, Conflict."""
        if req.method != "POST":
            raise Invalid("GET and POST only are supported.")
        if (req.content_length or 0) > MAX_LENGTH or len(req.body) > MAX_LENGTH:
            raise Invalid("Request is too large.")
        try:
            password = req.body.decode()
        except UnicodeDecodeError as error:
            raise Invalid("The password is not valid UTF-8.") from error
        if not password and password_of(instance):
            raise Conflict("There is a password already, which the compute API takes away.")
        self._changes.set_password(service_context(), uuid=instance.uuid, password=password)


def _reply(body: bytes, content_type: str) -> Reply:
    return Reply(body=body, content_type=f"{content_type}; charset=UTF-8")


def factory(_global_conf: Any, **_local: Any) -> MetadataApp:
    """Paste application factory; runs in the worker, after the fork."""
    conf = cfg.CONF
    changes = InstanceChangesAPI(get_transport(conf), call_monitor_s=conf.rpc.call_monitor_s)
    database = Database(conf.database.connection, pool_size=conf.database.pool_size)
    return MetadataApp(conf, database, changes)
