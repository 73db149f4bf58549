"""The broker: runs everything on connections, behind the gate, within limits, and audited.

Only the broker opens connectors. It holds about two batches in memory, however large the result and
however slow its reader; ``stream.py`` describes the format.
"""

from __future__ import annotations

from dataclasses import dataclass

from .active import ActiveQueries
from .calls import Calls
from .catalog import Catalog
from .connection_tests import ConnectionTests
from .loads import Loads
from .previews import Previews
from .statements import Statements
from .table_rows import TableReader


@dataclass(frozen=True)
class Broker:
    """The parts of the broker, for callers that use several of them."""

    statements: Statements
    loads: Loads
    calls: Calls
    catalog: Catalog
    tests: ConnectionTests
    previews: Previews
    tables: TableReader
    active: ActiveQueries
