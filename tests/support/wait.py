"""Waiting for a condition, with a limit."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(condition: Callable[[], T], seconds: float = 20) -> T:
    """The condition's first true value.

    Raises:
        TimeoutError: it stays false for so long.
    """
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"still waiting for {condition}")
        time.sleep(0.05)
    return value
