"""Writing images."""

from __future__ import annotations

from typing import cast

from devstack_lite.context import RequestContext
from devstack_lite.exceptions import NotFound
from devstack_lite.objects.image import Image, ImageChange, ImageData, ImageMember
from devstack_lite.rpc.client import RpcClient, declare


class ImagesAPI(RpcClient):
    """What the image service asks of the conductor. Who may do it was decided there."""

    TOPIC = "conductor"
    NAMESPACE = "images"

    @declare("call", timeout_s=10, is_idempotent=True)
    def create_image(self, context: RequestContext, *, image: Image) -> Image:
        """Record an image under the id it brings. Raises Conflict when that is another's."""
        return cast(Image, self.invoke(context, self.create_image, image=image))

    @declare("call", timeout_s=10, is_idempotent=True)
    def update_image(self, context: RequestContext, *, image_id: str, change: ImageChange) -> Image:
        """Merge a change into the image. Raises NotFound, Invalid."""
        return cast(
            Image, self.invoke(context, self.update_image, image_id=image_id, change=change)
        )

    @declare("call", timeout_s=10, is_idempotent=True)
    def add_tag(self, context: RequestContext, *, image_id: str, tag: str, maximum: int) -> None:
        """Tag an image that may have maximum tags. Raises NotFound, QuotaExceeded."""
        self.invoke(context, self.add_tag, image_id=image_id, tag=tag, maximum=maximum)

    @declare("call", timeout_s=10, is_idempotent=False, done_when=NotFound)
    def delete_tag(self, context: RequestContext, *, image_id: str, tag: str) -> None:
        """Take a tag off. Raises NotFound, also when it was delivered twice."""
        self.invoke(context, self.delete_tag, image_id=image_id, tag=tag)

    @declare("call", timeout_s=10, is_idempotent=True)
    def move_image(
        self, context: RequestContext, *, image_id: str, status: str, from_statuses: list[str]
    ) -> Image:
        """Set the status of an image that is in one of from_statuses, or there already.

        Raises Conflict, NotFound.
        """
        return cast(
            Image,
            self.invoke(
                context,
                self.move_image,
                image_id=image_id,
                status=status,
                from_statuses=from_statuses,
            ),
        )

    @declare("call", timeout_s=10, is_idempotent=True)
    def finish_upload(self, context: RequestContext, *, image_id: str, data: ImageData) -> Image:
        """Make an image active whose data is stored. Raises Conflict, NotFound."""
        return cast(Image, self.invoke(context, self.finish_upload, image_id=image_id, data=data))

    @declare("call", timeout_s=10, is_idempotent=False, done_when=NotFound)
    def delete_image(self, context: RequestContext, *, image_id: str) -> None:
        """Remove an image. Raises NotFound, also when it was delivered twice; Forbidden."""
        self.invoke(context, self.delete_image, image_id=image_id)

    @declare("call", timeout_s=10, is_idempotent=False)
    def create_member(
        self, context: RequestContext, *, image_id: str, member_id: str, maximum: int
    ) -> ImageMember:
        """Share an image with a project, of at most maximum.

        Raises Conflict, also when it was delivered twice; NotFound, QuotaExceeded.
        """
        return cast(
            ImageMember,
            self.invoke(
                context,
                self.create_member,
                image_id=image_id,
                member_id=member_id,
                maximum=maximum,
            ),
        )

    @declare("call", timeout_s=10, is_idempotent=True)
    def update_member(
        self, context: RequestContext, *, image_id: str, member_id: str, status: str
    ) -> ImageMember:
        """Set what a project thinks of a shared image. Raises NotFound."""
        return cast(
            ImageMember,
            self.invoke(
                context, self.update_member, image_id=image_id, member_id=member_id, status=status
            ),
        )

    @declare("call", timeout_s=10, is_idempotent=False, done_when=NotFound)
    def delete_member(self, context: RequestContext, *, image_id: str, member_id: str) -> None:
        """Stop sharing. Raises NotFound, also when it was delivered twice."""
        self.invoke(context, self.delete_member, image_id=image_id, member_id=member_id)
