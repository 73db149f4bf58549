"""The name of this process among its peers."""

from __future__ import annotations

import os
import socket
import uuid


def unique_name() -> str:
    """A readable name that no process had before: host, pid and random letters.

    The letters distinguish it from a killed process with the same pid, which Redis or a row may
    still name.
    """
    return f"{socket.gethostname()[:60]}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
