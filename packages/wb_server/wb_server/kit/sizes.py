"""Limits that several rooms keep."""

from __future__ import annotations

from typing import Final

MAX_SQL_BYTES: Final = 1_000_000
"""The maximum size of a statement, or of several in one text."""
