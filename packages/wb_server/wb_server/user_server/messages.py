"""The limit on a kernel's messages, on both sides of a user's server."""

from __future__ import annotations

from typing import Any, Final

MAX_MESSAGE: Final = 64 * 2**20
"""The maximum size of a single message, in bytes. Less than that is kept of a cell's outputs."""


def left_out(size: int) -> dict[str, Any]:
    """The content of a ``stream`` message in place of one that exceeds ``MAX_MESSAGE``."""
    text = f"[An output of {size // 2**20} MiB was left out. Show less, or write it to a file.]\n"
    return {"name": "stderr", "text": text}
