"""Every module that declares tables, so that migrations see them all."""

from __future__ import annotations

from ..connections import store as connections
from ..connections.credentials import store as credentials
from ..governance.audit import seals as audit_seals
from ..governance.audit import store as audit
from ..governance.secrets import vault
from ..kit import blobs
from ..pipelines import store as pipelines
from ..pipelines.runs import store as runs
from ..queries import peers as elsewhere
from ..queries.limits import store as limits

__all__ = [
    "audit",
    "audit_seals",
    "blobs",
    "connections",
    "credentials",
    "elsewhere",
    "limits",
    "pipelines",
    "runs",
    "vault",
]
