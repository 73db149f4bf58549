"""A command's output, with which a test can block the command at a chosen point."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
from typing import Final

_SIZE: Final = 4096
_SECONDS: Final = 60


class Output:
    """A pipe that a command prints to. Once filled, it blocks the command at its next print."""

    def __enter__(self) -> Output:
        self._reader, self.writer = os.pipe2(os.O_CLOEXEC)
        fcntl.fcntl(self.writer, fcntl.F_SETPIPE_SZ, _SIZE)
        os.set_blocking(self._reader, False)
        # A second open file description: non-blocking here, still blocking for the command.
        self._own = os.open(f"/proc/self/fd/{self.writer}", os.O_WRONLY | os.O_NONBLOCK)
        self._read = b""
        return self

    def __exit__(self, *raised: object) -> None:
        for handle in (self._reader, self.writer, self._own):
            os.close(handle)

    def read_until(self, words: bytes) -> None:
        """Reads until these words arrive, which lets the command continue.

        The words should include the newline: Python may write it separately.
        """
        # Without polling intervals: what the command prints next may be short.
        while words not in self._read:
            ready, _, _ = select.select([self._reader], [], [], _SECONDS)
            if not ready:
                raise TimeoutError(f"printed so far: {self._read!r}")
            self._read += os.read(self._reader, _SIZE)

    def fill(self) -> None:
        """Fills the pipe to the last byte."""
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(self._own, b".")
