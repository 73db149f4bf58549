"""A folder as one file: packed where it is kept, unpacked where its code runs.

The file is a tar, plain or gzipped. Unpacking trusts nothing in it: it creates regular files and
folders below one fresh folder, within limits, and nothing else.
"""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, cast

from .errors import InvalidInput, TooLarge

MAX_PACKED = 64 * 2**20
MAX_UNPACKED = 256 * 2**20
MAX_ENTRIES = 5_000
_LONGEST_PATH = 1_000
_PIECE = 2**20


def pack(files: Mapping[str, bytes]) -> bytes:
    """Packs the files into a tar; equal files give equal bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = 0o600
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def unpack(packed: bytes, folder: Path) -> None:
    """Unpacks a snapshot below ``folder``, which must be empty and accessible to nobody else.

    Raises:
        InvalidInput: it isn't a tar, or has an entry that isn't a file or folder below this one
            (``bad_snapshot``). What was already unpacked stays: the caller removes the folder.
        TooLarge: over ``MAX_PACKED`` or ``MAX_UNPACKED`` bytes, or ``MAX_ENTRIES`` entries
            (``snapshot_too_large``).
    """
    if len(packed) > MAX_PACKED:
        raise _too_large(f"is over {MAX_PACKED // 2**20} MiB")
    source: IO[bytes] = io.BytesIO(packed)
    if packed[:2] == b"\x1f\x8b":
        source = cast(IO[bytes], gzip.GzipFile(fileobj=source))
    # Headers count too: one may claim any length, and is read whole.
    limited = _Limited(source, MAX_UNPACKED + MAX_ENTRIES * 3 * 512)
    try:
        with tarfile.open(fileobj=cast(IO[bytes], limited), mode="r|") as tar:
            for number, entry in enumerate(tar, 1):
                if number > MAX_ENTRIES:
                    raise _too_large(f"has over {MAX_ENTRIES} files")
                _make(tar, entry, folder)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError) as error:
        raise _bad("can't be read as a tar file") from error


def _make(tar: tarfile.TarFile, entry: tarfile.TarInfo, folder: Path) -> None:
    parts = entry.name.rstrip("/").split("/")
    if (
        len(entry.name) > _LONGEST_PATH
        or {"", ".", ".."} & {*parts}
        or any(ord(letter) < 32 or letter in "\\\x7f" for letter in entry.name)
    ):
        raise _bad(f"has a path that leads outside the folder: {entry.name[:100]!r}")
    target = folder.joinpath(*parts)
    try:
        if entry.isdir():
            target.mkdir(mode=0o700, parents=True, exist_ok=True)
            return
        # No links, devices or pipes, and no sparse file, which unpacks to more than it claims.
        if entry.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or entry.issparse():
            raise _bad(f"has an entry that is neither a file nor a folder: {entry.name[:100]!r}")
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = 0o700 if entry.mode & 0o100 else 0o600
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    except (FileExistsError, NotADirectoryError) as error:
        raise _bad(f"has {entry.name[:100]!r} twice") from error
    content = tar.extractfile(entry)
    assert content is not None
    with os.fdopen(handle, "wb") as file:
        while piece := content.read(_PIECE):
            file.write(piece)


class _Limited:
    """A reader that raises once more than ``limit`` bytes were read."""

    def __init__(self, source: IO[bytes], limit: int) -> None:
        self._source = source
        self._left = limit

    def read(self, size: int) -> bytes:
        piece = self._source.read(min(size, self._left + 1))
        self._left -= len(piece)
        if self._left < 0:
            raise _too_large(f"unpacks to over {MAX_UNPACKED // 2**20} MiB")
        return piece


def _bad(what: str) -> InvalidInput:
    return InvalidInput(f"The snapshot {what}.", code="bad_snapshot")


def _too_large(what: str) -> TooLarge:
    return TooLarge(f"The snapshot {what}.", code="snapshot_too_large")
