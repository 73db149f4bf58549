"""All rooms of the Workbench, lowest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .connections.room import ROOM as CONNECTIONS
from .connectors.room import ROOM as CONNECTORS
from .gate.room import ROOM as GATE
from .governance.room import ROOM as GOVERNANCE
from .kit.room import Room, actions_of, levels_of
from .monitoring.room import ROOM as MONITORING
from .pipelines.room import ROOM as PIPELINES
from .queries.room import ROOM as QUERIES

if TYPE_CHECKING:
    import sqlalchemy as sa

ROOMS: tuple[Room, ...] = (
    MONITORING,
    GOVERNANCE,
    GATE,
    CONNECTORS,
    CONNECTIONS,
    QUERIES,
    PIPELINES,
)

ACTIONS = actions_of(ROOMS)
LEVELS = levels_of(ROOMS)


def tables() -> list[sa.Table]:
    """Every table of the metadata database. Calling it registers them in ``kit.db.metadata``."""
    from .kit.blobs import blobs, installation
    from .kit.outbox import outbox

    return [blobs, installation, outbox, *(table for room in ROOMS for table in room.tables())]
