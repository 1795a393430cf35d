"""/os-keypairs."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from devstack_lite import clock
from devstack_lite.db import keypairs
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import Invalid
from devstack_lite.objects.compute import Keypair
from devstack_lite.objects.registry import Json
from devstack_lite.wsgi.request import Request
from devstack_lite.wsgi.resource import api
from services.api.schemas import keypairs as schemas
from services.conductor.rpcapi.keypairs import KeypairsAPI


class KeypairsController:
    """A user's own key pairs."""

    def __init__(self, db: Database, conductor: KeypairsAPI, *, quota: Any) -> None:
        self._db = db
        self._conductor = conductor
        self._quota = quota

    def index(self, req: Request) -> Json:
        """List the caller's key pairs."""
        found = keypairs.list_keypairs(self._db, user_id=str(req.context.user_id))
        return {"keypairs": [{"keypair": _brief(keypair)} for keypair in found]}

    def show(self, req: Request, id: str) -> Json:  # noqa: A002 - the route's name
        """Show one of the caller's key pairs."""
        user_id = str(req.context.user_id)
        keypair = keypairs.get_keypair(self._db, user_id=user_id, name=id)
        return {
            "keypair": {
                **_brief(keypair),
                "user_id": keypair.user_id,
                "id": int(hashlib.sha256(f"{user_id}/{id}".encode()).hexdigest()[:7], 16),
                "created_at": clock.to_micro(keypair.created_at),
                "updated_at": None,
                "deleted": False,
                "deleted_at": None,
            }
        }

    @api(body=schemas.CREATE)
    def create(self, req: Request, body: Json) -> Json:
        """Import a public key, or make a pair and return the private key, once."""
        wanted = body["keypair"]
        private_key = None
        public_key = wanted.get("public_key")
        if public_key is None:
            private_key, public_key = _generate()
        keypair = Keypair(
            user_id=str(req.context.user_id),
            name=wanted["name"],
            public_key=public_key,
            fingerprint=fingerprint_of(public_key),
        )
        made = self._conductor.create_keypair(
            req.context, keypair=keypair, limit=self._quota.key_pairs
        )
        shown = {**_brief(made), "user_id": made.user_id}
        if private_key is not None:
            shown["private_key"] = private_key
        return {"keypair": shown}

    @api(status=202)
    def delete(self, req: Request, id: str) -> None:  # noqa: A002
        """Remove one of the caller's key pairs."""
        self._conductor.delete_keypair(req.context, user_id=str(req.context.user_id), name=id)


def _brief(keypair: Keypair) -> Json:
    return {
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
