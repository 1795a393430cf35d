"""Flavors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from devstack_lite.clock import utcnow
from devstack_lite.db.engine import Database
from devstack_lite.db.rows import flavor_to_json
from devstack_lite.db.schema import flavor_access, flavors
from devstack_lite.exceptions import Conflict, NotFound
from devstack_lite.objects.compute import Flavor

_FLAVOR = sa.select(flavors).where(flavors.c.id == sa.bindparam("id"))


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
    project_id: str | None = None,
) -> list[Flavor]:
    """Return flavors; is_public None returns all. One read.

    project_id: private flavors that it has access to are among the public ones.
    """
    own = flavors.c
    query = sa.select(flavors).where(own.memory_mb >= min_memory_mb, own.root_gb >= min_root_gb)
    if is_public is not None:
        chosen: sa.ColumnElement[bool] = own.is_public.is_(is_public)
        if is_public and project_id is not None:
            chosen = sa.or_(chosen, own.id.in_(_accessible(project_id)))
        query = query.where(chosen)
    order = own[sort_key].desc() if is_descending else own[sort_key].asc()
    with db.read() as connection:
        return [_flavor(row) for row in connection.execute(query.order_by(order, own.id))]


def _accessible(project_id: str) -> sa.Select[Any]:
    own = flavor_access.c
    return sa.select(own.flavor_id).where(own.project_id == project_id)


def get_flavor(
    db: Database, flavor_id: str, *, with_private: bool, project_id: str | None = None
) -> Flavor:
    """Return one flavor; a private one to those who may see it. Raises NotFound."""
    with db.read() as connection:
        row = connection.execute(_FLAVOR, {"id": flavor_id}).one_or_none()
        is_seen = row is not None and (row.is_public or with_private)
        if row is not None and not is_seen and project_id is not None:
            is_seen = flavor_id in connection.scalars(_accessible(project_id)).all()
    if not is_seen:
        raise _not_found(flavor_id)
    return _flavor(row)


def list_access(db: Database, flavor_id: str) -> list[str]:
    """Return the projects that may use a private flavor."""
    with db.read() as connection:
        return _access(connection, flavor_id)


def _access(connection: Connection, flavor_id: str) -> list[str]:
    own = flavor_access.c
    query = sa.select(own.project_id).where(own.flavor_id == flavor_id).order_by(own.project_id)
    return list(connection.scalars(query))


def add_access(db: Database, *, flavor_id: str, project_id: str) -> list[str]:
    """Let a project use a private flavor. One transaction. Raises NotFound; Conflict if it may."""
    with db.write() as connection:
        _locked(connection, flavor_id)
        if project_id in _access(connection, flavor_id):
            raise Conflict(
                f"Flavor access already exists for flavor {flavor_id} and project {project_id}"
                " combination.",
                kind="flavor",
            )
        connection.execute(
            flavor_access.insert().values(flavor_id=flavor_id, project_id=project_id)
        )
        return _access(connection, flavor_id)


def remove_access(db: Database, *, flavor_id: str, project_id: str) -> list[str]:
    """Have a project use it no more. One transaction. Raises NotFound, also when it may not."""
    own = flavor_access.c
    gone = flavor_access.delete().where(own.flavor_id == flavor_id, own.project_id == project_id)
    with db.write() as connection:
        _locked(connection, flavor_id)
        if connection.execute(gone).rowcount == 0:
            raise NotFound(
                f"Flavor access not found for {flavor_id} / {project_id} combination.",
                kind="flavor",
            )
        return _access(connection, flavor_id)


def describe_flavor(db: Database, *, flavor_id: str, description: str | None) -> Flavor:
    """Change what is said of a flavor. One transaction. Raises NotFound."""
    chosen = flavors.c.id == flavor_id
    with db.write() as connection:
        _locked(connection, flavor_id)
        connection.execute(flavors.update().where(chosen).values(description=description))
        return _flavor(connection.execute(sa.select(flavors).where(chosen)).one())


def set_extra_specs(
    db: Database, *, flavor_id: str, specs: Mapping[str, str | None]
) -> dict[str, str]:
    """Merge extra specs into a flavor's; None removes a key. One transaction. Raises NotFound."""
    with db.write() as connection:
        row = _locked(connection, flavor_id)
        merged = {**row.extra_specs, **specs}
        merged = {key: value for key, value in merged.items() if value is not None}
        connection.execute(
            flavors.update().where(flavors.c.id == flavor_id).values(extra_specs=merged)
        )
        return merged


def _locked(connection: Connection, flavor_id: str) -> Any:
    query = sa.select(flavors).where(flavors.c.id == flavor_id).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None:
        raise _not_found(flavor_id)
    return row


def _not_found(flavor_id: str) -> NotFound:
    return NotFound(f"Flavor {flavor_id} could not be found.", kind="flavor")


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
            raise _not_found(flavor_id)
        connection.execute(flavor_access.delete().where(flavor_access.c.flavor_id == flavor_id))
