"""Decisions that are kept: with what became of them, once each, and not for ever."""

from __future__ import annotations

import pytest

from devstack_lite.context import RequestContext
from devstack_lite.db import builds, claims, decisions, failed_builds
from devstack_lite.db.engine import Database
from devstack_lite.objects.compute import BuildResult
from devstack_lite.objects.registry import Json
from tests.unit.conftest import make_boot
from tests.unit.test_builds import UNLIMITED, claim_of


def decision_of(name: str, *hosts: str) -> Json:
    selections = [{"host": host, "node": host, "weight": 1.0} for host in hosts]
    return {"uuid": name, "filters": [], "best": [], "selections": selections}


def test_a_claim_keeps_the_decision_with_its_answers(db: Database, context: RequestContext) -> None:
    """Delivered twice it is there once."""
    boot = make_boot(2)
    one, two = boot.instance_uuids
    builds.create_instances(db, context, boot, UNLIMITED)
    for _ in range(2):
        claims.claim_nodes(
            db, [claim_of(one), claim_of(two, attempt=7)], request_id=str(context.request_id),
            decision=decision_of("d", "host1", "host1"),
        )  # fmt: skip
    (kept,) = decisions.of_instance(db, two)
    assert [part["answer"] for part in kept["selections"]] == [claims.CLAIMED, claims.STALE]
    assert decisions.of_request(db, str(context.request_id)) == [kept]


def test_a_refusal_keeps_the_decision_with_who_was_refused(
    db: Database, context: RequestContext
) -> None:
    boot = make_boot(1)
    (uuid,) = boot.instance_uuids
    builds.create_instances(db, context, boot, UNLIMITED)
    refused = BuildResult(instance_uuid=uuid, attempt=1, error="no host")
    for _ in range(2):
        failed_builds.fail_builds(
            db, [refused], max_attempts=3, request_id=str(context.request_id),
            decision=decision_of("d"),
        )  # fmt: skip
    (kept,) = decisions.of_instance(db, uuid)
    assert kept["refused"] == [{"instance": uuid, "attempt": 1}]


def test_the_oldest_make_room(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decisions, "KEPT", 150)
    for number in range(400):
        with db.write() as connection:
            decisions.keep(connection, [(f"req-{number}", decision_of(f"d{number}"))])
    assert decisions.of_request(db, "req-399")
    assert decisions.of_request(db, "req-250")
    assert decisions.of_request(db, "req-149") == []
    with db.read() as connection:
        count = connection.exec_driver_sql("SELECT count(*) FROM decisions").scalar_one()
    assert 150 <= count < 150 + decisions.PRUNE_EVERY
