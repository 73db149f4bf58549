"""Request bodies: how they are received, and how much of them the service holds at once.

Nothing of a body is kept before its sender is authenticated. A user's body is held until its request
ends, in memory, or on disk if the endpoint takes a file. What a refused sender keeps sending is read and discarded, so that they see the answer, but only
for a limited number of requests at once.
"""

from __future__ import annotations

import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from typing import BinaryIO, cast

from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPServerRequest

from ..kit.errors import LimitReached, TooLarge, Unavailable

# The most that is read and discarded of one body.
_DRAIN = 64 * 2**20
_DRAIN_SECONDS = 30.0
# Seconds that a body may take to arrive.
_SECONDS = 600.0


class Quota:
    """A budget, of bytes or anything else, that senders share. Safe from any thread.

    Args:
        one: how much one sender may take.
        all_: how much all may take together.
    """

    def __init__(self, one: int, all_: int) -> None:
        self._one = one
        self._all = all_
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    def take(self, sender: str, amount: int) -> None:
        """Takes an amount for a sender.

        Raises:
            LimitReached: that much isn't left (``too_many_bodies``).
        """
        with self._lock:
            if self._taken[sender] + amount <= self._one:
                if self._taken.total() + amount <= self._all:
                    self._taken[sender] += amount
                    return
        raise LimitReached(
            "Too many large requests are in progress. Try again in a moment.",
            code="too_many_bodies",
            retry_after=2,
        )

    def give(self, sender: str, amount: int) -> None:
        """Returns an amount that was taken."""
        with self._lock:
            self._taken[sender] -= amount
            if self._taken[sender] <= 0:
                del self._taken[sender]


class Bodies:
    """The budgets of one host.

    Args:
        largest: size of the largest body that an endpoint accepts, in bytes.
        largest_file: size of the largest file that an endpoint accepts, in bytes.
    """

    def __init__(self, largest: int, largest_file: int = 0) -> None:
        self.held = Quota(one=2 * largest, all_=8 * largest)  # bytes
        self.on_disk = Quota(one=2 * largest_file, all_=8 * largest_file)  # bytes
        self.thrown_away = Quota(one=16, all_=64)  # requests


class RequestBody:
    """The body of one request, as it is received. Use it on the event loop's thread only."""

    def __init__(self, bodies: Bodies, request: HTTPServerRequest) -> None:
        self._bodies = bodies
        self._headers = request.headers
        self._connection = cast(HTTP1Connection, request.connection)
        self._limit = 0
        self._received = 0
        self._chunks: list[bytes] = []
        self._file: BinaryIO | None = None
        self._disk_failed = False
        self._give_back: Callable[[], None] = lambda: None

    def expect(self, sender: str, limit: int, *, on_disk: bool = False) -> None:
        """Reserves room for the body of an authenticated sender.

        Args:
            limit: its maximum size in bytes.
            on_disk: keeps it in a temporary file.

        Raises:
            TooLarge: its declared length exceeds the limit (``body_too_large``).
            LimitReached: too many are being received (``too_many_bodies``).
        """
        size = self._size(undeclared=limit)
        self._limit = limit
        if size > limit:
            raise self.too_large()
        self._take(self._bodies.on_disk if on_disk else self._bodies.held, sender, size)
        if on_disk:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115  closed by end()
        self._connection.set_body_timeout(_SECONDS)

    def throw_away(self, address: str) -> bool:
        """Discards what arrives of a refused body. False if the connection should rather be closed."""
        self._limit = 0
        size = self._size(undeclared=_DRAIN)
        if size > _DRAIN:
            return False
        try:
            self._take(self._bodies.thrown_away, address, min(size, 1))
        except LimitReached:
            return False
        self._connection.set_body_timeout(_DRAIN_SECONDS)
        return True

    def add(self, chunk: bytes) -> bool:
        """Adds a chunk. False if so much arrived that the connection should be closed."""
        self._received += len(chunk)
        if self._received > self._limit:
            self._chunks.clear()
        elif self._file is None:
            self._chunks.append(chunk)
        elif not self._disk_failed:
            try:
                self._file.write(chunk)
            except OSError:
                self._disk_failed = True
        return self._received <= max(self._limit, _DRAIN)

    def whole(self) -> bytes:
        """The whole body.

        Raises:
            TooLarge: it exceeded its limit without having declared it (``body_too_large``).
        """
        if self._received > self._limit:
            raise self.too_large()
        return b"".join(self._chunks)

    def file(self) -> BinaryIO:
        """The whole body as a file, at its beginning.

        Raises:
            TooLarge: it exceeded its limit without having declared it (``body_too_large``).
            Unavailable: the disk is full (``storage_full``).
        """
        if self._received > self._limit:
            raise self.too_large()
        try:
            if self._file is None or self._disk_failed:
                raise OSError
            self._file.seek(0)
        except OSError:
            raise Unavailable(
                "The service can't keep what was sent: its disk may be full. Ask an administrator.",
                code="storage_full",
            ) from None
        return self._file

    def too_large(self) -> TooLarge:
        """The error of a body over its limit."""
        return TooLarge(
            f"The request's body exceeds {self._limit / 2**20:.0f} MiB.",
            code="body_too_large",
            limit=self._limit,
        )

    def end(self) -> None:
        """Releases its room. Safe to repeat."""
        self._chunks.clear()
        if self._file is not None:
            self._file.close()
        give_back, self._give_back = self._give_back, lambda: None
        give_back()

    def _size(self, *, undeclared: int) -> int:
        if "Transfer-Encoding" in self._headers:
            return undeclared
        declared = self._headers.get("Content-Length", "")
        return int(declared) if declared.isdecimal() else 0  # Tornado refuses what isn't a number

    def _take(self, budget: Quota, sender: str, amount: int) -> None:
        budget.take(sender, amount)
        self._give_back = lambda: budget.give(sender, amount)
