"""Two conductors sweep one database: only the lease's holder acts, the other when it is gone."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from oslo_config import cfg

from devstack_lite import conf as options
from devstack_lite.clock import utcnow
from devstack_lite.db import builds, schema
from devstack_lite.db.engine import Database
from devstack_lite.db.leases import take_lease
from devstack_lite.objects.compute import Instance
from services.conductor import reconciler
from services.conductor.dispatch import Dispatcher
from services.conductor.reconciler import LEASE, Reconciler
from tests.chaos import seeded
from tests.integration.conftest import wait_until
from tests.unit.conftest import make_boot


class Sender(Dispatcher):
    """Notes what it would send."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def dispatch(self, instance: Instance, *, avoid_host: str | None = None) -> None:
        self.sent.append(instance.uuid)


class Conductors:
    """Two reconcilers over one database, with a short lease."""

    def __init__(self, db: Database, conf: Any) -> None:
        self.db = db
        self.senders = {name: Sender() for name in ("first", "second")}
        self.sweepers = {
            name: Reconciler(conf, db, sender, holder=name) for name, sender in self.senders.items()
        }

    def lose_message(self) -> str:
        """Record a boot whose message died long ago; return its uuid."""
        boot = make_boot()
        builds.create_instances(self.db, seeded.context(), boot, seeded.UNLIMITED)
        then = utcnow() - datetime.timedelta(minutes=1)
        with self.db.write() as connection:
            connection.execute(
                schema.instances.update()
                .where(schema.instances.c.uuid.in_(boot.instance_uuids))
                .values(progress_at=then)
            )
        return boot.instance_uuids[0]

    def attempt_of(self, uuid: str) -> int:
        with self.db.read() as connection:
            return int(
                connection.execute(
                    sa.select(schema.instances.c.attempt).where(schema.instances.c.uuid == uuid)
                ).scalar_one()
            )

    def holder(self) -> str:
        with self.db.read() as connection:
            return str(connection.execute(sa.select(schema.leases.c.holder)).scalar())

    def sent(self, name: str) -> list[str]:
        return self.senders[name].sent


@pytest.fixture
def conductors(db: Database, tmp_path: Path) -> Iterator[Conductors]:
    conf = options.register(cfg.ConfigOpts())
    conf([], project="devstack-lite", default_config_files=[])
    conf.set_override("sweep_s", 0.02, group="conductor")
    made = Conductors(db, conf)
    yield made
    for sweeper in made.sweepers.values():
        sweeper.stop()
        sweeper._thread.join(timeout=10) if sweeper._thread.is_alive() else None


def test_only_the_holder_acts_until_it_is_gone(
    conductors: Conductors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each lost message is asked for once, by the holder; the other takes over after the lease."""
    monkeypatch.setattr(reconciler, "LEASE_S", 1.0)
    lost = [conductors.lose_message() for _ in range(5)]
    conductors.sweepers["first"].start()
    wait_until(lambda: conductors.holder() == "first", "the first has the lease")
    conductors.sweepers["second"].start()
    wait_until(lambda: len(conductors.sent("first")) == 5, "all are handed out")
    lost.append(conductors.lose_message())
    wait_until(lambda: len(conductors.sent("first")) == 6, "the holder goes on")
    assert sorted(conductors.sent("first")) == sorted(lost)
    assert conductors.sent("second") == []
    assert [conductors.attempt_of(uuid) for uuid in lost] == [2] * 6

    conductors.sweepers["first"].stop()
    last = conductors.lose_message()
    wait_until(lambda: conductors.sent("second") == [last], "the second takes over")
    assert conductors.holder() == "second"
    assert conductors.attempt_of(last) == 2
    assert len(conductors.sent("first")) == 6


def test_two_that_sweep_at_once_hand_out_once(conductors: Conductors) -> None:
    """Even a holder that lost its lease in the midst of a sweep asks for nothing twice."""
    lost = [conductors.lose_message() for _ in range(20)]
    for sweeper in conductors.sweepers.values():
        sweeper.sweep()
    sent = conductors.sent("first") + conductors.sent("second")
    assert sorted(sent) == sorted(lost)
    assert {conductors.attempt_of(uuid) for uuid in lost} == {2}


def test_a_lease_has_one_holder(db: Database) -> None:
    """It is kept by its holder, refused to others, and free when it ends."""
    assert take_lease(db, LEASE, "first", seconds=60)
    assert take_lease(db, LEASE, "first", seconds=60)
    assert not take_lease(db, LEASE, "second", seconds=60)
    assert take_lease(db, LEASE, "first", seconds=-1)
    assert take_lease(db, LEASE, "second", seconds=60)
    assert not take_lease(db, LEASE, "first", seconds=60)
