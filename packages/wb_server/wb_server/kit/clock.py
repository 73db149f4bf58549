"""The time: in UTC, and for durations. One place, so that tests can move it."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The current time, timezone-aware (UTC)."""
    return datetime.now(UTC)


def monotonic() -> float:
    """The seconds of a clock that is never set back, for deadlines within a process."""
    return time.monotonic()
