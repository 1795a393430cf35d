"""The scheduler's decisions, kept for whoever asks why; the oldest make room for the newest."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.clock import utcnow
from devstack_lite.db.engine import Database
from devstack_lite.db.schema import decisions, instance_actions
from devstack_lite.db.statements import insert_missing
from devstack_lite.objects.compute import BuildResult, Claim, ClaimAnswer
from devstack_lite.objects.registry import Json

KEPT = 2_000
PRUNE_EVERY = 100
_ADDED = itertools.count(1)
"""How many this process has added: each of them prunes now and then."""


def with_answers(decision: Json, wanted: Sequence[Claim], answers: Sequence[ClaimAnswer]) -> Json:
    """Return a decision with what became of its selections."""
    selections = [
        {
            **chosen,
            "host": answer.host,
            "node": answer.node,
            "chosen": chosen["node"],
            "instance": claim.instance_uuid,
            "attempt": claim.attempt,
            "answer": answer.outcome,
        }
        for chosen, claim, answer in zip(decision["selections"], wanted, answers, strict=False)
    ]
    return {**decision, "selections": selections, "refused": []}


def keep_refusal(
    connection: Connection, request_id: str, decision: Json, refused: Sequence[BuildResult]
) -> None:
    """Keep a decision that found no host for these, in the caller's transaction."""
    found_none = [{"instance": one.instance_uuid, "attempt": one.attempt} for one in refused]
    if found_none:
        keep(connection, [(request_id, {**decision, "refused": found_none})])


def keep(connection: Connection, decided: Sequence[tuple[str, Json]]) -> None:
    """Keep decisions, each by its request id, in the caller's transaction.

    Delivered twice, each is kept once.
    """
    if not decided:
        return
    now = utcnow()
    rows = [
        {"uuid": content["uuid"], "request_id": request_id, "content": content, "created_at": now}
        for request_id, content in decided
    ]
    connection.execute(insert_missing(connection, decisions), rows)
    if sum(next(_ADDED) % PRUNE_EVERY == 0 for _ in rows):
        newest = connection.execute(sa.select(sa.func.max(decisions.c.id))).scalar_one()
        connection.execute(decisions.delete().where(decisions.c.id <= newest - KEPT))


def of_request(db: Database, request_id: str) -> list[Json]:
    """Return what was decided for a request, in order, each with its id and time."""
    with db.read() as connection:
        return _found(connection, [request_id])


def of_instance(db: Database, uuid: str) -> list[Json]:
    """Return what was decided for an instance, in order: its boot, and whatever moved it."""
    own = instance_actions.c
    asked = sa.select(own.request_id).where(own.instance_uuid == uuid)
    with db.read() as connection:
        requests = list(connection.execute(asked).scalars())
        found = _found(connection, requests)
    return [
        one
        for one in found
        if any(part["instance"] == uuid for part in (*one["selections"], *one["refused"]))
    ]


def _found(connection: Connection, request_ids: Sequence[str]) -> list[Json]:
    own = decisions.c
    query = sa.select(decisions).where(own.request_id.in_(request_ids)).order_by(own.id)
    return [
        {"id": row.id, "request_id": row.request_id, "created_at": row.created_at, **row.content}
        for row in connection.execute(query)
    ]
