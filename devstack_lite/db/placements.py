"""What placement reads: the claims, with the nodes that they are on and whose they are."""

from __future__ import annotations

import sqlalchemy as sa

from devstack_lite.db.engine import Database
from devstack_lite.db.rows import node_of
from devstack_lite.db.schema import claims, compute_nodes, instances
from devstack_lite.objects.compute import ComputeNode
from devstack_lite.objects.placement import Allocation


def find_node(db: Database, node_id: str) -> ComputeNode | None:
    """Return the node of an id."""
    query = sa.select(compute_nodes).where(compute_nodes.c.id == node_id)
    with db.read() as connection:
        row = connection.execute(query).first()
    return node_of(row) if row is not None else None


def list_allocations(
    db: Database,
    *,
    provider_id: str | None = None,
    consumer_id: str | None = None,
    project_id: str | None = None,
    user_id: str | None = None,
) -> list[Allocation]:
    """Return the claims of instances that there are, those that match what is given. One read."""
    query = (
        sa.select(
            claims.c.instance_uuid.label("consumer_id"),
            compute_nodes.c.id.label("provider_id"),
            compute_nodes.c.version.label("generation"),
            claims.c.attempt,
            instances.c.project_id,
            instances.c.user_id,
            claims.c.vcpus,
            claims.c.memory_mb,
            claims.c.disk_gb,
            claims.c.resources,
        )
        .join(compute_nodes, compute_nodes.c.hypervisor_hostname == claims.c.node)
        .join(instances, instances.c.uuid == claims.c.instance_uuid)
        .order_by(claims.c.instance_uuid, claims.c.node)
    )
    for column, value in (
        (compute_nodes.c.id, provider_id),
        (claims.c.instance_uuid, consumer_id),
        (instances.c.project_id, project_id),
        (instances.c.user_id, user_id),
    ):
        if value is not None:
            query = query.where(column == value)
    with db.read() as connection:
        return [
            Allocation(**{**row._mapping, "resources": row.resources or {}})
            for row in connection.execute(query)
        ]
