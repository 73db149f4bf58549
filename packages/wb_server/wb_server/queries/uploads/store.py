"""Uploaded files on disk: each in a folder of its own, for its owner, until it is loaded or forgotten."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from ...kit import clock, disk
from ...kit.errors import Conflict, InvalidInput, LimitReached, NotFound, TooLarge, Unavailable

KEPT_SECONDS: Final = 3600.0
PART_BYTES: Final = 8 * 2**20
# What one user, and all together, may have here, in files of the largest size.
_OF_ONE: Final = 2
_OF_ALL: Final = 8
_MAX_FILES: Final = 20
_PIECE: Final = 2**20


@dataclass
class Stored:
    """An uploaded file.

    Attributes:
        name: as the user calls it.
        path: where it is, alone in its folder.
        used_at: when it was last used, by ``clock.monotonic``.
        received: how many bytes have arrived.
        users: how many requests use it now.
    """

    id: str
    owner: str
    name: str
    size: int
    path: Path
    used_at: float
    received: int = 0
    users: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class UploadStore:
    """The uploaded files of this process. Safe from any thread.

    They are temporary: a restart of the service forgets them, and the browser sends them again.

    Args:
        root: their folder, created when needed, and cleared of leftovers of earlier processes.
        largest: the maximum size of a file, in bytes.
    """

    def __init__(self, root: Path, largest: int) -> None:
        self._root = root
        self._largest = largest
        self._lock = threading.Lock()
        self._by_id: dict[str, Stored] = {}
        self._timer: threading.Timer | None = None
        self._tidied = False
        self._closed = False

    def add(self, owner: str, name: str, stored_name: str, size: int) -> Stored:
        """Makes room for a file; the owner's oldest ones give way.

        Raises:
            TooLarge: it is larger than files may be (``upload_too_large``).
            LimitReached: there is no room for it now (``too_many_uploads``).
            Unavailable: the disk is full (``storage_full``).
        """
        if size > self._largest:
            raise TooLarge(
                f"“{name}” has {size / 2**20:,.1f} MiB, and a file may have "
                f"{self._largest / 2**20:,.0f} MiB. Load it in parts, by a notebook with wb.load(), or "
                "let an administrator raise WB_MAX_UPLOAD.",
                code="upload_too_large",
                limit=self._largest,
            )
        self.tidy()
        with self._lock:
            dropped = self._give_way(owner, size)
            try:
                self._prepare()
                prefix = f"upload-{os.getpid()}-"
                folder = Path(tempfile.mkdtemp(prefix=prefix, dir=self._root))
                (folder / stored_name).touch(mode=0o600)
            except OSError as error:
                raise _no_room(error) from None
            path = folder / stored_name
            made = Stored(str(uuid.uuid4()), owner, name, size, path, clock.monotonic())
            self._by_id[made.id] = made
            self._watch()
        self._discard(dropped)
        return made

    @contextmanager
    def use(self, owner: str, upload_id: str, *, whole: bool = True) -> Iterator[Stored]:
        """A file of a user's own, which isn't removed while the block runs.

        Raises:
            NotFound: they have no such file (``unknown_upload``).
            Conflict: parts of it are missing (``incomplete_upload``).
        """
        with self._lock:
            found = self._by_id.get(upload_id)
            if found is None or found.owner != owner:
                raise NotFound(
                    "The file isn't here any more: it is kept for an hour after its last use. Send it "
                    "again.",
                    code="unknown_upload",
                )
            found.users += 1
        try:
            if whole and found.received < found.size:
                raise Conflict(
                    f"Of “{found.name}”, {found.received:,} of {found.size:,} bytes have arrived.",
                    code="incomplete_upload",
                    received=found.received,
                )
            yield found
        finally:
            with self._lock:
                found.users -= 1
                found.used_at = clock.monotonic()
                gone = not found.users and self._by_id.get(upload_id) is not found
            if gone:
                self._discard([found])

    def write(self, owner: str, upload_id: str, offset: int, part: BinaryIO) -> Stored:
        """Adds a part of a file; one that was sent before replaces itself.

        Raises:
            NotFound: they have no such file (``unknown_upload``).
            Conflict: what comes before it is missing (``wrong_offset``).
            InvalidInput: it goes beyond the size that was declared (``wrong_size``).
            Unavailable: the disk is full (``storage_full``).
        """
        with self.use(owner, upload_id, whole=False) as stored, stored.lock:
            if offset > stored.received:
                raise Conflict(
                    f"The next part begins at {stored.received}.",
                    code="wrong_offset",
                    received=stored.received,
                )
            length = part.seek(0, os.SEEK_END)
            part.seek(0)
            if offset + length > stored.size:
                raise InvalidInput(
                    f"The part goes beyond the {stored.size:,} bytes that were declared.",
                    code="wrong_size",
                )
            try:
                with stored.path.open("r+b") as file:
                    file.seek(offset)
                    shutil.copyfileobj(part, file, _PIECE)
            except OSError as error:
                raise _no_room(error) from None
            stored.received = max(stored.received, offset + length)
            return stored

    def remove(self, owner: str, upload_id: str) -> None:
        """Removes a file, when nothing uses it any more; does nothing if it isn't there."""
        with self._lock:
            found = self._by_id.get(upload_id)
            if found is None or found.owner != owner:
                return
            del self._by_id[upload_id]
            dropped = [found] if not found.users else []
        self._discard(dropped)

    def tidy(self) -> None:
        """Removes what nobody has used for an hour."""
        before = clock.monotonic() - KEPT_SECONDS
        with self._lock:
            old = [it for it in self._by_id.values() if not it.users and it.used_at <= before]
            for each in old:
                del self._by_id[each.id]
        self._discard(old)

    def close(self) -> None:
        """Removes all files."""
        with self._lock:
            self._closed = True
            left = list(self._by_id.values())
            self._by_id.clear()
            if self._timer is not None:
                self._timer.cancel()
        self._discard(left)

    def _give_way(self, owner: str, size: int) -> list[Stored]:
        """Takes files of the owner's out, oldest first, until one more may be added."""
        own = sorted(
            (it for it in self._by_id.values() if it.owner == owner), key=lambda it: it.used_at
        )
        total = sum(it.size for it in self._by_id.values())
        dropped: list[Stored] = []
        for each in own:
            kept = [it for it in own if it not in dropped]
            if (
                len(kept) < _MAX_FILES
                and sum(it.size for it in kept) + size <= _OF_ONE * self._largest
            ):
                break
            if not each.users:
                dropped.append(each)
        kept = [it for it in own if it not in dropped]
        total -= sum(it.size for it in dropped)
        if (
            len(kept) >= _MAX_FILES
            or sum(it.size for it in kept) + size > _OF_ONE * self._largest
            or total + size > _OF_ALL * self._largest
        ):
            raise LimitReached(
                "Too many large files are being loaded. Try again when one of them is done.",
                code="too_many_uploads",
                retry_after=10,
            )
        for each in dropped:
            del self._by_id[each.id]
        return dropped

    def _prepare(self) -> None:
        """Creates the folder, and removes leftovers of processes that have ended; once."""
        if self._tidied:
            return
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in self._root.iterdir():
            found = re.match(r"upload-(\d+)-", left.name)
            if found and (int(found[1]) == os.getpid() or not Path(f"/proc/{found[1]}").exists()):
                shutil.rmtree(left, ignore_errors=True)
        self._tidied = True

    def _watch(self) -> None:
        """Looks again later, while there are files."""
        if self._timer is None and self._by_id and not self._closed:
            self._timer = threading.Timer(KEPT_SECONDS / 4, self._look)
            self._timer.daemon = True
            self._timer.start()

    def _look(self) -> None:
        self.tidy()
        with self._lock:
            self._timer = None
            self._watch()

    def _discard(self, files: list[Stored]) -> None:
        for each in files:
            shutil.rmtree(each.path.parent, ignore_errors=True)


def _no_room(error: OSError) -> Unavailable:
    if disk.is_full(error):
        message = "The service can't keep the file: its disk is full. Ask an administrator."
        return Unavailable(message, code="storage_full")
    return Unavailable(
        "The service can't keep the file in its data folder. Ask an administrator.",
        code="storage_failed",
    )
