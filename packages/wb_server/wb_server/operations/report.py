"""What an operation prints at the terminal."""

from __future__ import annotations

import sys
import time

_EVERY_SECONDS = 3.0
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


class OperationError(Exception):
    """An operation failed; the text is one line that says why, and what to do."""


def size_text(size: float) -> str:
    """A human-readable number of bytes, such as ``12.3 MB``."""
    for unit in _UNITS:
        if size < 1000 or unit == _UNITS[-1]:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError(size)


def count_text(number: int, one: str, many: str = "") -> str:
    """A count with its noun, such as ``1 file`` or ``2,345 files``."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


class Progress:
    """Prints progress on standard error, so that it stays out of pipes."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._said = time.monotonic()

    def say(self, line: str) -> None:
        """Prints a line now."""
        self._said = time.monotonic()
        if not self._quiet:
            print(line, file=sys.stderr, flush=True)

    def still(self, what: str, done: int, of: int | None = None) -> None:
        """Prints a line about a long step, at most every few seconds."""
        if time.monotonic() - self._said >= _EVERY_SECONDS:
            whole = f" of {size_text(of)}" if of else ""
            self.say(f"  … {what}: {size_text(done)}{whole}")

    def warn(self, line: str) -> None:
        """Prints a line even if quiet."""
        print(line, file=sys.stderr, flush=True)
