"""A command's output that holds the command up where a test wants it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
from typing import Final

_SIZE: Final = 4096
_SECONDS: Final = 60


class Output:
    """Where a command prints to. Filled, it keeps the command waiting where it prints next."""

    def __enter__(self) -> Output:
        self._reader, self.writer = os.pipe2(os.O_CLOEXEC)
        fcntl.fcntl(self.writer, fcntl.F_SETPIPE_SZ, _SIZE)
        os.set_blocking(self._reader, False)
        # Opened anew: what doesn't block here still blocks the command.
        self._own = os.open(f"/proc/self/fd/{self.writer}", os.O_WRONLY | os.O_NONBLOCK)
        self._read = b""
        return self

    def __exit__(self, *raised: object) -> None:
        for handle in (self._reader, self.writer, self._own):
            os.close(handle)

    def read_until(self, words: bytes) -> None:
        """Reads, which lets the command go on, until these words have come.

        They should end with the line: Python may write its end by itself.
        """
        # At once, and not at the next look: what comes after may be short.
        while words not in self._read:
            ready, _, _ = select.select([self._reader], [], [], _SECONDS)
            if not ready:
                raise TimeoutError(f"printed so far: {self._read!r}")
            self._read += os.read(self._reader, _SIZE)

    def fill(self) -> None:
        """Leaves no room for even one letter."""
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(self._own, b".")
