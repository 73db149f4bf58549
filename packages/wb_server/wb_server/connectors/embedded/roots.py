"""The folders of the service whose files connections may read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def allowed(roots: Sequence[Path]) -> str:
    """The allowed folders, for a message: ``in /srv/data or below it``."""
    if len(roots) == 1:
        return f"in {roots[0]} or below it"
    return f"in or below one of {', '.join(str(root) for root in roots)}"
