"""The images' data: one file per image below the state folder.

Owns: the folder, and that a file under an image's name is always whole. Data is written under a
temporary name and renamed when all of it is there. Who writes holds a lock on `<id>.lock`, which
the kernel releases when the writer dies; so an upload that was cut off can be begun again at once,
and two at the same time cannot happen, whichever worker they are in.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

from devstack_lite.exceptions import Conflict, Invalid, NotFound
from devstack_lite.objects.image import ImageData
from devstack_lite.wsgi.faults import HttpError

LOG = logging.getLogger(__name__)

CHUNK_BYTES = 256 * 1024
"""Read and written at once; the worker holds one such piece per transfer."""

HASH_ALGORITHM = "sha512"


class Source(Protocol):
    """Where data comes from."""

    def read(self, size: int, /) -> bytes:
        """Return at most size bytes; none at the end."""


class ImageStore:
    """The folder of the images' data."""

    def __init__(self, folder: Path, *, max_bytes: int) -> None:
        self._folder = folder
        self.max_bytes = max_bytes
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _path(self, image_id: str, suffix: str = "") -> Path:
        return self._folder / f"{image_id}{suffix}"

    @contextmanager
    def writing(self, image_id: str) -> Iterator[None]:
        """Be the only writer of an image's data. Raises Conflict when somebody else is."""
        path = self._path(image_id, ".lock")
        with path.open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Conflict(
                    f"Data of image {image_id} is being uploaded", kind="image"
                ) from error
            try:
                yield
            finally:
                path.unlink(missing_ok=True)

    def save(self, image_id: str, source: Source) -> ImageData:
        """Store all of source as the image's data and return what it is. In writing() only.

        On error nothing of it stays. Raises HttpError 413 beyond max_bytes, Invalid when source
        ends too early.
        """
        part = self._path(image_id, ".part")
        try:
            with part.open("wb") as target:
                data = self._copy(source, target)
            part.rename(self._path(image_id))
        finally:
            part.unlink(missing_ok=True)
        return data

    def stage(self, image_id: str, source: Source) -> int:
        """Keep source for a later import; return its bytes. As save() otherwise."""
        part = self._path(image_id, ".part")
        try:
            with part.open("wb") as target:
                size = self._copy(source, target).size
            part.rename(self._path(image_id, ".staged"))
        finally:
            part.unlink(missing_ok=True)
        return size

    def use_staged(self, image_id: str) -> ImageData:
        """Make what was staged the image's data. In writing() only. Raises NotFound.

        An import that died after this did its work finds the data where it put it.
        """
        staged, final = self._path(image_id, ".staged"), self._path(image_id)
        path = staged if staged.exists() else final
        try:
            with path.open("rb") as source:
                data = self._copy(source, None)
        except FileNotFoundError as error:
            raise NotFound(f"Nothing is staged for image {image_id}", kind="image") from error
        path.rename(final)
        return data

    def _copy(self, source: Source, target: IO[bytes] | None) -> ImageData:
        checksum = hashlib.md5(usedforsecurity=False)
        strong = hashlib.new(HASH_ALGORITHM)
        size = 0
        while chunk := _read(source):
            size += len(chunk)
            if size > self.max_bytes:
                raise too_large(self.max_bytes)
            checksum.update(chunk)
            strong.update(chunk)
            if target is not None:
                target.write(chunk)
        return ImageData(
            size=size,
            checksum=checksum.hexdigest(),
            os_hash_algo=HASH_ALGORITHM,
            os_hash_value=strong.hexdigest(),
        )

    def open(self, image_id: str) -> Data:
        """Return the image's data, to be iterated over. Raises NotFound."""
        try:
            return Data(self._path(image_id).open("rb"))
        except FileNotFoundError as error:
            raise NotFound(f"Image {image_id} has no data here", kind="image") from error

    def remove(self, image_id: str) -> None:
        """Remove whatever there is of an image. Absent is no error."""
        for suffix in ("", ".part", ".staged", ".lock"):
            self._path(image_id, suffix).unlink(missing_ok=True)

    def sweep(self, list_known: Callable[[], Iterable[str]]) -> None:
        """Remove the data of images that are no more: a worker died between row and file.

        Rows come first and go first, so a file without a row belongs to nobody, provided that the
        files are listed before the rows are.
        """
        paths = list(self._folder.iterdir())
        keep = set(list_known())
        for path in paths:
            if path.name.partition(".")[0] not in keep:
                LOG.info("removed %s: it belongs to no image", path.name)
                path.unlink(missing_ok=True)


class Data:
    """An open file as a WSGI answer: pieces of CHUNK_BYTES, closed by the server."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size = os.fstat(file.fileno()).st_size

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self._file.read(CHUNK_BYTES):
            yield chunk

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Body:
    """A request's body as a Source, whether it says its length or comes in chunks."""

    def __init__(self, environ: dict[str, Any]) -> None:
        self._input = environ["wsgi.input"]
        length = environ.get("CONTENT_LENGTH")
        is_chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
        self.length: int | None = None if is_chunked else int(length or 0)
        self._left = self.length

    def read(self, size: int, /) -> bytes:
        """Return at most size bytes. Raises Invalid when the client went away half-way."""
        if self._left is None:
            try:
                return bytes(self._input.read(size))
            except (OSError, ValueError) as error:
                raise Invalid("The request's body ended too early.") from error
        if self._left == 0:
            return b""
        chunk = bytes(self._input.read(min(size, self._left)))
        if not chunk:
            raise Invalid("The request's body ended too early.")
        self._left -= len(chunk)
        return chunk

    def drain(self, max_bytes: int) -> None:
        """Throw the rest away, so that a client still sending can read why it was refused."""
        dropped = 0
        try:
            while dropped <= max_bytes and (chunk := self.read(CHUNK_BYTES)):
                dropped += len(chunk)
        except Invalid:
            return


def _busy(image_id: str) -> Conflict:
    return Conflict(f"Data of image {image_id} is being uploaded", kind="image")


def _is_at(path: Path, file: IO[Any]) -> bool:
    """Whether path still names the open file: its last holder may have removed the name."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _read(source: Source) -> bytes:
    return source.read(CHUNK_BYTES)


def too_large(max_bytes: int) -> HttpError:
    """Return the refusal of data beyond what may be uploaded."""
    return HttpError(413, f"Denying attempt to upload image larger than {max_bytes} bytes.")
