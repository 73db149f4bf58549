"""Reads a YAML text safely, and knows the place of every key and value in it.

The text is read as events of ruamel.yaml and built up here, without its constructors: so nothing but
mappings, lists, texts, numbers, booleans and null can come out, and each limit acts while reading.

Rules of YAML 1.2, core schema: ``no``, ``on`` and ``2026-01-31`` are texts; ``true``, ``null`` and
``0x1f`` are not. Keys are always texts. Merge keys (``<<``) belong to YAML 1.1 and are refused.
"""

from __future__ import annotations

import bisect
import io
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
)

from .problems import Path, Place, Problem

MAX_BYTES = 256 * 1024
MAX_DEPTH = 20
MAX_NODES = 20_000
MAX_ALIASES = 50

# YAML 1.2.2, section 10.3.2.
_NULL = re.compile(r"(?:null|Null|NULL|~|)\Z")
_TRUE = re.compile(r"(?:true|True|TRUE)\Z")
_FALSE = re.compile(r"(?:false|False|FALSE)\Z")
_INTEGER = re.compile(r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_SPECIAL = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z")

# What YAML takes as a character, without the byte order mark.
_UNPRINTABLE = re.compile(
    "[^\t\n\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


@dataclass(frozen=True)
class Spot:
    """Where a value stands: its key (if it has one) and itself, as offsets into the text."""

    key: int | None
    start: int
    end: int
    alias: bool = False


@dataclass
class Document:
    """What was read.

    Attributes:
        text: the text that offsets count in: line ends are ``\\n``, a byte order mark is gone.
        data: mappings, lists and scalars; None when nothing could be read.
        problems: everything that is wrong with the YAML, in the order found.
    """

    text: str
    data: Any = None
    problems: list[Problem] = field(default_factory=list)
    spots: dict[Path, Spot] = field(default_factory=dict)
    _lines: list[int] = field(default_factory=list)

    def at(self, offset: int) -> Place:
        """The line and column (from 1, in characters) of an offset; never outside of the text."""
        if not self._lines:
            self._lines = [0, *(match.end() for match in re.finditer("\n", self.text))]
        offset = max(0, min(offset, len(self.text)))
        line = bisect.bisect_right(self._lines, offset) - 1
        return Place(line + 1, offset - self._lines[line] + 1)

    def value_at(self, path: Path) -> Place:
        """The place of a value, or of the nearest one around it that exists."""
        return self.at(self._nearest(path).start)

    def key_at(self, path: Path) -> Place:
        """The place of the key of a value (of the value itself, in a list)."""
        spot = self._nearest(path)
        return self.at(spot.start if spot.key is None else spot.key)

    def expression_at(self, path: Path, number: int, inside: int = 0, length: int = 0) -> Place:
        """The place of the ``number``-th ``{{`` (from 0) of a text, ``inside`` characters further.

        A text with escapes or folded lines doesn't stand in the file as it reads: if the expression's
        ``length`` characters go over a line there, its beginning is the answer.
        """
        spot = self._nearest(path)
        source = self.text[spot.start : spot.end]
        found = [match.start() for match in re.finditer(r"\{\{", source)]
        if spot.alias or number >= len(found):
            return self.at(spot.start)
        start = found[number]
        if "\n" in source[start : start + length]:
            inside = 0
        return self.at(spot.start + start + inside)

    def _nearest(self, path: Path) -> Spot:
        for size in range(len(path), -1, -1):
            spot = self.spots.get(path[:size])
            if spot is not None:
                return spot
        return Spot(None, 0, 0)


class _Stop(Exception):
    """Reading ends here: the problem is noted already."""


def read(text: str | bytes) -> Document:
    """Reads one YAML document.

    Never raises for what is in the text: see ``problems`` of the answer. With a problem ``data``
    holds what could be read, so that more can be checked; after a broken limit or syntax, it is None.
    """
    size = len(text) if isinstance(text, bytes) else len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        document = Document("")
        message = f"The file has {size:,} bytes; the limit is {MAX_BYTES:,}."
        _note(document, 0, (), "too_large", message)
        return document
    decoded = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    decoded = decoded.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    document = Document(decoded)
    bad = _UNPRINTABLE.search(decoded)
    if bad or (isinstance(text, bytes) and "\ufffd" in decoded):
        offset = bad.start() if bad else decoded.index("\ufffd")
        found = f"the character U+{ord(decoded[offset]):04X}" if bad else "bytes that are not UTF-8"
        _note(document, offset, (), "bad_character", f"The file holds {found}. Take it out.")
        return document
    builder = _Builder(document)
    try:
        builder.run(YAML(typ="safe", pure=True).parse(io.StringIO(decoded)))
    except _Stop:
        document.data = None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        _note(document, mark.index if mark else 0, (), "yaml", _sentence(error))
        document.data = None
    except (YAMLError, ValueError, IndexError, AssertionError, AttributeError, TypeError, KeyError):
        # The parser's own slips on odd input: still a mistake in the file.
        _note(document, builder.offset, (), "yaml", "This is not YAML. Check what stands here.")
        document.data = None
    else:
        if not builder.documents:
            document.problems.append(Problem(1, 1, (), "empty", "The file is empty."))
    return document


def _note(document: Document, offset: int, path: Path, code: str, message: str) -> None:
    place = document.at(offset)
    document.problems.append(Problem(place.line, place.column, path, code, message))


def _sentence(error: MarkedYAMLError) -> str:
    """The parser's words as a sentence, on one line."""
    parts = [str(part).strip() for part in (error.context, error.problem) if part]
    text = " ".join(", ".join(parts).split())[:300] or "it can't be read"
    for word, instead in _WORDS.items():
        text = text.replace(word, instead)
    return f"This is not YAML: {text}."


_WORDS = {
    "'<stream end>'": "the end of the file",
    "<block end>": "the end of the block",
    "'<document start>'": "the end of the file",
    "('<block mapping start>',)": "a key further to the left",
    "found character '\\t' that cannot start any token": "a tab can't indent: use spaces",
    "mapping values are not allowed here": "a key can't stand here. Check how far the lines are "
    "indented, and put a text with `: ` in quotes",
}


@dataclass
class _Open:
    """A mapping or list that isn't finished."""

    value: dict[str, Any] | list[Any]
    path: Path
    key: str | None = None
    key_offset: int = 0
    skip: bool = False
    """The value of a key that was there already: read, and dropped."""
    anchor: str | None = None
    first: int = 0
    height: int = 1


@dataclass(frozen=True)
class _Anchored:
    value: Any
    nodes: int
    height: int


class _Builder:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.stack: list[_Open] = []
        self.anchors: dict[str, _Anchored | None] = {}
        self.nodes = 0
        self.aliases = 0
        self.documents = 0
        self.offset = 0

    def run(self, events: Iterator[Any]) -> None:
        for event in events:
            if event.start_mark is not None:
                self.offset = event.start_mark.index
            if isinstance(event, DocumentStartEvent):
                self._document(event)
            elif isinstance(event, NodeEvent):
                self._node(event)
            elif isinstance(event, MappingEndEvent | SequenceEndEvent):
                self._close(event.end_mark.index)

    def _document(self, event: DocumentStartEvent) -> None:
        self.documents += 1
        if self.documents > 1:
            self._stop("many_documents", "The file holds a second document. Keep one.")
        if event.version or event.tags:
            found = re.search(r"^%", self.document.text, re.MULTILINE)
            self.offset = found.start() if found else self.offset
            self._note("directive", "Leave out the lines that begin with %.")

    def _node(self, event: Any) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            self._stop("too_large", f"The file holds more than {MAX_NODES:,} values.")
        if isinstance(event, AliasEvent):
            self._alias(event)
            return
        if event.ctag is not None:
            self._note("tag", f"Tags such as {str(event.tag)[:60]} can't be used. Leave it out.")
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        if isinstance(event, ScalarEvent):
            self._scalar(event)
            return
        if self._expects_key():
            self._bad_key()
        if len(self.stack) >= MAX_DEPTH:
            self._stop("too_deep", f"The file is nested more than {MAX_DEPTH} levels deep.")
        value: dict[str, Any] | list[Any] = {} if isinstance(event, MappingStartEvent) else []
        path = self._path()
        skip = self._place(value, event.start_mark.index, event.end_mark.index)
        self.stack.append(_Open(value, path, skip=skip, anchor=event.anchor, first=self.nodes))

    def _scalar(self, event: ScalarEvent) -> None:
        start, end = event.start_mark.index, event.end_mark.index
        if self._expects_key():
            self._key(str(event.value), start)
            if event.anchor is not None:
                self.anchors[event.anchor] = _Anchored(str(event.value), 1, 0)
            return
        value = self._value(event)
        if event.anchor is not None:
            self.anchors[event.anchor] = _Anchored(value, 1, 0)
        self._place(value, start, end)

    def _value(self, event: ScalarEvent) -> Any:
        text = str(event.value)
        if not event.implicit[0] or event.ctag is not None:
            return text  # quoted, or a block
        if _NULL.match(text):
            return None
        if _TRUE.match(text):
            return True
        if _FALSE.match(text):
            return False
        if _INTEGER.match(text):
            base = {"0o": 8, "0x": 16}.get(text[:2], 10)
            number = int(text, base) if len(text) <= 30 else 2**80
            if abs(number) >= 2**63:
                self._note("bad_number", "This number is too large. As a text, put it in quotes.")
                return 0
            return number
        if _FLOAT.match(text) or _SPECIAL.match(text):
            number_ = float("nan") if _SPECIAL.match(text) else float(text)
            if not math.isfinite(number_):
                self._note("bad_number", "This is no number that can be used.")
                return 0.0
            return number_
        return text

    def _alias(self, event: AliasEvent) -> None:
        name = str(event.anchor)
        self.aliases += 1
        if self.aliases > MAX_ALIASES:
            self._stop(
                "too_many_aliases", f"The file uses more than {MAX_ALIASES} aliases (*name)."
            )
        if name not in self.anchors:
            self._stop("unknown_alias", f"There is no anchor &{name} before this alias.")
        anchored = self.anchors[name]
        if anchored is None:
            self._stop("unknown_alias", f"*{name} stands inside of &{name} itself.")
            return
        self.nodes += anchored.nodes - 1
        if self.nodes > MAX_NODES:
            self._stop(
                "too_large", f"With its aliases the file holds more than {MAX_NODES:,} values."
            )
        if len(self.stack) + anchored.height > MAX_DEPTH:
            self._stop("too_deep", f"The file is nested more than {MAX_DEPTH} levels deep.")
        if self._expects_key():
            if not isinstance(anchored.value, str):
                self._stop("bad_key", "A key has to be a text.")
            self._key(anchored.value, event.start_mark.index)
            return
        if self.stack:
            self.stack[-1].height = max(self.stack[-1].height, anchored.height + 1)
        self._place(anchored.value, event.start_mark.index, event.end_mark.index, alias=True)

    def _key(self, key: str, offset: int) -> None:
        top = self.stack[-1]
        top.key, top.key_offset = key, offset
        assert isinstance(top.value, dict)
        if key == "<<":
            self._note("merge_key", "Merging with << can't be used. Write the keys out.")
        elif key in top.value:
            self._note("duplicate_key", f"The key {key[:60]} is here twice. Keep one.")

    def _bad_key(self) -> None:
        """``{{ x }}`` without quotes reads as a mapping in a mapping."""
        if self.document.text[self.offset - 1 : self.offset + 1] == "{{":
            self.offset -= 1
            self._stop("unquoted", 'A text that begins with {{ goes in quotes: "{{ … }}".')
        self._stop("bad_key", "A key has to be a text.")

    def _expects_key(self) -> bool:
        return (
            bool(self.stack)
            and isinstance(self.stack[-1].value, dict)
            and (self.stack[-1].key is None)
        )

    def _path(self) -> Path:
        if not self.stack:
            return ()
        top = self.stack[-1]
        if isinstance(top.value, list):
            return (*top.path, len(top.value))
        return (*top.path, top.key or "")

    def _place(self, value: Any, start: int, end: int, *, alias: bool = False) -> bool:
        """Puts a value where it belongs; says whether it was dropped."""
        path = self._path()
        if not self.stack:
            self.document.data = value
            self.document.spots[path] = Spot(None, start, end, alias)
            return False
        top = self.stack[-1]
        if isinstance(top.value, list):
            top.value.append(value)
            if not top.skip:
                self.document.spots[path] = Spot(None, start, end, alias)
            return top.skip
        key = top.key or ""
        top.key = None
        dropped = top.skip or key in top.value or key == "<<"
        if not (key in top.value or key == "<<"):
            top.value[key] = value
        if not dropped:
            self.document.spots[path] = Spot(top.key_offset, start, end, alias)
        return dropped

    def _close(self, end: int) -> None:
        done = self.stack.pop()
        spot = self.document.spots.get(done.path)
        if spot is not None and not done.skip:
            self.document.spots[done.path] = Spot(spot.key, spot.start, end)
        if self.stack:
            self.stack[-1].height = max(self.stack[-1].height, done.height + 1)
        if done.anchor is not None:
            nodes = self.nodes - done.first + 1
            self.anchors[done.anchor] = _Anchored(done.value, nodes, done.height)

    def _note(self, code: str, message: str) -> None:
        _note(self.document, self.offset, self._path(), code, message)

    def _stop(self, code: str, message: str) -> None:
        self._note(code, message)
        raise _Stop


MISSING: Any = object()


def child(data: Any, part: str | int) -> Any:
    """What lies under a key or at a position; ``MISSING`` when nothing does."""
    if isinstance(data, dict):
        return data.get(part, MISSING)
    if isinstance(data, list) and isinstance(part, int) and 0 <= part < len(data):
        return data[part]
    return MISSING
