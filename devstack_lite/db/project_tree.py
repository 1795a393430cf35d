"""Projects below projects, and their tags.

What must hold of a tree is checked in the writer's transaction, which has locked the project it
hangs something on or takes away: all are in one domain, nobody is enabled below one who is not, and
only a leaf goes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from devstack_lite.db.engine import Database
from devstack_lite.db.schema import projects
from devstack_lite.exceptions import Forbidden, Invalid, NotFound
from devstack_lite.objects.identity import Project

MAX_DEPTH = 5
"""Projects in a line; Keystone's max_project_tree_depth."""
MAX_TAGS = 80
"""Keystone's max_tags of a project."""

_DENIED = "You are not authorized to perform the requested action:"


def check_new(connection: Connection, project: Project) -> None:
    """Raise NotFound, Invalid or Forbidden unless a project may be made where it is to be."""
    if project.parent_id is None:
        return
    parent = _lock(connection, project.parent_id)
    if parent.domain_id != project.domain_id:
        raise Invalid("Cannot create project, since its owner as domain is not that of its parent.")
    if not parent.enabled:
        raise Forbidden(
            f"{_DENIED} cannot create a project in a branch containing a disabled project:"
            f" {parent.id}."
        )
    if len(_line(_all(connection), parent)) >= MAX_DEPTH:
        raise Forbidden(f"Max hierarchy depth reached for {parent.id} branch.")


def check_switch(connection: Connection, project: Project, *, enabled: bool) -> None:
    """Raise Forbidden for a switch that leaves somebody enabled below one who is not."""
    known = _all(connection)
    if enabled and not all(one.enabled for one in _line(known, project)[1:]):
        raise Forbidden(
            f"{_DENIED} cannot enable project {project.id} since it has disabled parents."
        )
    if not enabled and any(one.enabled for one in _below(known, project.id)):
        raise Forbidden(
            f"{_DENIED} cannot disable project {project.id} since its subtree contains enabled"
            " projects."
        )


def check_leaf(connection: Connection, project_id: str) -> None:
    """Raise Forbidden for a project with others below it."""
    below = sa.select(projects.c.id).where(projects.c.parent_id == project_id)
    if connection.execute(below).first() is not None:
        raise Forbidden(
            f"{_DENIED} cannot delete the project {project_id} since it is not a leaf in the"
            " hierarchy. Use the cascade option if you want to delete a whole subtree."
        )


def list_parents(db: Database, project: Project) -> list[Project]:
    """Return the projects above one, the nearest first. One read."""
    with db.read() as connection:
        return _line(_all(connection), project)[1:]


def list_subtree(db: Database, project_id: str) -> list[Project]:
    """Return all projects below one, each after its parent. One read."""
    with db.read() as connection:
        return _below(_all(connection), project_id)


def change_tags(
    db: Database, project_id: str, *, added: Collection[str], removed: Collection[str] | None
) -> Project:
    """Have a project lose tags, all of them for None, then have others. One transaction.

    Raises NotFound, Invalid for too many.
    """
    with db.write() as connection:
        found = _lock(connection, project_id)
        kept = [] if removed is None else [one for one in found.tags if one not in removed]
        tags = [*kept, *(one for one in dict.fromkeys(added) if one not in kept)]
        if len(tags) > MAX_TAGS:
            raise Invalid(f"A project cannot have more than {MAX_TAGS} tags.")
        own = projects.c.id
        connection.execute(projects.update().where(own == project_id).values(tags=tags))
        return replace(found, tags=tuple(tags))


def project_of(row: Mapping[str, Any]) -> Project:
    """Return the project of a row by column."""
    return Project(**{**row, "tags": tuple(row["tags"] or ())})


def _lock(connection: Connection, project_id: str) -> Project:
    query = sa.select(projects).where(projects.c.id == project_id).with_for_update()
    row = connection.execute(query).first()
    if row is None:
        raise NotFound(f"Could not find project: {project_id}.", kind="project")
    return project_of(dict(row._mapping))


def _all(connection: Connection) -> dict[str, Project]:
    rows = connection.execute(sa.select(projects).order_by(projects.c.name, projects.c.id))
    return {row.id: project_of(dict(row._mapping)) for row in rows}


def _line(known: Mapping[str, Project], project: Project) -> list[Project]:
    """Return a project and those above it, the nearest first."""
    found = [project]
    while (parent_id := found[-1].parent_id) is not None and parent_id in known:
        found.append(known[parent_id])
    return found


def _below(known: Mapping[str, Project], project_id: str) -> list[Project]:
    found: list[Project] = []
    layer: Sequence[str] = [project_id]
    while layer:
        next_layer = [one for one in known.values() if one.parent_id in layer]
        found += next_layer
        layer = [one.id for one in next_layer]
    return found
