"""Whatever is claimed, released, lost and repeated in whichever order: used is what is claimed."""

from __future__ import annotations

import datetime
import tempfile
import uuid
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from devstack_lite.clock import utcnow
from devstack_lite.db import builds, claims, deletes, failed_builds, hosts, operations, schema
from devstack_lite.db.engine import Database
from devstack_lite.exceptions import NotFound
from devstack_lite.invariants.collect import read_database
from devstack_lite.invariants.rules import find_violations
from devstack_lite.invariants.snapshot import Snapshot
from devstack_lite.objects.compute import BuildOrder, BuildResult, Claim, Flavor
from devstack_lite.objects.resources import resources_of
from devstack_lite.states import Verdict
from devstack_lite.steps import StepLog
from tests.chaos import seeded
from tests.unit.conftest import inventory, make_boot, make_node, outcomes

NODES = ("host1", "host2")
FLAVORS = (
    Flavor(id="1", name="small", vcpus=1, memory_mb=512, root_gb=1),
    Flavor(id="2", name="large", vcpus=3, memory_mb=1024, root_gb=20),
    Flavor(
        id="3",
        name="card",
        vcpus=1,
        memory_mb=512,
        root_gb=1,
        extra_specs={"resources:CUSTOM_CARD": "2", "resources:VCPU": "0"},
    ),
)
HELD = {"ended", "accepted", "claim-owner", "used", "capacity", "quota"}
"""The invariants that the database alone must hold, after each transaction."""

ANY_S = 1e6

node_names = st.sampled_from(NODES)
lateness = st.integers(min_value=0, max_value=2)
"""By how many attempts a message is behind."""


