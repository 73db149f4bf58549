"""Returns freed memory to the operating system."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import pyarrow as pa


def _trim() -> Callable[[int], object] | None:
    """glibc's ``malloc_trim``; other C libraries return memory on their own."""
    try:
        trim: Callable[[int], object] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None
    return trim


_malloc_trim = _trim()


def give_back() -> None:
    """Returns this process's freed memory, after something large. Takes about a millisecond."""
    pa.default_memory_pool().release_unused()
    if _malloc_trim is not None:
        _malloc_trim(0)
