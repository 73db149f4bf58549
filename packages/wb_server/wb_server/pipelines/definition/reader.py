"""Reads YAML safely, and records the range of every key and value.

ruamel.yaml composes the text into nodes; this module builds the values from them, without ruamel's
constructors. So the result holds only mappings, lists, strings, numbers, booleans and null, and each
limit is enforced while reading.

The rules are those of YAML 1.2's core schema: ``no``, ``on`` and ``2026-01-31`` are strings;
``true``, ``null`` and ``0x1f`` are not. Keys are always strings. Merge keys (``<<``) belong to YAML
1.1 and are refused.
"""

from __future__ import annotations

import io
import math
import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, ScalarEvent, StreamEndEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode
from ruamel.yaml.resolver import VersionedResolver

from . import yaml_mistakes
from .document import Document, SourceRange
from .problems import Path

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

# The complement of YAML's printable characters; the byte order mark counts as unprintable too.
_UNPRINTABLE = re.compile(
    "[^\t\n\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


class _Stop(Exception):
    """Ends reading with a problem."""

    def __init__(self, offset: int, path: Path, code: str, message: str) -> None:
        super().__init__(message)
        self.offset, self.path, self.code, self.message = offset, path, code, message


def read(text: str | bytes) -> Document:
    """Reads one YAML document.

    Never raises because of the text: see ``problems`` of the result. Despite problems, ``data`` holds
    what could be read, so that more can be checked; after an exceeded limit or a syntax error it is
    None.
    """
    size = len(text) if isinstance(text, bytes) else len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        document = Document("")
        message = f"The file has {size:,} bytes; the limit is {MAX_BYTES:,}."
        document.note(0, (), "too_large", message)
        return document
    decoded = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    decoded = decoded.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    document = Document(decoded)
    bad = _UNPRINTABLE.search(decoded)
    if bad or (isinstance(text, bytes) and "\ufffd" in decoded):
        offset = bad.start() if bad else decoded.index("\ufffd")
        found = f"the character U+{ord(decoded[offset]):04X}" if bad else "bytes that are not UTF-8"
        document.note(offset, (), "bad_character", f"The file contains {found}. Remove it.")
        return document
    yaml = YAML(typ="safe", pure=True)
    yaml.Resolver = _Resolver
    composer = _Composer(yaml, document)
    try:
        root = yaml.compose(io.StringIO(decoded))
        if root is None:
            document.note(0, (), "empty", "The file is empty.")
        else:
            document.data = _Values(document).of(root, ())
    except _Stop as stop:
        document.data = None
        document.note(stop.offset, stop.path, stop.code, stop.message)
    except MarkedYAMLError as error:
        mistake = yaml_mistakes.found(decoded, error)
        if mistake is not None:
            document.note(mistake.offset, (), "yaml", mistake.message)
        else:
            mark = error.problem_mark or error.context_mark
            document.note(mark.index if mark else 0, (), "yaml", _sentence(error))
    except (YAMLError, ValueError, IndexError, AssertionError, AttributeError, TypeError, KeyError):
        # Bugs of the parser on odd input: still a mistake in the file.
        document.note(composer.offset, (), "yaml", "This is not YAML. Check the text here.")
    document.problems.sort(key=lambda problem: (problem.line, problem.column))
    return document


def _sentence(error: MarkedYAMLError) -> str:
    """The parser's message as a sentence on one line."""
    parts = [str(part).strip() for part in (error.context, error.problem) if part]
    text = " ".join(", ".join(parts).split())[:300] or "it can't be read"
    for word, replacement in _WORDS.items():
        text = text.replace(word, replacement)
    return f"This is not YAML: {text}."


_WORDS = {
    "'<stream end>'": "the end of the file",
    "<block end>": "the end of the block",
    "'<document start>'": "the end of the file",
    "('<block mapping start>',)": "a key further to the left",
    "found character '\\t' that cannot start any token": "a tab can't indent: use spaces",
    "mapping values are not allowed here": "a key isn't allowed here. Check the indentation, and "
    "put text that contains `: ` in quotes",
}


class _Resolver(VersionedResolver):
    """Always uses YAML 1.2, whatever the file declares; :class:`_Values` determines types."""

    processing_version = (1, 2)

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        return self.DEFAULT_SCALAR_TAG


class _Composer(Composer):
    """ruamel's composer, which also records positions and stops at what isn't supported."""

    def __init__(self, yaml: YAML, document: Document) -> None:
        super().__init__(yaml)
        self.warn_double_anchors = False
        self.document = document
        self.offset = 0
        self._path: Path = ()
        self._nodes = 0
        self._aliases = 0
        # Whether it is inside a value that is ignored: that of a merge key or a duplicate key.
        self._dropped = False

    def compose_document(self) -> Node:
        start = self.parser.peek_event()
        if start.version or start.tags:
            found = re.search(r"^%", self.document.text, re.MULTILINE)
            self.offset = found.start() if found else start.start_mark.index
            self._note("directive", "Remove the lines that begin with %.")
        root: Node = super().compose_document()
        if not self.parser.check_event(StreamEndEvent):
            self.offset = self.parser.peek_event().start_mark.index
            raise self._stop("many_documents", "The file contains a second document. Keep one.")
        return root

    def compose_node(self, parent: Node | None, index: Node | int | None) -> Node:
        """Composes a key (``index`` is None), a key's value (the key's node), or an item (a number)."""
        event = self.parser.peek_event()
        is_key = isinstance(parent, MappingNode) and index is None
        # A key is a scalar, so it was the last node that was read.
        key = self.offset if isinstance(index, ScalarNode) else None
        self.offset = event.start_mark.index
        above, dropped = self._path, self._dropped
        if isinstance(index, ScalarNode):
            self._path = (*above, index.value)
            self._check_key(index.value, key or 0)
        elif isinstance(index, int):
            self._path = (*above, index)
        self._check(event, is_key)
        node: Node = super().compose_node(parent, index)
        if is_key and not isinstance(node, ScalarNode):
            raise self._stop("bad_key", "A key must be text.")
        if not is_key and not self._dropped:
            alias = isinstance(event, AliasEvent)
            end = event.end_mark if alias else node.end_mark
            self.document.ranges[self._path] = SourceRange(
                key, event.start_mark.index, end.index, alias
            )
        self._path, self._dropped = above, dropped
        return node

    def _check(self, event: Any, is_key: bool) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise self._stop("too_large", f"The file contains more than {MAX_NODES:,} values.")
        if isinstance(event, AliasEvent):
            self._aliases += 1
            if self._aliases > MAX_ALIASES:
                raise self._stop(
                    "too_many_aliases", f"The file uses more than {MAX_ALIASES} aliases (*name)."
                )
            if event.anchor not in self.anchors:
                raise self._stop(
                    "unknown_alias", f"There is no anchor &{event.anchor} before this alias."
                )
            return
        if event.ctag is not None:
            self._note("tag", f"Tags such as {str(event.tag)[:60]} can't be used. Remove it.")
        if isinstance(event, ScalarEvent):
            return
        if is_key:
            # YAML parses ``{{ x }}`` without quotes as a mapping in a mapping.
            if self.document.text[self.offset - 1 : self.offset + 1] == "{{":
                self.offset -= 1
                raise self._stop("unquoted", 'Put text that begins with {{ in quotes: "{{ … }}".')
            raise self._stop("bad_key", "A key must be text.")
        if len(self._path) >= MAX_DEPTH:
            raise _too_deep(self.offset, self._path)

    def _check_key(self, key: str, offset: int) -> None:
        if key == "<<":
            message = "Merging with << isn't supported. Write the keys out."
            self.document.note(offset, self._path, "merge_key", message)
        elif self._path in self.document.ranges and not self._dropped:
            message = f"The key {key[:60]} appears twice. Keep one."
            self.document.note(offset, self._path, "duplicate_key", message)
        else:
            return
        self._dropped = True

    def _note(self, code: str, message: str) -> None:
        self.document.note(self.offset, self._path, code, message)

    def _stop(self, code: str, message: str) -> _Stop:
        return _Stop(self.offset, self._path, code, message)


def _too_deep(offset: int, path: Path) -> _Stop:
    return _Stop(offset, path, "too_deep", f"The file is nested more than {MAX_DEPTH} levels deep.")


class _Values:
    """Builds values from nodes; each alias gets its own copy."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._within: set[int] = set()
        self._made = 0

    def of(self, node: Node, path: Path) -> Any:
        """The value of a node at a path."""
        self._made += 1
        if self._made > MAX_NODES:
            message = f"With its aliases expanded, the file has more than {MAX_NODES:,} values."
            raise _Stop(self._offset(path), path, "too_large", message)
        if isinstance(node, ScalarNode):
            return self._scalar(node, path)
        if len(path) >= MAX_DEPTH:
            raise _too_deep(self._offset(path), path)
        if id(node) in self._within:
            message = f"*{node.anchor} is inside &{node.anchor} itself."
            raise _Stop(self._offset(path), path, "unknown_alias", message)
        self._within.add(id(node))
        value: dict[str, Any] | list[Any]
        if isinstance(node, MappingNode):
            value = {}
            for key, item in node.value:
                self._made += 1
                if key.value != "<<" and key.value not in value:
                    value[key.value] = self.of(item, (*path, key.value))
        else:
            value = [self.of(item, (*path, index)) for index, item in enumerate(node.value)]
        self._within.remove(id(node))
        return value

    def _scalar(self, node: ScalarNode, path: Path) -> Any:
        text: str = node.value
        if node.style is not None:
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
            if abs(number) < 2**63:
                return number
            message = "This number is too large. If it is meant as text, put it in quotes."
        elif _FLOAT.match(text) or _SPECIAL.match(text):
            real = math.nan if _SPECIAL.match(text) else float(text)
            if math.isfinite(real):
                return real
            message = "This number can't be used."
        else:
            return text
        # Reported once, where the number is written, not for each alias.
        if not self._document.range_of(path).alias:
            self._document.note(self._offset(path), path, "bad_number", message)
        return 0

    def _offset(self, path: Path) -> int:
        return self._document.range_of(path).start
