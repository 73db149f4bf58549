"""Names that no new connection can have, because they mean something else after ``%sql``."""

from __future__ import annotations

from typing import Final

LOCAL: Final = "local"
"""DuckDB in the user's own kernel."""

_WORDS: Final = """
    select with insert update delete merge replace upsert values table from show describe desc
    explain summarize pivot unpivot create drop alter truncate rename comment grant revoke call
    exec execute do begin start commit rollback savepoint release set reset use pragma attach
    detach copy load install export import analyze vacuum optimize refresh cache prepare
    deallocate declare fetch lock unlock kill checkpoint if abort end reindex cluster flush
"""
FIRST_WORDS: Final = frozenset(_WORDS.split())
"""Words that begin a statement: any other first word names a connection."""


def why_reserved(name: str) -> str | None:
    """Why a connection can't have this name; None if it can."""
    if name == LOCAL:
        return (
            f"“{LOCAL}” means DuckDB in a user's own notebook (%sql {LOCAL}). Choose another name."
        )
    if name in FIRST_WORDS:
        return (
            f"“{name}” begins an SQL statement, so %sql {name} would be one. Choose another name."
        )
    return None
