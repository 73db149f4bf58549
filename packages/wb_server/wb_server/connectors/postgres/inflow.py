"""How much the database sends in one call of the driver, which reads all of it before it returns.

Rows are bounded by the query itself (``postgres_query``), but an error's text isn't: that of a failed
cast holds the value, and may have a gigabyte. The driver doesn't tell its socket, so it is looked for
among this process's own; where it isn't found (no Linux, or a proxy in between), nothing is bounded.
"""

from __future__ import annotations

import os
import socket
import stat
import struct
import threading
import time
from contextlib import suppress
from typing import Final

from ...kit.errors import TooLarge, WorkbenchError
from ..base import MAX_ROW_BYTES

# A row, those that are on their way behind it, and what the driver asks beside.
MAX_CALL_BYTES: Final = 2 * MAX_ROW_BYTES
# How often it is looked: at a call that has been seen before, and for new ones, which mostly end
# before the next look; each look takes the time of those that work.
_LOOK_SECONDS: Final = 0.01
_FIRST_LOOK_SECONDS: Final = 0.03
_PATIENCE_SECONDS: Final = 0.5

# From Linux's struct tcp_info: tcpi_bytes_received.
_RECEIVED_AT: Final = 128


class Inflow:
    """What comes in over one connection.

    Attributes:
        flooded: whether too much came; the connection is ended then.
    """

    def __init__(self, sock: socket.socket, port: int) -> None:
        self._socket = sock
        self._port = port
        self._before = 0
        self.flooded = False

    @classmethod
    def of(cls, peer: tuple[str, int], port: int | None) -> Inflow | None:
        """That of one of this process's connections.

        Args:
            peer: where it leads to.
            port: what the database calls it by. Behind a pooler that is another one; then it is the
                connection to there that isn't known yet, if there is just one.
        """
        with suppress(OSError, AttributeError), _claiming:
            found = _connected(peer)
            if port not in found:
                new = found.keys() - _claimed
                port = new.pop() if len(new) == 1 else None
            mine = found.pop(port) if port is not None else None
            for sock in found.values():
                sock.close()
            if mine is not None and port is not None:
                it = cls(mine, port)
                it._received()
                _claimed.add(port)
                return it
        return None

    def begin(self) -> None:
        """Watches one call of the driver, until ``end``."""
        self._before = self._received()
        _watch.add(self)

    def end(self) -> None:
        """The call has returned."""
        _watch.remove(self)

    def look(self) -> None:
        """Ends the connection if too much came in this call."""
        with suppress(OSError):
            if not self.flooded and self._received() - self._before > MAX_CALL_BYTES:
                self.flooded = True
                self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._socket.close()
        with _claiming:
            _claimed.discard(self._port)

    def __del__(self) -> None:
        self._socket.close()

    def _received(self) -> int:
        told = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _RECEIVED_AT + 8)
        return int(struct.unpack_from("=Q", told, _RECEIVED_AT)[0])


_claimed: set[int] = set()
_claiming = threading.Lock()


def _connected(peer: tuple[str, int]) -> dict[int, socket.socket]:
    """This process's connections to there, by their own ports. They are copies: what is looked at
    can't be closed and become another one meanwhile."""
    found: dict[int, socket.socket] = {}
    for name in os.listdir("/proc/self/fd"):
        port = _own_port(int(name), peer)
        # Of one that is watched already there are two.
        if port is None or port in found:
            continue
        copied = _copy(int(name))
        if copied is None:
            continue
        if _ports(copied) == (port, peer):
            found[port] = copied
        else:
            copied.close()
    return found


def _own_port(descriptor: int, peer: tuple[str, int]) -> int | None:
    """The port of a connection to there; ``None`` for whatever else the descriptor is.

    It isn't copied to look: with *any* copy of a file's descriptor that is closed, the process loses all
    of its locks on that file, and SQLite its database.
    """
    with suppress(OSError):
        if os.readlink(f"/proc/self/fd/{descriptor}").startswith("socket:"):
            looked_at = socket.socket(fileno=descriptor)
            try:
                port, other = _ports(looked_at)
                return port if other == peer else None
            finally:
                looked_at.detach()  # it is somebody else's to close
    return None


def _copy(descriptor: int) -> socket.socket | None:
    with suppress(OSError):
        copied = os.dup(descriptor)
        # Closed and opened as a file meanwhile: that stays open, since closing it would undo locks.
        if stat.S_ISSOCK(os.fstat(copied).st_mode):
            return socket.socket(fileno=copied)
    return None


def _ports(sock: socket.socket) -> tuple[int | None, tuple[str, int] | None]:
    """A connection's own port, and where it leads to; nothing for what isn't one over IP."""
    try:
        own, there = sock.getsockname(), sock.getpeername()
        return int(own[1]), (str(there[0]), int(there[1]))
    except (OSError, IndexError, TypeError, ValueError):
        return None, None


class _Watch:
    """One thread that looks at all calls; it waits while there are none.

    Each query has a few calls, so they take no lock: one that begins is in the set before it is asked
    whether the thread looks, and the thread says that it looks no more before it last asks the set.
    """

    def __init__(self) -> None:
        self._state = threading.Condition()
        self._calls: set[Inflow] = set()
        self._looking = False
        self._thread: threading.Thread | None = None

    def add(self, inflow: Inflow) -> None:
        self._calls.add(inflow)
        if self._looking and self._thread is not None and self._thread.is_alive():
            return
        with self._state:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, daemon=True, name="inflow")
                self._thread.start()
            else:
                self._state.notify()

    def remove(self, inflow: Inflow) -> None:
        self._calls.discard(inflow)

    def _run(self) -> None:
        quiet = time.monotonic()
        self._looking = True
        known: set[Inflow] = set()
        while True:
            calls = self._calls.copy()
            if calls:
                quiet = time.monotonic()
            elif time.monotonic() - quiet > _PATIENCE_SECONDS:
                with self._state:
                    self._looking = False
                    self._state.wait_for(lambda: self._calls)
                    self._looking = True
                continue
            for inflow in calls:
                inflow.look()
            time.sleep(_LOOK_SECONDS if calls & known else _FIRST_LOOK_SECONDS)
            known = calls


_watch = _Watch()


def flooded() -> WorkbenchError:
    return TooLarge(
        f"The database sent more than {MAX_CALL_BYTES // 2**20} MiB at once, so the connection was "
        "ended. The text of an error holds the value that it is about: shorten that in the query.",
        code="too_large",
        limit=MAX_CALL_BYTES,
    )
