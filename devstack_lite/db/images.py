"""Images and whom they are shared with. Their data is in the image service's folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from devstack_lite.clock import utcnow
from devstack_lite.db import pages
from devstack_lite.db.engine import Database
from devstack_lite.db.schema import image_members, images
from devstack_lite.exceptions import Conflict, Forbidden, Invalid, NotFound, QuotaExceeded
from devstack_lite.objects.image import Image, ImageChange, ImageData, ImageMember

_CHANGEABLE = frozenset(
    {
        "name", "visibility", "owner", "disk_format", "container_format", "min_disk", "min_ram",
        "protected", "os_hidden", "tags",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFilter:
    """Which images a list holds, in which order, and which page of it."""

    project_id: str | None = None
    """Whose view it is: public, its own, and what it accepted; None is everything."""
    equals: tuple[tuple[str, tuple[Any, ...]], ...] = ()
    """Column, and the values of which one must be there."""
    compares: tuple[tuple[str, str, Any], ...] = ()
    """Column, one of the operators gt, gte, lt, lte, eq, neq, and the value."""
    properties: tuple[tuple[str, str], ...] = ()
    tags: tuple[str, ...] = ()
    visibility: str | None = None
    member_status: str = "accepted"
    """Of the images shared with project_id: accepted, pending, rejected or all."""
    is_hidden: bool = False
    sort: tuple[tuple[str, str], ...] = (("created_at", "desc"), ("id", "desc"))
    marker: str | None = None
    limit: int = 25


_IMAGE = sa.select(images).where(images.c.id == sa.bindparam("id"))


def _image(row: Any) -> Image:
    values = dict(row._mapping)
    values["tags"] = tuple(values["tags"])
    return Image(**values)


def _not_found(image_id: str) -> NotFound:
    return NotFound(f"No image found with ID {image_id}", kind="image")


def get_image(db: Database, image_id: str, *, project_id: str | None = None) -> Image:
    """Return an image that project_id (None: anybody) may see. Raises NotFound.

    A community image, and one that was shared but not accepted, is seen by who knows its id.
    """
    with db.read() as connection:
        row = connection.execute(_IMAGE, {"id": image_id}).one_or_none()
        if row is None or not _may_see(connection, row, project_id):
            raise _not_found(image_id)
    return _image(row)


def _may_see(connection: Connection, row: Any, project_id: str | None) -> bool:
    if project_id is None or row.visibility in {"public", "community"}:
        return True
    if row.owner == project_id:
        return True
    if row.visibility != "shared":
        return False
    member = sa.select(image_members.c.member_id).where(
        image_members.c.image_id == row.id, image_members.c.member_id == project_id
    )
    return connection.execute(member).first() is not None


def list_images(db: Database, wanted: ImageFilter) -> list[Image]:
    """Return one page. Raises Invalid for a marker that names nothing."""
    query = sa.select(images).where(*_conditions(wanted))
    found: list[Image] = []
    with db.read() as connection:
        if wanted.marker is not None:
            marked = connection.execute(
                sa.select(images).where(images.c.id == wanted.marker)
            ).one_or_none()
            if marked is None:
                raise Invalid(f"Invalid marker. Image {wanted.marker} could not be found.")
            query = query.where(pages.behind(images, marked, wanted.sort))
        query = pages.in_order(query, images, wanted.sort)
        if not (wanted.properties or wanted.tags):
            query = query.limit(wanted.limit)
        # Databases differ in how they search JSON, so properties and tags are compared here.
        for row in connection.execute(query):
            image = _image(row)
            if _has_extras(image, wanted):
                found.append(image)
            if len(found) >= wanted.limit:
                break
    return found


def _has_extras(image: Image, wanted: ImageFilter) -> bool:
    return all(image.properties.get(key) == value for key, value in wanted.properties) and all(
        tag in image.tags for tag in wanted.tags
    )


_OPERATORS = {
    "gt": lambda column, value: column > value,
    "gte": lambda column, value: column >= value,
    "lt": lambda column, value: column < value,
    "lte": lambda column, value: column <= value,
    "eq": lambda column, value: column == value,
    "neq": lambda column, value: column != value,
}
OPERATORS = frozenset(_OPERATORS)


def _conditions(wanted: ImageFilter) -> list[sa.ColumnElement[bool]]:
    own = images.c
    found: list[sa.ColumnElement[bool]] = [own.os_hidden.is_(wanted.is_hidden)]
    if wanted.visibility not in {None, "all"}:
        found.append(own.visibility == wanted.visibility)
    if wanted.project_id is not None:
        seen = [own.visibility == "public", own.owner == wanted.project_id, _shared(wanted)]
        if wanted.visibility in {"community", "all"}:
            seen.append(own.visibility == "community")
        found.append(sa.or_(*seen))
    found.extend(own[name].in_(values) for name, values in wanted.equals)
    found.extend(_OPERATORS[how](own[name], value) for name, how, value in wanted.compares)
    return found


def _shared(wanted: ImageFilter) -> sa.ColumnElement[bool]:
    shared = sa.select(image_members.c.image_id).where(
        image_members.c.member_id == wanted.project_id
    )
    if wanted.member_status != "all":
        shared = shared.where(image_members.c.status == wanted.member_status)
    return sa.and_(images.c.visibility == "shared", images.c.id.in_(shared))


def list_image_ids(db: Database) -> set[str]:
    """Return the ids of all images. One read."""
    with db.read() as connection:
        return set(connection.execute(sa.select(images.c.id)).scalars())


# ------------------------------------------------------------------------------------ writing


def _updated(connection: Connection, image_id: str, values: Mapping[str, Any]) -> Image:
    connection.execute(
        images.update().where(images.c.id == image_id).values(**values, updated_at=utcnow())
    )
    return _locked(connection, image_id)


def _locked(connection: Connection, image_id: str) -> Image:
    """Return the image as it is and will be until the transaction ends. Raises NotFound."""
    row = connection.execute(
        sa.select(images).where(images.c.id == image_id).with_for_update()
    ).one_or_none()
    if row is None:
        raise _not_found(image_id)
    return _image(row)


def create_image(db: Database, *, image: Image) -> Image:
    """Record an image. One transaction. Raises Conflict when its id is another image's.

    The same image again (id and created_at are the same) is the one that is there.
    """
    now = image.created_at or utcnow()
    values = {name: getattr(image, name) for name in _FIELDS}
    values.update(tags=list(image.tags), created_at=now, updated_at=image.updated_at or now)
    try:
        with db.write() as connection:
            connection.execute(images.insert().values(values))
    except IntegrityError as error:
        there = get_image(db, image.id)
        if there.created_at != now or there.owner != image.owner:
            raise Conflict(f"Image ID {image.id} already exists!", kind="image") from error
        return there
    return dataclasses.replace(image, created_at=now, updated_at=values["updated_at"])


_FIELDS = tuple(field.name for field in dataclasses.fields(Image))


def update_image(db: Database, *, image_id: str, change: ImageChange) -> Image:
    """Merge a change into the image as it is now. One transaction. Raises NotFound, Invalid."""
    unknown = set(change.values) - _CHANGEABLE
    if unknown:
        raise Invalid(f"Attribute '{min(unknown)}' is read-only.", kind="image")
    with db.write() as connection:
        image = _locked(connection, image_id)
        properties = {**image.properties, **change.properties}
        for name in change.removed:
            properties.pop(name, None)
        values = dict(change.values)
        if "tags" in values:
            values["tags"] = list(values["tags"])
        return _updated(connection, image_id, {**values, "properties": properties})


def add_tag(db: Database, *, image_id: str, tag: str, maximum: int) -> None:
    """Tag an image that may have so many tags. One transaction. Raises NotFound, QuotaExceeded."""
    with db.write() as connection:
        image = _locked(connection, image_id)
        if tag in image.tags:
            return
        if len(image.tags) >= maximum:
            raise QuotaExceeded(f"The limit has been exceeded on the number of allowed image tags."
                          f" Attempted: {len(image.tags) + 1}, Maximum: {maximum}")  # fmt: skip
        _updated(connection, image_id, {"tags": [*image.tags, tag]})


def delete_tag(db: Database, *, image_id: str, tag: str) -> None:
    """Take a tag off an image. One transaction. Raises NotFound for the image and for the tag."""
    with db.write() as connection:
        image = _locked(connection, image_id)
        if tag not in image.tags:
            raise NotFound(f"Image {image_id} has no tag {tag}", kind="image")
        _updated(connection, image_id, {"tags": [other for other in image.tags if other != tag]})


def move_image(db: Database, *, image_id: str, status: str, from_statuses: Sequence[str]) -> Image:
    """Set the status of an image that is in one of from_statuses, or there already.

    One transaction. Raises Conflict for any other status, NotFound.
    """
    with db.write() as connection:
        image = _locked(connection, image_id)
        if image.status == status:
            return image
        if image.status not in from_statuses:
            raise Conflict(
                f"Image status transition from {image.status} to {status} is not allowed",
                kind="image",
            )
        return _updated(connection, image_id, {"status": status})


def finish_upload(db: Database, *, image_id: str, data: ImageData) -> Image:
    """Make an image active whose data is stored. One transaction; the same data again is no error.

    Raises Conflict when it is active with other data, or deactivated; NotFound.
    """
    with db.write() as connection:
        image = _locked(connection, image_id)
        if image.status == "active" and image.os_hash_value == data.os_hash_value:
            return image
        if image.status not in {"queued", "saving", "uploading", "importing"}:
            raise Conflict(f"Image {image_id} is {image.status}: it has its data", kind="image")
        values = {name: getattr(data, name) for name in ImageData.__dataclass_fields__}
        return _updated(connection, image_id, {**values, "status": "active"})


def delete_image(db: Database, *, image_id: str) -> None:
    """Remove an image and its members. One transaction. Raises NotFound, Forbidden."""
    with db.write() as connection:
        if _locked(connection, image_id).protected:
            raise Forbidden(f"Image {image_id} is protected and cannot be deleted.", kind="image")
        connection.execute(image_members.delete().where(image_members.c.image_id == image_id))
        connection.execute(images.delete().where(images.c.id == image_id))


# ------------------------------------------------------------------------------------ members


def list_members(db: Database, image_id: str) -> list[ImageMember]:
    """Return who an image is shared with. One read."""
    query = sa.select(image_members).where(image_members.c.image_id == image_id)
    with db.read() as connection:
        rows = connection.execute(query.order_by(image_members.c.created_at))
        return [ImageMember(**row._mapping) for row in rows]


def create_member(db: Database, *, image_id: str, member_id: str, maximum: int) -> ImageMember:
    """Share an image with a project, of at most so many. One transaction.

    Raises Conflict when it is shared already, NotFound, QuotaExceeded.
    """
    now = utcnow()
    values = {
        "image_id": image_id, "member_id": member_id, "status": "pending",
        "created_at": now, "updated_at": now,
    }  # fmt: skip
    try:
        with db.write() as connection:
            _locked(connection, image_id)
            connection.execute(image_members.insert().values(values))
            _check_members(connection, image_id, maximum)
    except IntegrityError as error:
        raise Conflict(
            f"The target member {member_id} is already associated with image {image_id}.",
            kind="image",
        ) from error
    return ImageMember(**values)  # type: ignore[arg-type]


def _check_members(connection: Connection, image_id: str, maximum: int) -> None:
    query = sa.select(sa.func.count()).where(image_members.c.image_id == image_id)
    count = int(connection.execute(query).scalar_one())
    if count > maximum:
        raise QuotaExceeded(
            "The limit has been exceeded on the number of allowed image members for this image."
            f" Attempted: {count}, Maximum: {maximum}"
        )


def update_member(db: Database, *, image_id: str, member_id: str, status: str) -> ImageMember:
    """Set what a project thinks of a shared image. One transaction. Raises NotFound."""
    own = image_members.c
    where = (own.image_id == image_id, own.member_id == member_id)
    with db.write() as connection:
        connection.execute(
            image_members.update().where(*where).values(status=status, updated_at=utcnow())
        )
        row = connection.execute(sa.select(image_members).where(*where)).one_or_none()
    if row is None:
        raise NotFound(f"{member_id} not found in the member list of the image {image_id}.")
    return ImageMember(**row._mapping)


def delete_member(db: Database, *, image_id: str, member_id: str) -> None:
    """Stop sharing an image with a project. One transaction. Raises NotFound."""
    own = image_members.c
    gone = image_members.delete().where(own.image_id == image_id, own.member_id == member_id)
    with db.write() as connection:
        if connection.execute(gone).rowcount == 0:
            raise NotFound(f"{member_id} not found in the member list of the image {image_id}.")
