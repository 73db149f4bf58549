"""The text of one stream of a cell, as a notebook shows it: bounded, and without overwritten lines."""

from __future__ import annotations

from collections import deque

# Text is joined into chunks of this size: cutting the beginning then costs the same however much there is.
_CHUNK = 64 * 2**10


class StreamText:
    """Text that grows at its end and is cut at its beginning.

    A carriage return makes the next text overwrite the line, as in a terminal: a progress bar leaves its
    last state. The cost of a piece depends on its own length only.

    Args:
        name: ``stdout`` or ``stderr``.

    Attributes:
        size: in bytes.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.size = 0
        self._chunks: deque[str] = deque()
        self._recent: list[str] = []
        self._recent_size = 0
        self._line: list[str] = []
        self._line_size = 0
        # Whether the line ends with a carriage return: what comes next overwrites it.
        self._returned = False

    def add(self, text: str) -> None:
        """Adds text at the end."""
        if "\r" not in text and not self._returned:
            finished, newline, rest = text.rpartition("\n")
            if newline:
                self._finish_line(finished + newline)
            self._extend_line(rest)
            return
        *finished_lines, rest = text.split("\n")
        for line in finished_lines:
            self._overwrite(line)
            self._finish_line("\n")
        self._overwrite(rest)

    def cut(self, excess: int) -> int:
        """Drops at least ``excess`` bytes from the beginning, or all; returns how many were dropped."""
        if not self._chunks:
            self._settle()
        before = self.size
        while self._chunks and before - self.size < excess:
            chunk = self._chunks.popleft()
            size = byte_size(chunk)
            left = excess - (before - self.size)
            self.size -= size
            if size > left:
                kept = chunk.encode("utf-8", "replace")[left:].decode("utf-8", "ignore")
                self._chunks.appendleft(kept)
                self.size += byte_size(kept)
            elif not self._chunks:
                self._settle()
        return before - self.size

    def text(self) -> str:
        """All of it."""
        return "".join([*self._chunks, *self._recent, *self._line])

    def _overwrite(self, line: str) -> None:
        """Adds to the line, of which only what follows its last carriage return remains."""
        shown = line.rstrip("\r")
        if shown:
            kept = shown[shown.rfind("\r") + 1 :]
            if self._returned or len(kept) < len(shown):
                self.size -= self._line_size
                self._line, self._line_size, self._returned = [], 0, False
            self._extend_line(kept)
        if len(shown) < len(line) and not self._returned:
            self._extend_line("\r")
            self._returned = True

    def _extend_line(self, text: str) -> None:
        if not text:
            return
        size = byte_size(text)
        self._line.append(text)
        self._line_size += size
        self.size += size
        if self._line_size > _CHUNK:
            self._settle()

    def _finish_line(self, text: str) -> None:
        size = byte_size(text)
        self._recent += [*self._line, text]
        self._recent_size += self._line_size + size
        self.size += size
        self._line, self._line_size, self._returned = [], 0, False
        if self._recent_size > _CHUNK:
            self._settle()

    def _settle(self) -> None:
        """Makes chunks of what came since the last one, the line included."""
        text = "".join([*self._recent, *self._line])
        self._recent, self._recent_size = [], 0
        self._line, self._line_size, self._returned = [], 0, False
        self._chunks += [text[at : at + _CHUNK] for at in range(0, len(text), _CHUNK)]


def byte_size(text: str) -> int:
    """The size of a text in UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
