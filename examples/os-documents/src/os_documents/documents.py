"""The table, what a row is elsewhere, and how it is read."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from devstack_lite.db.engine import Database
from devstack_lite.db.schema import UtcDateTime
from devstack_lite.exceptions import NotFound
from devstack_lite.objects.registry import message

TABLES = sa.MetaData()

documents = sa.Table(
    "os_documents",
    TABLES,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("project_id", sa.String(64), nullable=False, index=True),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime),
)


@message
@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectDocument:
    """A document, as it crosses RPC; updated_at is None until it is changed."""

    id: str
    project_id: str
    name: str
    content: str
    created_at: datetime.datetime
    updated_at: datetime.datetime | None = None


def of_row(row: Any) -> ProjectDocument:
    return ProjectDocument(**row._mapping)


def list_documents(db: Database, *, project_id: str) -> list[ProjectDocument]:
    """Return a project's documents, the oldest first."""
    own = documents.c
    query = sa.select(documents).where(own.project_id == project_id)
    with db.read() as connection:
        rows = connection.execute(query.order_by(own.created_at, own.id)).all()
    return [of_row(row) for row in rows]


def get_document(db: Database, document_id: str, *, project_id: str) -> ProjectDocument:
    """Return one. Raises NotFound, for another project's too."""
    own = documents.c
    query = sa.select(documents).where(own.id == document_id, own.project_id == project_id)
    with db.read() as connection:
        row = connection.execute(query).one_or_none()
    if row is None:
        raise not_found(document_id)
    return of_row(row)


def not_found(document_id: str) -> NotFound:
    return NotFound(f"Document {document_id} could not be found.", kind="document")
