"""/os-documents; runs in the api's workers, which read the database and change nothing."""

from __future__ import annotations

import uuid
from typing import Any

from devstack_lite.clock import utcnow
from devstack_lite.wsgi import validation
from devstack_lite.wsgi.decorators import expected_errors, response
from devstack_lite.wsgi.extensions import Environment, ExtensionDescriptor, ResourceExtension
from devstack_lite.wsgi.request import Reply, Request
from os_documents.documents import ProjectDocument, get_document, list_documents
from os_documents.rpcapi import DocumentsAPI

RULE = "os_compute_api:os-documents"

FIELDS = {
    "name": {"type": "string", "minLength": 1, "maxLength": 255},
    "content": {"type": "string", "maxLength": 65535},
}


def body_of(**rules: Any) -> dict[str, Any]:
    """Return the schema of a body {"document": {…}}."""
    document = {"type": "object", "properties": FIELDS, "additionalProperties": False, **rules}
    return {
        "type": "object",
        "properties": {"document": document},
        "required": ["document"],
        "additionalProperties": False,
    }


CREATE = body_of(required=["name"])
UPDATE = body_of(minProperties=1)


class DocumentsController:
    """The documents of the caller's project; another project's are not found."""

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._conductor = env.rpc(DocumentsAPI)

    @expected_errors(())
    def index(self, req: Request) -> dict[str, Any]:
        found = list_documents(self._env.db, project_id=req.context.project_id)
        return {"documents": [brief(req, one) for one in found]}

    @expected_errors(404)
    def show(self, req: Request, id: str) -> dict[str, Any]:
        found = get_document(self._env.db, id, project_id=req.context.project_id)
        return {"document": full(req, found)}

    @expected_errors(())
    @validation.schema(CREATE)
    def create(self, req: Request, body: Any) -> Reply:
        self._env.authorize(req.context, f"{RULE}:create")
        wanted = body["document"]
        made = self._conductor.create_document(
            req.context,
            document=ProjectDocument(
                # The id is made here: a message that is delivered twice makes one document.
                id=str(uuid.uuid4()),
                project_id=req.context.project_id,
                name=wanted["name"],
                content=wanted.get("content", ""),
                created_at=utcnow(),
            ),
        )
        shown = full(req, made)
        location = {"Location": shown["links"][0]["href"]}
        return Reply(body={"document": shown}, status=201, headers=location)

    @expected_errors(404)
    @validation.schema(UPDATE)
    def update(self, req: Request, id: str, body: Any) -> dict[str, Any]:
        self._env.authorize(req.context, f"{RULE}:update")
        changed = self._conductor.update_document(
            req.context, document_id=id, values=body["document"]
        )
        return {"document": full(req, changed)}

    @expected_errors(404)
    @response(204)
    def delete(self, req: Request, id: str) -> None:
        self._env.authorize(req.context, f"{RULE}:delete")
        self._conductor.delete_document(req.context, document_id=id)


def brief(req: Request, document: ProjectDocument) -> dict[str, Any]:
    links = [{"rel": "self", "href": req.public_url(f"/os-documents/{document.id}")}]
    return {"id": document.id, "name": document.name, "links": links}


def full(req: Request, document: ProjectDocument) -> dict[str, Any]:
    changed = document.updated_at
    return {
        **brief(req, document),
        "content": document.content,
        "created_at": document.created_at.isoformat(),
        "updated_at": changed.isoformat() if changed is not None else None,
    }


class Documents(ExtensionDescriptor):
    """Documents that belong to a project."""

    name = "Documents"
    alias = "os-documents"
    updated = "2026-11-21T00:00:00Z"

    def get_resources(self) -> list[ResourceExtension]:
        return [ResourceExtension("os-documents", DocumentsController(self.env))]

    def get_policies(self) -> dict[str, str]:
        return {f"{RULE}:{method}": "member" for method in ("create", "update", "delete")}
