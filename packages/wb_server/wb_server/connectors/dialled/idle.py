"""Pools of idle connections: a few are kept for a minute, and the last used is reused first."""

from __future__ import annotations

import threading
import time
from typing import Final, Generic, Protocol, TypeVar

MAX_IDLE: Final = 4
IDLE_SECONDS: Final = 60.0


class Pooled(Protocol):
    """A connection to a database.

    Attributes:
        reused: True if it comes from the pool; then only its first command shows if it is broken.
        idle_since: by ``time.monotonic``.
    """

    reused: bool
    idle_since: float

    def drop(self) -> None:
        """Closes the connection. Never raises."""


_C = TypeVar("_C", bound=Pooled)


class IdlePool(Generic[_C]):
    """The idle connections of one version of one saved connection, for one login.

    Args:
        version: the saved connection's version; a newer one replaces the pool.
        max_idle: the maximum number of idle connections; 0 keeps none.
    """

    def __init__(self, version: int, *, max_idle: int = MAX_IDLE) -> None:
        self.version = version
        self._max_idle = max_idle
        self._idle: list[_C] = []
        self._lock = threading.Lock()
        self._closed = False
        self._timer: threading.Timer | None = None

    def take(self) -> _C | None:
        """The idle connection that was used last, or ``None``."""
        with self._lock:
            if not self._idle:
                return None
            connection = self._idle.pop()
        if time.monotonic() - connection.idle_since > IDLE_SECONDS:
            connection.drop()
            return self.take()
        connection.reused = True
        return connection

    def give(self, connection: _C) -> None:
        """Takes a reset connection back."""
        connection.idle_since = time.monotonic()
        with self._lock:
            if not self._closed and len(self._idle) < self._max_idle:
                self._idle.append(connection)
                self._watch()
                return
        connection.drop()

    def close(self) -> None:
        """Drops the idle connections, and those that are given back later."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            if self._timer is not None:
                self._timer.cancel()
        for connection in idle:
            connection.drop()

    def _watch(self) -> None:
        """Schedules the next check of idle connections. The caller holds the lock."""
        if self._timer is None and self._idle:
            self._timer = threading.Timer(IDLE_SECONDS, self._drop_old)
            self._timer.daemon = True
            self._timer.start()

    def _drop_old(self) -> None:
        limit = time.monotonic() - IDLE_SECONDS + 1
        with self._lock:
            old = [connection for connection in self._idle if connection.idle_since <= limit]
            self._idle = [connection for connection in self._idle if connection.idle_since > limit]
            self._timer = None
            if not self._closed:
                self._watch()
        for connection in old:
            connection.drop()
