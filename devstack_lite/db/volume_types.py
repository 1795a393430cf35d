"""Volume types, and which projects have access to those that are not public.

The default type is there without a row: it gets one when it is first changed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from devstack_lite.clock import utcnow
from devstack_lite.db.engine import Database
from devstack_lite.db.schema import volumes
from devstack_lite.db.schema_volumes import volume_type_access, volume_types
from devstack_lite.exceptions import Conflict, Forbidden, Invalid, NotFound
from devstack_lite.objects.volume_type import VolumeType

DEFAULT = VolumeType(
    id="5d8ae1f6-4a3b-4f0e-9c5e-6f6c7b1f2a10",
    name="__DEFAULT__",
    description="Default Volume Type",
    extra_specs={"volume_backend_name": "lvmdriver-1"},
)
"""What a volume has when no type is named: Cinder's name, DevStack's backend."""

_CHANGEABLE = frozenset({"name", "description", "is_public"})
_FIELDS = tuple(field.name for field in dataclasses.fields(VolumeType))


def _type(row: Any) -> VolumeType:
    return VolumeType(**row._mapping)


def _not_found(name_or_id: str) -> NotFound:
    return NotFound(f"Volume type {name_or_id} could not be found.", kind="volume_type")


def list_types(db: Database, *, project_id: str | None = None) -> list[VolumeType]:
    """Return the types that a project can use, all without one, in the order of their names."""
    with db.read() as connection:
        return _all(connection, project_id)


def _all(connection: Connection, project_id: str | None) -> list[VolumeType]:
    own = volume_types.c
    query = sa.select(volume_types)
    if project_id is not None:
        access = sa.select(volume_type_access.c.type_id).where(
            volume_type_access.c.project_id == project_id
        )
        # The default's row is needed in any case, to know that there is one.
        query = query.where(
            sa.or_(own.is_public.is_(True), own.id.in_(access), own.id == DEFAULT.id)
        )
    found = [_type(row) for row in connection.execute(query)]
    if DEFAULT.id not in {one.id for one in found}:
        found.append(DEFAULT)
    return sorted(found, key=lambda one: one.name)


def find_type(db: Database, name_or_id: str, *, project_id: str | None = None) -> VolumeType:
    """Return the type of that id or name that a project can use. Raises NotFound."""
    return _find(list_types(db, project_id=project_id), name_or_id)


def _find(known: Sequence[VolumeType], name_or_id: str) -> VolumeType:
    for one in (*(one for one in known if one.id == name_or_id), *known):
        if name_or_id in {one.id, one.name}:
            return one
    raise _not_found(name_or_id)


def is_multiattach(one: VolumeType) -> bool:
    """Say whether a type's volumes may be attached to several servers at once."""
    return one.extra_specs.get("multiattach") == "<is> True"


def multiattach_names(connection: Connection) -> set[str]:
    """Return the names of the types whose volumes may be."""
    return {one.name for one in _all(connection, None) if is_multiattach(one)}


def default_name(connection: Connection) -> str:
    """Return the name of the default type, which may have been changed."""
    return _find(_all(connection, None), DEFAULT.id).name


def list_access(db: Database, type_id: str) -> list[str]:
    """Return the projects that have access to a type. One read."""
    own = volume_type_access.c
    with db.read() as connection:
        query = sa.select(own.project_id).where(own.type_id == type_id).order_by(own.project_id)
        return list(connection.execute(query).scalars())


# ------------------------------------------------------------------------------------ writing


def _locked(connection: Connection, type_id: str) -> VolumeType:
    """Return a type that has a row, as it is until the transaction ends. Raises NotFound."""
    query = sa.select(volume_types).where(volume_types.c.id == type_id).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is not None:
        return _type(row)
    if type_id != DEFAULT.id:
        raise _not_found(type_id)
    now = utcnow()
    made = dataclasses.replace(DEFAULT, created_at=now, updated_at=now)
    connection.execute(volume_types.insert().values(_values(made)))
    return made


def _values(one: VolumeType) -> dict[str, Any]:
    return {name: getattr(one, name) for name in _FIELDS}


def _change(connection: Connection, one: VolumeType, values: Mapping[str, Any]) -> VolumeType:
    now = utcnow()
    connection.execute(
        volume_types.update().where(volume_types.c.id == one.id).values(**values, updated_at=now)
    )
    return dataclasses.replace(one, **values, updated_at=now)


