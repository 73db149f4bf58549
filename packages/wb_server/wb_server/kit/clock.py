"""The time, in UTC. One place, so that tests can move it."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, with its zone (UTC)."""
    return datetime.now(UTC)
