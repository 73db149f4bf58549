"""Stored files on their way to a client."""

from __future__ import annotations

from collections.abc import Iterator

from ..kit.blobs import Blobs
from ..kit.endpoint import ByteStream


class FileStream(ByteStream):
    """A stored file on its way to a client, always as a download."""

    def __init__(self, media_type: str, name: str, pieces: Iterator[bytes]) -> None:
        self.media_type = media_type
        name = "".join(c if (c.isascii() and c.isalnum()) or c in "._-" else "_" for c in name)
        self.headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def close(self) -> None:
        """Nothing is held open between pieces but the file, which ends with its iterator."""


def pieces(blobs: Blobs, digest: str) -> Iterator[bytes]:
    """A stored file, piece by piece."""
    with blobs.open(digest) as file:
        while piece := file.read(1 << 18):
            yield piece
