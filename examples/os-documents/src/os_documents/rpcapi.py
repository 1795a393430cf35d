"""What the api asks of the conductor."""

from __future__ import annotations

from typing import cast

from devstack_lite.context import RequestContext
from devstack_lite.rpc.client import RpcClient, declare
from os_documents.documents import ProjectDocument


class DocumentsAPI(RpcClient):
    """Served by os_documents.conductor: the same names, the same arguments."""

    TOPIC = "conductor"
    NAMESPACE = "os_documents"

    @declare("call", timeout_s=10, is_idempotent=True)
    def create_document(
        self, context: RequestContext, *, document: ProjectDocument
    ) -> ProjectDocument:
        """Record one, keyed by its id."""
        answer = self.invoke(context, self.create_document, document=document)
        return cast(ProjectDocument, answer)

    @declare("call", timeout_s=10, is_idempotent=True)
    def update_document(
        self, context: RequestContext, *, document_id: str, values: dict[str, str]
    ) -> ProjectDocument:
        """Change its name or content. Raises NotFound."""
        answer = self.invoke(context, self.update_document, document_id=document_id, values=values)
        return cast(ProjectDocument, answer)

    @declare("call", timeout_s=10, is_idempotent=False)
    def delete_document(self, context: RequestContext, *, document_id: str) -> None:
        """Remove it. Raises NotFound."""
        self.invoke(context, self.delete_document, document_id=document_id)
