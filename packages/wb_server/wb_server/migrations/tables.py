"""Every module that declares tables, so that migrations see them all."""

from __future__ import annotations

from ..connections import store as connections
from ..governance.audit import store as audit
from ..governance.secrets import vault
from ..kit import blobs

__all__ = ["audit", "blobs", "connections", "vault"]
