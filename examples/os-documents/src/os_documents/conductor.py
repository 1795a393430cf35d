"""Writes documents; runs in the conductor's workers, the only ones that may."""

from __future__ import annotations

import dataclasses
from typing import Any

import oslo_messaging
import sqlalchemy as sa

from devstack_lite.clock import utcnow
from devstack_lite.context import RequestContext
from devstack_lite.db.engine import Database
from os_documents.documents import TABLES, ProjectDocument, documents, not_found, of_row


class DocumentsEndpoint:
    """Serves os_documents.rpcapi; each method is one transaction, of the caller's project alone."""

    target = oslo_messaging.Target(namespace="os_documents", version="1.0")
    tables = TABLES

    def __init__(self, db: Database) -> None:
        self._db = db

    def create_document(
        self, context: RequestContext, *, document: ProjectDocument
    ) -> ProjectDocument:
        """Record it. Delivered twice: answers the one that is there."""
        mine = sa.select(documents).where(*_is(context, document.id))
        with self._db.write() as connection:
            row = connection.execute(mine).one_or_none()
            if row is not None:
                return of_row(row)
            made = dataclasses.replace(document, project_id=str(context.project_id))
            connection.execute(documents.insert().values(**dataclasses.asdict(made)))
        return made

    def update_document(
        self, context: RequestContext, *, document_id: str, values: dict[str, str]
    ) -> ProjectDocument:
        """Change it. Delivered twice: the same again."""
        mine = _is(context, document_id)
        with self._db.write() as connection:
            connection.execute(
                documents.update().where(*mine).values(**values, updated_at=utcnow())
            )
            row = connection.execute(sa.select(documents).where(*mine)).one_or_none()
        if row is None:
            raise not_found(document_id)
        return of_row(row)

    def delete_document(self, context: RequestContext, *, document_id: str) -> None:
        """Remove it. Delivered twice: the second is NotFound."""
        with self._db.write() as connection:
            done = connection.execute(documents.delete().where(*_is(context, document_id)))
        if not done.rowcount:
            raise not_found(document_id)


def _is(context: RequestContext, document_id: str) -> tuple[Any, Any]:
    own = documents.c
    return own.id == document_id, own.project_id == str(context.project_id)
