"""Finds where a mistake in YAML was made, which is often lines above the place where parsing fails."""

from __future__ import annotations

import re
from typing import NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.tokens import ScalarToken

# The end of a line that begins a block scalar, after a key, a dash or another indicator.
_HEADER = re.compile(r"(?:^|[:\-?]\s+|\s)[|>](?:[+-]?[1-9]?|[1-9][+-])[ \t]*(?:#.*)?$")
_ENTRY = re.compile(r"""(?:- |-$|#|\? |[}\]]|(?:"[^"]*"|'[^']*'|[^\s#'"{\[][^#]*?):(?:\s|$))""")
_OPENING = {"while parsing a flow mapping": "{", "while parsing a flow sequence": "["}


class Mistake(NamedTuple):
    """A mistake in YAML: its offset in the text, and a sentence."""

    offset: int
    message: str


def found(text: str, error: MarkedYAMLError) -> Mistake | None:
    """The mistake behind a parser's error, if it isn't where the parser noticed it."""
    noticed = error.problem_mark or error.context_mark
    at = noticed.index if noticed is not None else len(text)
    opening = error.context_mark
    if error.context == "while scanning a quoted scalar" and opening is not None:
        if "end of stream" in str(error.problem) or "document separator" in str(error.problem):
            return Mistake(opening.index, "This quote is never closed. Close it.")
        return None
    return _earlier_quote(text, at) or _dedented_text(text, at) or _unclosed_bracket(error, text)


def _earlier_quote(text: str, at: int) -> Mistake | None:
    """A quoted text over several lines that ends just before the error: its end was meant to begin one."""
    last = None
    try:
        for token in YAML(typ="safe", pure=True).scan(text):
            if token.start_mark.index >= at:
                break
            if isinstance(token, ScalarToken) and token.style in ("'", '"'):
                last = token
    except (YAMLError, ValueError, IndexError, AssertionError, AttributeError, TypeError):
        pass  # it fails where parsing failed
    if last is None or last.start_mark.line == last.end_mark.line:
        return None
    start, end = last.start_mark.index, last.end_mark.index
    if "\n" in text[end:at] or not re.search(r"\n\s*(?:- )?[\w.-]+:\s", text[start:end]):
        return None
    line = last.end_mark.line + 1
    return Mistake(
        start,
        f"This quote is closed only in line {line}. Close it, or remove it, where the text ends.",
    )


def _dedented_text(text: str, at: int) -> Mistake | None:
    """A line that was meant to belong to a block scalar, but is indented less than it."""
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    mistake = None
    number = 0
    while number < len(lines) and starts[number] <= at:
        header = lines[number]
        number += 1
        if not _HEADER.search(header) or header.lstrip().startswith("#"):
            continue
        first = next((i for i in range(number, len(lines)) if lines[i].strip()), None)
        if first is None:
            break
        outer, inner = _indent(header), _indent(lines[first])
        if inner <= outer:
            continue  # it is empty
        blank = next((i for i in range(number, first) if _indent(lines[i]) > inner), None)
        if blank is not None and starts[blank] <= at:
            mistake = Mistake(
                starts[blank] + inner,
                "This empty line has more spaces than the text below it. Remove them.",
            )
        end = next(
            (i for i in range(first, len(lines)) if lines[i].strip() and _indent(lines[i]) < inner),
            None,
        )
        if end is None or starts[end] > at:
            break
        indent = _indent(lines[end])
        if indent > outer or not _ENTRY.match(lines[end].lstrip(" ")):
            mistake = Mistake(
                starts[end] + indent,
                f"This line is indented less than the text that begins in line {first + 1}. "
                f"Indent it by at least {inner} spaces if it belongs to that text.",
            )
        number = end
    return mistake


def _unclosed_bracket(error: MarkedYAMLError, text: str) -> Mistake | None:
    """A ``{`` or ``[`` that isn't closed, noticed on a later line."""
    bracket = _OPENING.get(str(error.context))
    opening, noticed = error.context_mark, error.problem_mark
    if bracket is None or opening is None or noticed is None:
        return None
    closing = {"{": "}", "[": "]"}[bracket]
    if opening.line == noticed.line and text[noticed.index : noticed.index + 1] not in "]}":
        return None  # a comma is missing, or a quote
    return Mistake(opening.index, f"This {bracket} isn't closed. Write {closing} where it ends.")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
