"""/os-keypairs."""

from __future__ import annotations

import base64
import binascii
import hashlib

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from devstack_lite import clock
from devstack_lite.db import keypairs
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Invalid
from devstack_lite.objects.compute import Keypair
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Reply, Request
from devstack_lite.wsgi.resource import api
from services.api.certificates import certificate_fingerprint, generate_certificate
from services.api.paging import page_of
from services.api.policy import authorize
from services.api.quotas import ProjectQuotas
from services.api.schemas import keypairs as schemas
from services.api.schemas import queries
from services.api.views.links import next_link
from services.conductor.rpcapi.keypairs import KeypairsAPI

RULE = "os_compute_api:os-keypairs"


class KeypairsController:
    """A user's own key pairs."""

    def __init__(
        self, db: Database, conductor: KeypairsAPI, *, quota: ProjectQuotas, max_limit: int
    ) -> None:
        self._max_limit = max_limit
        self._db = db
        self._conductor = conductor
        self._quota = quota

    @api(query=queries.KEYPAIRS)
    def index(self, req: Request) -> Json:
        """List the caller's key pairs, or, for administrators from 2.10 on, another user's."""
        found = keypairs.list_keypairs(self._db, user_id=_user_of(req, "index"))
        links: Json = {}
        if req.since(2, 35):
            page, has_more = page_of(found, req, self._max_limit, lambda keypair: keypair.name)
            if has_more and page:
                links = {"keypairs_links": next_link(req, page[-1].name)}
            found = page
        return {"keypairs": [{"keypair": _brief(req, keypair)} for keypair in found], **links}

    @api(query=queries.KEYPAIR)
    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one of the caller's key pairs."""
        user_id = _user_of(req, "show")
        keypair = keypairs.get_keypair(self._db, user_id=user_id, name=id)
        return {
            "keypair": {
                **_brief(req, keypair),
                "user_id": keypair.user_id,
                "id": int(hashlib.sha256(f"{user_id}/{id}".encode()).hexdigest()[:7], 16),
                "created_at": clock.to_micro(keypair.created_at),
                "updated_at": None,
                "deleted": False,
                "deleted_at": None,
            }
        }

    @api(body=schemas.create)
    def create(self, req: Request, body: Json) -> Reply:
        """Import a public key, or make a pair and return the private key, once."""
        wanted = body["keypair"]
        private_key = None
        public_key = wanted.get("public_key")
        user_id = str(wanted.get("user_id") or req.context.user_id)
        authorize(req.context, f"{RULE}:create", user_id=user_id)
        kind = wanted.get("type", "ssh")
        if public_key is None and kind == "x509":
            private_key, public_key = generate_certificate(user_id)
        elif public_key is None:
            private_key, public_key = _generate()
        make_fingerprint = certificate_fingerprint if kind == "x509" else fingerprint_of
        keypair = Keypair(
            user_id=user_id,
            name=wanted["name"],
            public_key=public_key,
            fingerprint=make_fingerprint(public_key),
            type=kind,
        )
        made = self._conductor.create_keypair(
            req.context,
            keypair=keypair,
            limit=self._quota.of(req.context.project_id, keypair.user_id)["key_pairs"],
        )
        shown = {**_brief(req, made), "user_id": made.user_id}
        if private_key is not None:
            shown["private_key"] = private_key
        return Reply(body={"keypair": shown}, status=201 if req.since(2, 2) else 200)

    @api(query=queries.KEYPAIR)
    def delete(self, req: Request, id: str) -> Reply:  # noqa: A002
        """Remove one of the caller's key pairs."""
        user_id = _user_of(req, "delete")
        self._conductor.delete_keypair(req.context, user_id=user_id, name=id)
        return Reply(status=204 if req.since(2, 2) else 202)


def _user_of(req: Request, what: str) -> str:
    """Return whose key pairs are meant: the caller's, or from 2.10 on those of user_id."""
    asked = req.GET.get("user_id") if req.since(2, 10) else None
    user_id = str(asked or req.context.user_id)
    authorize(req.context, f"{RULE}:{what}", user_id=user_id)
    return user_id


def _brief(req: Request, keypair: Keypair) -> Json:
    kind = {"type": keypair.type} if req.since(2, 2) else {}
    return {
        **kind,
        "name": keypair.name,
        "public_key": keypair.public_key,
        "fingerprint": keypair.fingerprint,
    }


def fingerprint_of(public_key: str) -> str:
    """Return the MD5 fingerprint that Nova shows. Raises Invalid for what is no SSH key."""
    problem = Invalid("Keypair data is invalid: failed to generate fingerprint")
    parts = public_key.split()
    if len(parts) < 2:
        raise problem
    try:
        serialization.load_ssh_public_key(" ".join(parts[:2]).encode())
        raw = base64.b64decode(parts[1], validate=True)
    except (ValueError, binascii.Error, UnsupportedAlgorithm) as error:
        raise problem from error
    digest = hashlib.md5(raw, usedforsecurity=False).hexdigest()
    return ":".join(digest[start : start + 2] for start in range(0, len(digest), 2))


def _generate() -> tuple[str, str]:
    key = ed25519.Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    return private.decode(), f"{public.decode()} Generated-by-devstack-lite"
