"""Suggests similar words, for messages about an unknown one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def near(word: str, known: Iterable[str]) -> str:
    """`` (did you mean …?)`` if a known word is similar, else an empty text."""
    found = difflib.get_close_matches(word, list(known)[:500], 1, 0.7)
    return f" (did you mean {found[0]}?)" if found else ""
