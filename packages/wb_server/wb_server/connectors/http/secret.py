"""Hides a connection's secret in what an API answers: some repeat requests, in errors or for tests."""

from __future__ import annotations

import base64
import html
import json
from typing import Final
from urllib.parse import quote, quote_plus

_HIDDEN: Final = "***"
# Secrets are ASCII, so the first one stands for nearly all encodings of texts.
_ENCODINGS: Final = ("utf-8", "utf-16-le", "utf-16-be")


class Secret:
    """The words that sign a request in, in every spelling in which servers repeat text.

    Args:
        words: the secret, and what the header says.
    """

    def __init__(self, *words: str) -> None:
        found = {spelling for word in words for spelling in _spellings(word)}
        # The longest first: one may be a part of another.
        self._spellings = sorted(found, key=len, reverse=True)

    def hidden(self, text: str) -> str:
        """A text without the words."""
        for spelling in self._spellings:
            text = text.replace(spelling, _HIDDEN)
        return text

    def hidden_in(self, data: bytes, *, cut: bool) -> bytes:
        """A body without the words.

        Args:
            cut: whether the body goes on, so that its end may be the beginning of a word.
        """
        for encoding in _ENCODINGS:
            words = [text.encode(encoding) for text in self._spellings]
            for word in words:
                data = data.replace(word, _HIDDEN.encode(encoding))
            for word in words if cut else ():
                known = next((n for n in range(len(word), 0, -1) if data.endswith(word[:n])), 0)
                data = data[: len(data) - known]
        return data


def _spellings(word: str) -> set[str]:
    """A word as it is, and as JSON, addresses, HTML and Base64 have it."""
    if not word:
        return set()
    in_json = json.dumps(word)[1:-1]
    in_address = {quote(word, safe=""), quote(word), quote_plus(word)}
    in_html = html.escape(word)
    return {
        word,
        in_json,
        in_json.replace("/", "\\/"),
        *in_address,
        *map(_lower_case_hex, in_address),
        in_html,
        html.escape(word, quote=False),
        in_html.replace("&#x27;", "&#39;").replace("&quot;", "&#34;"),
        base64.b64encode(word.encode()).decode(),
    }


def _lower_case_hex(text: str) -> str:
    first, *others = text.split("%")
    return "%".join([first, *(other[:2].lower() + other[2:] for other in others)])
