"""Waiting for a condition, with a time limit."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(condition: Callable[[], T], seconds: float = 60) -> T:
    """Waits until the condition is true; returns its value.

    Raises:
        TimeoutError: it is still false after ``seconds``.
    """
    end = time.monotonic() + seconds
    while True:
        began = time.monotonic()
        if value := condition():
            return value
        now = time.monotonic()
        if now > end:
            raise TimeoutError(f"still waiting for {condition}")
        # A condition that takes long would keep the machine from what it waits for.
        time.sleep(max(0.05, now - began))
