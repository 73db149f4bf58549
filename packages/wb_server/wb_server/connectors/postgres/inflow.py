"""Bounds what the database sends in one call of the driver, which reads all of it before returning.

The query itself bounds the size of rows (``query.py``), but not of error messages: that of a failed
cast contains the value, and may be a gigabyte long. The driver doesn't expose its socket, so it is
searched for among this process's sockets; if it isn't found (no Linux, or a proxy in between),
nothing is bounded.
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

# A row, the rows in transit behind it, and the driver's own queries.
MAX_CALL_BYTES: Final = 2 * MAX_ROW_BYTES
# Polling intervals: for calls seen before, and for new ones, most of which end before the next poll.
# Every poll takes processor time from the calls themselves.
_POLL_SECONDS: Final = 0.01
_FIRST_POLL_SECONDS: Final = 0.03
_IDLE_SECONDS: Final = 0.5

# From Linux's struct tcp_info: tcpi_bytes_received.
_RECEIVED_AT: Final = 128


class Inflow:
    """Counts the bytes received over one connection.

    Attributes:
        flooded: True if too much was received; the connection was then shut down.
    """

    def __init__(self, sock: socket.socket, port: int) -> None:
        self._socket = sock
        self._port = port
        self._before = 0
        self.flooded = False

    @classmethod
    def of(cls, peer: tuple[str, int], port: int | None) -> Inflow | None:
        """The inflow of one of this process's connections, or None if it isn't found.

        Args:
            peer: the server's address and port.
            port: the client port as the database sees it. Behind a pooler it differs; then the only
                connection to the peer that isn't claimed yet is taken, if there is exactly one.
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
        """Starts watching one call of the driver."""
        self._before = self._received()
        _watch.add(self)

    def end(self) -> None:
        """Stops watching: the call has returned."""
        _watch.remove(self)

    def check(self) -> None:
        """Shuts the connection down if too much was received in this call."""
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
        info = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _RECEIVED_AT + 8)
        return int(struct.unpack_from("=Q", info, _RECEIVED_AT)[0])


_claimed: set[int] = set()
_claiming = threading.Lock()


def _connected(peer: tuple[str, int]) -> dict[int, socket.socket]:
    """Copies of this process's sockets that are connected to a peer, by their local ports.

    They are copies so that none can be closed, and its descriptor reused, in the meantime.
    """
    found: dict[int, socket.socket] = {}
    for name in os.listdir("/proc/self/fd"):
        port = _own_port(int(name), peer)
        # A connection that is already watched has two descriptors.
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
    """The local port of a connection to a peer; ``None`` for any other descriptor.

    The descriptor isn't copied for this: closing *any* copy of a file's descriptor releases all locks
    of the process on that file, including those of SQLite.
    """
    with suppress(OSError):
        if os.readlink(f"/proc/self/fd/{descriptor}").startswith("socket:"):
            borrowed = socket.socket(fileno=descriptor)
            try:
                port, other = _ports(borrowed)
                return port if other == peer else None
            finally:
                borrowed.detach()  # its owner closes it
    return None


def _copy(descriptor: int) -> socket.socket | None:
    with suppress(OSError):
        copied = os.dup(descriptor)
        # If it was closed and reused for a file, the copy stays open: closing it would release locks.
        if stat.S_ISSOCK(os.fstat(copied).st_mode):
            return socket.socket(fileno=copied)
    return None


def _ports(sock: socket.socket) -> tuple[int | None, tuple[str, int] | None]:
    """The local port and the peer of a connection; None for both if it isn't an IP connection."""
    try:
        own, there = sock.getsockname(), sock.getpeername()
        return int(own[1]), (str(there[0]), int(there[1]))
    except (OSError, IndexError, TypeError, ValueError):
        return None, None


class _Watch:
    """A thread that polls all calls, and sleeps while there are none.

    Every query makes a few calls, so they take no lock: a call is added to the set before it checks
    whether the thread is polling, and the thread clears its flag before its last look at the set.
    """

    def __init__(self) -> None:
        self._state = threading.Condition()
        self._calls: set[Inflow] = set()
        self._polling = False
        self._thread: threading.Thread | None = None

    def add(self, inflow: Inflow) -> None:
        self._calls.add(inflow)
        if self._polling and self._thread is not None and self._thread.is_alive():
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
        last_call = time.monotonic()
        self._polling = True
        known: set[Inflow] = set()
        while True:
            calls = self._calls.copy()
            if calls:
                last_call = time.monotonic()
            elif time.monotonic() - last_call > _IDLE_SECONDS:
                with self._state:
                    self._polling = False
                    self._state.wait_for(lambda: self._calls)
                    self._polling = True
                continue
            for inflow in calls:
                inflow.check()
            time.sleep(_POLL_SECONDS if calls & known else _FIRST_POLL_SECONDS)
            known = calls


_watch = _Watch()


def flooded() -> WorkbenchError:
    return TooLarge(
        f"The database sent more than {MAX_CALL_BYTES // 2**20} MiB at once, so the connection was "
        "closed. An error message contains the value that caused it: shorten the value in the query.",
        code="too_large",
        limit=MAX_CALL_BYTES,
    )
