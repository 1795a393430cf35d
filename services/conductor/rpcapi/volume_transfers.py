"""Writing transfers of volumes."""

from __future__ import annotations

from typing import cast

from devstack_lite.context import RequestContext
from devstack_lite.exceptions import NotFound
from devstack_lite.objects.volume import VolumeQuota, VolumeTransfer
from devstack_lite.rpc.client import RpcClient, declare


class VolumeTransfersAPI(RpcClient):
    """What the volume service asks of the conductor. Who may do it was decided there."""

    TOPIC = "conductor"
    NAMESPACE = "volume_transfers"

    @declare("call", timeout_s=10, is_idempotent=True)
    def create_transfer(
        self, context: RequestContext, *, transfer: VolumeTransfer
    ) -> VolumeTransfer:
        """Offer a volume, under the id that the offer brings. Raises NotFound, Invalid."""
        return cast(VolumeTransfer, self.invoke(context, self.create_transfer, transfer=transfer))

    @declare("call", timeout_s=10, is_idempotent=False, done_when=NotFound)
    def delete_transfer(self, context: RequestContext, *, transfer_id: str) -> None:
        """Take an offer back. Raises NotFound, also when it was delivered twice."""
        self.invoke(context, self.delete_transfer, transfer_id=transfer_id)

    @declare("call", timeout_s=10, is_idempotent=False)
    def accept_transfer(
        self, context: RequestContext, *, transfer_id: str, key: str, quota: VolumeQuota
    ) -> VolumeTransfer:
        """Give an offered volume to the context's project.

        Raises NotFound, also when it was delivered twice; Invalid, QuotaExceeded.
        """
        return cast(
            VolumeTransfer,
            self.invoke(
                context, self.accept_transfer, transfer_id=transfer_id, key=key, quota=quota
            ),
        )