def create_type(db: Database, *, volume_type: VolumeType) -> VolumeType:
    """Record a type. One transaction. Raises Conflict when its name is another's.

    The same type again (id and created_at are the same) is the one that is there.
    """
    now = volume_type.created_at or utcnow()
    made = dataclasses.replace(volume_type, created_at=now, updated_at=now)
    try:
        with db.write() as connection:
            _check_name(connection, made)
            connection.execute(volume_types.insert().values(_values(made)))
    except IntegrityError as error:
        for there in list_types(db):
            if (there.id, there.created_at) == (made.id, made.created_at):
                return there
        raise _taken(made.name) from error
    return made


def _check_name(connection: Connection, wanted: VolumeType) -> None:
    """Raise Conflict when another type has the name; the default's may have no row."""
    for one in _all(connection, None):
        if one.name == wanted.name and one.id != wanted.id:
            raise _taken(wanted.name)


def _taken(name: str) -> Conflict:
    return Conflict(f"Volume Type {name} already exists.", kind="volume_type")


def update_type(db: Database, *, type_id: str, values: Mapping[str, Any]) -> VolumeType:
    """Set name, description or is_public; its volumes take the name along. One transaction.

    Raises NotFound, Invalid, Conflict when the name is another's.
    """
    if not set(values) <= _CHANGEABLE:
        raise Invalid(f"{min(set(values) - _CHANGEABLE)} cannot be changed.", kind="volume_type")
    with db.write() as connection:
        one = _locked(connection, type_id)
        changed = dataclasses.replace(one, **values)
        _check_name(connection, changed)
        if changed.name != one.name:
            connection.execute(
                volumes.update()
                .where(volumes.c.volume_type == one.name)
                .values(volume_type=changed.name)
            )
        return _change(connection, one, values)


def delete_type(db: Database, *, type_id: str) -> None:
    """Remove a type that no volume has. One transaction. Raises NotFound, Forbidden, Invalid."""
    if type_id == DEFAULT.id:
        raise Forbidden(
            f"Volume type {type_id} deletion is not allowed: it is the default type.",
            kind="volume_type",
        )
    with db.write() as connection:
        one = _locked(connection, type_id)
        own = volumes.c
        used = sa.select(own.id).where(own.volume_type == one.name).limit(1)
        if connection.execute(used).first() is not None:
            raise Invalid(
                f"Volume type {type_id} deletion is not allowed with volumes present with the"
                " type.",
                kind="volume_type",
            )
        access = volume_type_access
        connection.execute(access.delete().where(access.c.type_id == type_id))
        connection.execute(volume_types.delete().where(volume_types.c.id == type_id))


def update_extra_specs(
    db: Database, *, type_id: str, items: Mapping[str, str], removed: Sequence[str]
) -> VolumeType:
    """Merge items into the extra specs. One transaction.

    Raises NotFound, also for a key of removed that is not there.
    """
    with db.write() as connection:
        one = _locked(connection, type_id)
        merged = {**one.extra_specs, **items}
        for key in removed:
            if key not in merged:
                raise NotFound(f"Volume Type {type_id} has no extra specs with key {key}.")
            del merged[key]
        return _change(connection, one, {"extra_specs": merged})


def add_access(db: Database, *, type_id: str, project_id: str) -> None:
    """Let a project use a type that is not public. One transaction.

    Raises NotFound, Conflict when it is public or the project has access.
    """
    try:
        with db.write() as connection:
            _check_private(_locked(connection, type_id))
            connection.execute(
                volume_type_access.insert().values(type_id=type_id, project_id=project_id)
            )
    except IntegrityError as error:
        raise Conflict(
            f"Volume type access for {type_id} / {project_id} combination already exists.",
            kind="volume_type",
        ) from error


def remove_access(db: Database, *, type_id: str, project_id: str) -> None:
    """Take a type from a project. One transaction. Raises NotFound, Conflict when it is public."""
    own = volume_type_access.c
    with db.write() as connection:
        _check_private(_locked(connection, type_id))
        gone = volume_type_access.delete().where(
            own.type_id == type_id, own.project_id == project_id
        )
        if connection.execute(gone).rowcount == 0:
            raise NotFound(
                f"Volume type access not found for {type_id} / {project_id} combination.",
                kind="volume_type",
            )


def _check_private(one: VolumeType) -> None:
    if one.is_public:
        raise Conflict(
            "Type access modification is not applicable to public volume type.",
            kind="volume_type",
        )
