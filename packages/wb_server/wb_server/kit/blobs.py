"""Blobs: immutable bytes, addressed by their SHA-256 and counted by reference.

A blob is written before the row that names it, so a row never names bytes that are missing. A
blob without a reference is left over from an interrupted write; ``sweep`` removes those.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import uuid
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import IO

import sqlalchemy as sa

from . import clock
from .db import Database, UtcDateTime, metadata
from .disk import is_full
from .errors import NotFound, Unavailable

blobs = sa.Table(
    "blobs",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("references", sa.Integer, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

# One row: the id of this installation, which its folder of blobs bears too.
installation = sa.Table("installation", metadata, sa.Column("id", sa.String(36), primary_key=True))
_MARK = ".installation"


class Blobs:
    """A content-addressed store in a folder, with its reference counts in the database.

    Args:
        folder: where the bytes are stored, as ``ab/cdef…``.
        database: where the counts are stored.
    """

    def __init__(self, folder: Path, database: Database) -> None:
        self._folder = folder
        self._database = database

    def mark(self, *, first: bool = False) -> None:
        """Marks the folder as this installation's. For the service, whose folder it is.

        Args:
            first: only if no folder was marked before.

        Raises:
            Unavailable: the disk is full (``storage_full``).
        """
        with self._database.write() as connection:
            known = connection.scalar(sa.select(installation.c.id))
            if known is None:
                known = str(uuid.uuid4())
                connection.execute(installation.insert().values(id=known))
            elif first:
                return
        if self._marked() == known:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / _MARK).write_text(known)
        except OSError as error:
            raise _full() from error

    def shared(self) -> bool:
        """Whether the folder is the installation's own: a worker elsewhere may lack it."""
        with self._database.read() as connection:
            known = connection.scalar(sa.select(installation.c.id))
        return known is not None and self._marked() == known

    def _marked(self) -> str | None:
        try:
            return (self._folder / _MARK).read_text()
        except OSError:
            return None

    def put(self, chunks: Iterable[bytes]) -> str:
        """Stores the bytes and returns their digest. Equal bytes are stored once.

        The count is unchanged: ``refer`` follows, in the transaction that writes the naming row.

        Raises:
            Unavailable: the disk is full (``storage_full``); nothing of them is kept.
        """
        digest, size = hashlib.sha256(), 0
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._folder)
        except OSError as error:
            raise _full() from error
        try:
            with os.fdopen(handle, "wb") as file:
                for chunk in chunks:
                    digest.update(chunk)
                    size += len(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            key = digest.hexdigest()
            path = self._path(key)
            path.parent.mkdir(exist_ok=True)
            os.replace(name, path)
        except BaseException as error:
            Path(name).unlink(missing_ok=True)
            if isinstance(error, OSError) and is_full(error):
                raise _full() from error
            raise
        with self._database.write() as connection:
            known = connection.execute(sa.select(blobs.c.digest).where(blobs.c.digest == key))
            if known.first() is None:
                connection.execute(
                    blobs.insert().values(
                        digest=key, size=size, references=0, created_at=clock.now()
                    )
                )
        return key

    def open(self, digest: str) -> IO[bytes]:
        """Opens a blob for reading.

        Raises:
            NotFound: no blob has this digest.
        """
        try:
            return self._path(digest).open("rb")
        except FileNotFoundError as error:
            raise NotFound("This stored content no longer exists.", code="unknown_blob") from error

    def refer(self, connection: sa.Connection, digest: str, by: int = 1) -> None:
        """Counts a reference (or with ``by=-1`` drops one), in the caller's own transaction.

        Raises:
            NotFound: no blob has this digest.
        """
        changed = connection.execute(
            blobs.update()
            .where(blobs.c.digest == digest)
            .values(references=blobs.c.references + by)
        )
        if changed.rowcount == 0:
            raise NotFound("This stored content no longer exists.", code="unknown_blob")

    def sweep(self, older_than: timedelta = timedelta(days=1)) -> int:
        """Removes blobs that nothing refers to, and returns how many.

        Blobs younger than ``older_than`` stay: their naming row may not be written yet.
        """
        with self._database.write() as connection:
            gone = list(
                connection.execute(
                    blobs.delete()
                    .where(blobs.c.references <= 0, blobs.c.created_at < clock.now() - older_than)
                    .returning(blobs.c.digest)
                ).scalars()
            )
        for digest in gone:
            self._path(digest).unlink(missing_ok=True)
        return len(gone)

    def _path(self, digest: str) -> Path:
        if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
            raise NotFound("This is not the name of stored content.", code="unknown_blob")
        return self._folder / digest[:2] / digest[2:]


def _full() -> Unavailable:
    return Unavailable(
        "The Workbench can't store anything: the disk for its files is full or failing. Nothing "
        "was changed. Tell an administrator.",
        code="storage_full",
    )
