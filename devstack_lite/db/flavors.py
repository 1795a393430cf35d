"""Flavors."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from devstack_lite.clock import utcnow
from devstack_lite.db.engine import Database
from devstack_lite.db.rows import flavor_to_json
from devstack_lite.db.schema import flavors
from devstack_lite.exceptions import Conflict, NotFound
from devstack_lite.objects.compute import Flavor


def _flavor(row: Any) -> Flavor:
    return Flavor(**row._mapping)


def list_flavors(
    db: Database,
    *,
    is_public: bool | None = True,
    min_memory_mb: int = 0,
    min_root_gb: int = 0,
    sort_key: str = "id",
    is_descending: bool = False,
) -> list[Flavor]:
    """Return flavors; is_public None returns all. One read."""
    own = flavors.c
    query = sa.select(flavors).where(own.memory_mb >= min_memory_mb, own.root_gb >= min_root_gb)
    if is_public is not None:
        query = query.where(own.is_public.is_(is_public))
    order = own[sort_key].desc() if is_descending else own[sort_key].asc()
    with db.read() as connection:
        return [_flavor(row) for row in connection.execute(query.order_by(order, own.id))]


def get_flavor(db: Database, flavor_id: str, *, with_private: bool) -> Flavor:
    """Return one flavor; a private one to those who may see it. Raises NotFound."""
    with db.read() as connection:
        row = connection.execute(sa.select(flavors).where(flavors.c.id == flavor_id)).one_or_none()
    if row is None or not (row.is_public or with_private):
        raise NotFound(f"Flavor {flavor_id} could not be found.", kind="flavor")
    return _flavor(row)


def create_flavor(db: Database, *, flavor: Flavor) -> Flavor:
    """Record a flavor. One transaction. Raises Conflict when its name or id is taken."""
    values = {**flavor_to_json(flavor), "created_at": utcnow()}
    try:
        with db.write() as connection:
            connection.execute(flavors.insert().values(values))
    except IntegrityError as error:
        with db.read() as connection:
            same_name = connection.execute(
                sa.select(flavors.c.id).where(flavors.c.name == flavor.name)
            ).first()
        what = f"name {flavor.name}" if same_name else f"ID {flavor.id}"
        raise Conflict(f"Flavor with {what} already exists.", kind="flavor") from error
    return Flavor(**values)


def delete_flavor(db: Database, *, flavor_id: str) -> None:
    """Remove a flavor; instances keep their copy. One transaction. Raises NotFound."""
    with db.write() as connection:
        if connection.execute(flavors.delete().where(flavors.c.id == flavor_id)).rowcount == 0:
            raise NotFound(f"Flavor {flavor_id} could not be found.", kind="flavor")
