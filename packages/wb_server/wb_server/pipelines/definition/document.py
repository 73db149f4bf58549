"""A parsed pipeline file: its values, and the position of each key and value in the text."""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass, field
from typing import Any

from .problems import Path, Position, Problem


@dataclass(frozen=True)
class SourceRange:
    """The position of a value and of its key, if it has one, as offsets into the text."""

    key: int | None
    start: int
    end: int
    alias: bool = False


@dataclass
class Document:
    """The result of reading a file.

    Attributes:
        text: the text that offsets refer to: line ends are ``\\n``, a byte order mark is removed.
        data: mappings, lists and scalars; None if nothing could be read.
        problems: all problems of the YAML, by position.
    """

    text: str
    data: Any = None
    problems: list[Problem] = field(default_factory=list)
    ranges: dict[Path, SourceRange] = field(default_factory=dict)
    _lines: list[int] = field(default_factory=list)

    def at(self, offset: int) -> Position:
        """The line and column (from 1, in characters) of an offset, clamped to the text."""
        if not self._lines:
            self._lines = [0, *(match.end() for match in re.finditer("\n", self.text))]
        offset = max(0, min(offset, len(self.text)))
        line = bisect.bisect_right(self._lines, offset) - 1
        return Position(line + 1, offset - self._lines[line] + 1)

    def value_at(self, path: Path) -> Position:
        """The position of a value, or of the nearest enclosing one that exists."""
        return self.at(self.range_of(path).start)

    def key_at(self, path: Path) -> Position:
        """The position of a value's key; in a list, of the value itself."""
        found = self.range_of(path)
        return self.at(found.start if found.key is None else found.key)

    def expression_at(self, path: Path, number: int, inside: int = 0, length: int = 0) -> Position:
        """The position ``inside`` characters after the ``number``-th ``{{`` (from 0) of a text.

        Escapes and folded lines make the source differ from the text: if the expression's ``length``
        characters span lines in the source, the position of its ``{{`` is returned.
        """
        found = self.range_of(path)
        source = self.text[found.start : found.end]
        start = _nth(source, "{{", number)
        if found.alias or start is None:
            return self.at(found.start)
        if "\n" in source[start : start + length]:
            inside = 0
        return self.at(found.start + start + inside)

    def text_at(self, path: Path, text: str, offset: int) -> Position:
        """The position of a place in a text, found by its word: the source may be folded or escaped.

        Args:
            path: where the text is.
            text: the value of the text.
            offset: the place in it.
        """
        found = self.range_of(path)
        source = self.text[found.start : found.end]
        offset = len(text) - len(text[offset:].lstrip())  # to the next word
        offset = min(offset, len(text.rstrip()) - 1)
        word = _WORD.match(text, max(0, offset))
        start = _nth(source, word[0], text.count(word[0], 0, offset)) if word else None
        if found.alias or start is None:
            return self.at(found.start)
        return self.at(found.start + start)

    def note(self, offset: int, path: Path, code: str, message: str) -> None:
        """Adds a problem."""
        position = self.at(offset)
        self.problems.append(Problem(position.line, position.column, path, code, message))

    def range_of(self, path: Path) -> SourceRange:
        """The range of a value, or of the nearest enclosing one that exists."""
        for size in range(len(path), -1, -1):
            found = self.ranges.get(path[:size])
            if found is not None:
                return found
        return SourceRange(None, 0, 0)


_WORD = re.compile(r"\w+|[^\w\s]+|\s")


def _nth(source: str, part: str, number: int) -> int | None:
    """Where a part occurs for the ``number``-th time (from 0) in the source of a value."""
    # The line that begins a block isn't part of the value, but may have a comment.
    start = source.find("\n") if source[:1] in ("|", ">") else 0
    for _ in range(number + 1):
        start = source.find(part, start)
        if start < 0:
            return None
        start += len(part)
    return start - len(part)


MISSING: Any = object()


def child(data: Any, part: str | int) -> Any:
    """The value under a key or at an index; ``MISSING`` if there is none."""
    if isinstance(data, dict):
        return data.get(part, MISSING)
    if isinstance(data, list) and isinstance(part, int) and 0 <= part < len(data):
        return data[part]
    return MISSING
