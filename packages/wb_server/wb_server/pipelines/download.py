"""Streams stored files to clients."""

from __future__ import annotations

from collections.abc import Iterator

from ..kit.blobs import Blobs
from ..kit.endpoint import ByteStream


class FileStream(ByteStream):
    """A stored file as a response that browsers always download, never display."""

    def __init__(self, media_type: str, name: str, pieces: Iterator[bytes]) -> None:
        self.media_type = media_type
        name = "".join(c if (c.isascii() and c.isalnum()) or c in "._-" else "_" for c in name)
        self.headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def close(self) -> None:
        """Does nothing: the iterator closes the file when it is exhausted or collected."""


def pieces(blobs: Blobs, digest: str) -> Iterator[bytes]:
    """The content of a stored file in chunks of 256 KiB."""
    with blobs.open(digest) as file:
        while piece := file.read(1 << 18):
            yield piece
