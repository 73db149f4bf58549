"""Inserts the values of expressions into addresses and bodies, encoded for the place they stand in.

So a value stays a value: it can't end a path segment, add a parameter to a query, name another host,
or close a string in JSON.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, unquote

from ...kit.errors import Unprocessable
from . import expressions
from .expressions import Template
from .filters import MAX_TEXT, as_json, as_text

# What may stand in a host name and port; an international name is made ASCII later.
_HOST: Final = re.compile(r"[\w.:\[\]-]+")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")


def url(text: str, scope: Mapping[str, Any]) -> str:
    """An address with its values inserted.

    A value at its very beginning is the beginning of the address, and inserted unchanged.

    Raises:
        Unprocessable: an expression can't be computed, or its value can't stand there.
    """
    return _Address().fill(expressions.parse(text), scope)


def path(text: str, scope: Mapping[str, Any]) -> str:
    """A path, perhaps with a query, with its values inserted.

    Raises:
        Unprocessable: as for ``url``.
    """
    return _Address(in_path=True).fill(expressions.parse(text), scope)


def body(text: str, scope: Mapping[str, Any]) -> Any:
    """A body: the typed value of a single expression, JSON with encoded values, or plain text.

    Raises:
        Unprocessable: an expression can't be computed.
    """
    template = expressions.parse(text)
    if len(template.parts) > 1 and _is_json(template):
        return _json(template, scope)
    return template.evaluate(scope)


def _refused(message: str) -> Unprocessable:
    return Unprocessable(message, code="expression_failed")


class _Address:
    """An address being filled, from left to right.

    Args:
        in_path: True for text that begins with the path.
    """

    def __init__(self, *, in_path: bool = False) -> None:
        self._text = ""
        self._in_path = in_path
        self._places: list[int] = []  # where a value was inserted into the path

    def fill(self, template: Template, scope: Mapping[str, Any]) -> str:
        for index, part in enumerate(template.parts):
            if isinstance(part, str):
                self._text += part
                continue
            after = template.parts[index + 1] if index + 1 < len(template.parts) else ""
            value = as_text(part.evaluate(scope))
            self._text += self._encoded(value, part.source, after)
        self._check_segments()
        return self._text

    def _encoded(self, value: str, source: str, after: object) -> str:
        start = self._path_start()
        if start is None:
            return self._before_path(value, source, after)
        if not re.search(r"[?#]", self._text[start:]):
            self._places.append(len(self._text))
        try:
            return quote(value, safe="")
        except UnicodeEncodeError:
            raise _refused(f"The value of {source} isn't valid Unicode.") from None

    def _before_path(self, value: str, source: str, after: object) -> str:
        if "://" in self._text:
            if not all(_HOST.fullmatch(each) for each in (value, _compatible(value))):
                raise _refused(
                    f"The value of {source} stands for a host name in the address, so it must "
                    "consist of letters, digits, dots and hyphens."
                )
            return value
        is_scheme = self._text or (isinstance(after, str) and after.startswith("://"))
        if is_scheme and not _SCHEME.fullmatch(value):
            raise _refused(
                f"The value of {source} stands for the scheme of the address, so it must be http or "
                "https."
            )
        return value

    def _path_start(self) -> int | None:
        """Where the path begins; None if the text so far ends before it."""
        if self._in_path:
            return 0
        _, found, rest = self._text.partition("://")
        end = re.search(r"[/?#\\]", rest)
        return len(self._text) - len(rest) + end.start() if found and end else None

    def _check_segments(self) -> None:
        """Refuses a value that leaves a path segment empty, or turns it into ``.`` or ``..``."""
        start = self._path_start()
        if start is None:
            return
        whole = re.split(r"[?#]", self._text[start:], maxsplit=1)[0]
        position = start
        for segment in whole.split("/"):
            end = position + len(segment)
            if any(position <= place <= end for place in self._places):
                if unquote(segment) in ("", ".", ".."):
                    raise _refused(
                        f"A value makes a part of the path {unquote(segment) or 'empty'}, which "
                        "would address something else."
                    )
            position = end + 1


def _compatible(text: str) -> str:
    """The text as international host names are read, in which some letters become marks."""
    return unicodedata.normalize("NFKC", text)


# JSON --------------------------------------------------------------------------------------------


def _in_string(before: str) -> bool:
    """True if a JSON text that begins like this is inside a string."""
    return len(re.findall(r'"', re.sub(r"\\.", "", before, flags=re.DOTALL))) % 2 == 1


def _is_json(template: Template) -> bool:
    """True if the text is JSON whose values the expressions are, or are parts of."""
    sample = ""
    for part in template.parts:
        sample += part if isinstance(part, str) else "0"
    try:
        json.loads(sample)
    except (ValueError, RecursionError):
        return False
    return True


def _json(template: Template, scope: Mapping[str, Any]) -> str:
    written = text = ""  # ``written`` has what the file says: values can't change what is a string
    for part in template.parts:
        if isinstance(part, str):
            text += part
            written += part
            continue
        value = part.evaluate(scope)
        text += as_json(as_text(value))[1:-1] if _in_string(written) else as_json(value)
    if len(text) > len(written) + MAX_TEXT:
        raise _refused(f"The values in a text must have at most {MAX_TEXT:,} characters in total.")
    return text
