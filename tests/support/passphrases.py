"""Sealing with a passphrase, in less than the half second that it takes on purpose."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from wb_server.governance.secrets import passphrase


@contextmanager
def cheap() -> Iterator[None]:
    """Seals at the lowest cost while the block runs; the cost is in the file, so anything opens it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passphrase, "_COST", 2**4)
        yield
