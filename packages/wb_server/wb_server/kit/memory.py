"""Memory that was used goes back to the system."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import pyarrow as pa


def _trim() -> Callable[[int], object] | None:
    """glibc's; other systems give back by themselves."""
    try:
        trim: Callable[[int], object] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None
    return trim


_malloc_trim = _trim()


def give_back() -> None:
    """After something large: what is free in this process goes back. Takes a millisecond or so."""
    pa.default_memory_pool().release_unused()
    if _malloc_trim is not None:
        _malloc_trim(0)
