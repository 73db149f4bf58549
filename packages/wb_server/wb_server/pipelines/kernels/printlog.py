"""Copies what cells print, and their errors, into the attempt's log."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

# For all prints of an attempt: its log has room for twice as much, so what follows is logged too.
PRINTS_LIMIT = 5 * 2**20
_TRACEBACK_LIMIT = 64 * 2**10
# An unfinished line that is longer is logged in parts.
_LONGEST_LINE = 8 * 2**10
# Colours, movements of the cursor, titles of windows.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")


class PrintLog:
    """Logs prints line by line, as they come, until a limit is reached.

    Args:
        log: takes lines for the attempt's log.
    """

    def __init__(self, log: Callable[[str], None], limit: int = PRINTS_LIMIT) -> None:
        self._log = log
        self._left = limit
        self._title = ""
        self._lines: dict[str, str] = {}

    def begin(self, title: str) -> None:
        """Begins a cell, whose title is logged once it prints something."""
        self._title = title

    def add(self, name: str, text: str) -> None:
        """Adds text of ``stdout`` or ``stderr``. Unfinished lines wait for their end."""
        text = self._lines.pop(name, "") + text
        finished, newline, rest = text.rpartition("\n")
        if newline:
            self._write(finished.split("\n"))
        if len(rest) > _LONGEST_LINE:
            # Of a progress bar, only the last state.
            returned, _, state = rest.rstrip("\r").rpartition("\r")
            if returned and len(state) <= _LONGEST_LINE:
                rest = state
            else:
                self._write([rest])
                rest = ""
        if rest:
            self._lines[name] = rest

    def error(self, traceback: Iterable[str]) -> None:
        """Adds an error, whatever was printed before it."""
        self._flush()
        text = _ESCAPES.sub("", "\n".join(traceback))
        if len(text) > _TRACEBACK_LIMIT:
            text = f"…\n{text[-_TRACEBACK_LIMIT:]}"
        self._begin()
        self._log(text)

    def end(self) -> None:
        """Ends a cell: logs its unfinished lines."""
        self._flush()
        self._title = ""

    def _flush(self) -> None:
        rest, self._lines = list(self._lines.values()), {}
        self._write([line for line in rest if line.strip()])

    def _begin(self) -> None:
        if self._title:
            self._log(self._title)
            self._title = ""

    def _write(self, lines: list[str]) -> None:
        if not lines or self._left <= 0:
            return
        self._begin()
        shown = (line.rstrip("\r").rpartition("\r")[2] for line in lines)
        text = _ESCAPES.sub("", "\n".join(shown))
        if len(text) >= self._left:
            cut = text[: self._left].rpartition("\n")[0]
            text = (
                f"{cut}\n[The log has no room for more prints of this notebook. The executed "
                "notebook has the end of what each cell printed.]"
            ).lstrip("\n")
            self._left = 0
        else:
            self._left -= len(text) + 1
        self._log(text)