class Claims(RuleBasedStateMachine):
    """Api, scheduler, hosts and reconciler, each as the transactions that they have recorded."""

    booted: Bundle[str] = Bundle("booted")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="claims-")
        self.db = Database(f"sqlite:///{self.folder.name}/cloud.sqlite")
        schema.metadata.create_all(self.db.engine)
        with self.db.write() as connection:
            connection.execute(schema.counters.insert().values(name=claims.NODE_VERSION, value=0))
        hosts.report_nodes(
            self.db,
            [
                make_node(
                    name,
                    vcpus=1,
                    cpu_allocation_ratio=4.0,
                    disk_gb=30,
                    inventories={"CUSTOM_CARD": inventory(total=5)},
                )
                for name in NODES
            ],
        )

    def teardown(self) -> None:
        self.db.engine.dispose()
        self.folder.cleanup()

    # ------------------------------------------------------------------------ what happens

    @rule(target=booted, count=st.integers(1, 6), flavor=st.sampled_from(FLAVORS))
    def boot(self, count: int, flavor: Flavor):  # type: ignore[no-untyped-def]
        uuids = [str(uuid.uuid4()) for _ in range(count)]
        wanted = make_boot(
            flavor=flavor, instance_uuids=tuple(uuids), reservation_id=f"r-{uuids[0]}"
        )
        for _ in range(2):
            builds.create_instances(self.db, seeded.context(), wanted, seeded.UNLIMITED)
        return multiple(*uuids)

    @rule(one=booted, node=node_names, late=lateness)
    def claim(self, one: str, node: str, late: int) -> None:
        """A scheduler claims, perhaps for an attempt that is over, perhaps a second time."""
        instance = self.find(one)
        before = seeded.content(self.db)
        answers = outcomes(claims.claim_nodes(self.db, [self.claim_of(instance, node, late)]))
        if late or not instance.is_waiting:
            assert answers == [claims.STALE]
        if answers != [claims.CLAIMED]:
            assert answers == [claims.STALE] or instance.is_waiting
            if answers == [claims.STALE]:
                assert seeded.content(self.db) == before

    @rule(node=node_names)
    def claim_all(self, node: str) -> None:
        """A scheduler claims for whatever waits, perhaps more than the node may hold."""
        with self.db.read() as connection:
            query = schema.instances.select().where(schema.instances.c.task_state == "scheduling")
            waiting = [row.uuid for row in connection.execute(query)]
        wanted = [self.claim_of(self.find(one), node, 0) for one in waiting]
        assert set(outcomes(claims.claim_nodes(self.db, wanted))) <= {claims.CLAIMED, claims.FULL}

    @rule(one=booted, node=node_names, late=lateness, owner=st.sampled_from(("a", "b")))
    def start(self, one: str, node: str, late: int, owner: str) -> None:
        """A host begins a build that it was handed: always where it is claimed."""
        instance = self.find(one)
        order = BuildOrder(
            instance_uuid=one, node=self.claimed_on(one) or node, attempt=instance.attempt - late
        )
        if late or self.claimed_on(one) is None:
            order = BuildOrder(instance_uuid=one, node=order.node, attempt=instance.attempt - 1)
        granted = builds.start_builds(self.db, order.node, owner, [order], StepLog())
        if order.attempt != instance.attempt:
            assert granted == []

    @rule(one=booted, late=lateness, node=node_names)
    def finish(self, one: str, late: int, node: str) -> None:
        """A host has built it; one whose attempt is over is told so and changes nothing."""
        instance = self.find(one)
        is_mine = not late and instance.is_under_way
        result = BuildResult(
            instance_uuid=one, attempt=instance.attempt - late, power_state=1,
            node=(instance.node if is_mine else None) or node,
        )  # fmt: skip
        if not late and not instance.is_under_way:
            return
        before = seeded.content(self.db)
        answer = builds.finish_builds(self.db, [result], "nova")[one]
        assert (answer is Verdict.MINE) == is_mine
        if not is_mine:
            assert seeded.content(self.db) == before

    @rule(one=booted, late=lateness, can_retry=st.booleans())
    def fail(self, one: str, late: int, can_retry: bool) -> None:
        """A host could not build it."""
        instance = self.find(one)
        result = BuildResult(
            instance_uuid=one, attempt=instance.attempt - late, node="", error="no",
            can_retry=can_retry,
        )  # fmt: skip
        before = seeded.content(self.db)
        failed_builds.fail_builds(self.db, [result], max_attempts=3)
        if late:
            assert seeded.content(self.db) == before

    @rule(owner=st.sampled_from(("a", "b")), host=node_names, repeats=st.integers(1, 2))
    def crash(self, owner: str, host: str, repeats: int) -> None:
        """A worker died; its successor says so, perhaps twice: each operation is lost once."""
        started_at = utcnow()
        found = [
            operations.hand_out_of_worker(
                self.db, service="compute", host=host, predecessors=owner, successor="nobody",
                started_at=started_at, grace_s=0.0,
            )
            for _ in range(repeats)
        ]  # fmt: skip
        assert all(again == [] for again in found[1:])

    @rule()
    def sweep(self) -> None:
        """Everybody was silent for too long."""
        with self.db.write() as connection:
            connection.execute(
                schema.instances.update()
                .where(schema.instances.c.task_state.is_not(None))
                .values(progress_at=utcnow() - datetime.timedelta(hours=1))
            )
        operations.hand_out_silent(self.db, operations.Bounds(unowned_s=10, owned_s=15))

    @rule(one=booted)
    def delete(self, one: str) -> None:
        try:
            deletes.begin_delete(self.db, seeded.context("req-delete"), one)
        except NotFound:
            assert not self.find(one).is_alive

    @rule(one=booted)
    def finish_delete(self, one: str) -> None:
        deletes.finish_delete(self.db, one)
        assert not deletes.finish_delete(self.db, one)

    # ---------------------------------------------------------------------- what must hold

    @invariant()
    def used_is_what_is_claimed(self) -> None:
        with self.db.snapshot() as connection:
            found = read_database(connection, Path(self.folder.name), ANY_S)
        seen = find_violations(Snapshot(**found), bound_s=ANY_S)
        assert [one for one in seen if one.rule in HELD] == []

    # ---------------------------------------------------------------------------- to look

    def find(self, one: str) -> Standing:
        return Standing(self.db, one)

    def claimed_on(self, one: str) -> str | None:
        with self.db.read() as connection:
            row = connection.execute(
                schema.claims.select().where(schema.claims.c.instance_uuid == one)
            ).one_or_none()
        return None if row is None else str(row.node)

    @staticmethod
    def claim_of(instance: Standing, node: str, late: int) -> Claim:
        size = resources_of(instance.flavor)
        return Claim(
            instance_uuid=instance.uuid, host=node, node=node, vcpus=size.vcpus,
            memory_mb=size.memory_mb, disk_gb=size.disk_gb, resources=dict(size.others),
            attempt=instance.attempt - late,
        )  # fmt: skip


class Standing:
    """An instance as it is now, deleted or not."""

    def __init__(self, db: Database, one: str) -> None:
        with db.read() as connection:
            row = connection.execute(
                schema.instances.select().where(schema.instances.c.uuid == one)
            ).one()
        self.uuid, self.attempt, self.node = row.uuid, row.attempt, row.node
        self.flavor = Flavor(**row.flavor)
        self.is_alive = row.deleted_at is None
        self.is_waiting = self.is_alive and row.task_state == "scheduling"
        self.is_under_way = (
            self.is_alive and row.vm_state == "building" and row.task_state == "networking"
        )


Claims.TestCase.settings = settings(
    max_examples=30,
    stateful_step_count=40,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
TestClaims = Claims.TestCase
