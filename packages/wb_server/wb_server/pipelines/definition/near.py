"""Near words, for messages about a word that isn't known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def near(word: str, known: Iterable[str]) -> str:
    """`` (did you mean …?)`` when a known word is close."""
    found = difflib.get_close_matches(word, list(known)[:500], 1, 0.7)
    return f" (did you mean {found[0]}?)" if found else ""
