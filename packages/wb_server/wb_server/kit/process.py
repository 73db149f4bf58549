"""What this process is called among those that work together."""

from __future__ import annotations

import os
import socket
import uuid


def unique_name() -> str:
    """A name that no process had before, by which a person finds this one: host, pid and letters.

    The letters tell it from one that was killed: Redis, or a row, may still know that one.
    """
    return f"{socket.gethostname()[:60]}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
