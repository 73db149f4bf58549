"""The broker: what runs on connections, each behind the gate, within limits, and in the log.

It alone opens connectors. Memory stays at about two batches however large the result is and however
slow its reader; ``stream.py`` has the format.
"""

from __future__ import annotations

from dataclasses import dataclass

from .active import ActiveQueries
from .catalog import Catalog
from .connection_tests import ConnectionTests
from .loads import Loads
from .statements import Statements


@dataclass(frozen=True)
class Broker:
    """The parts of the broker, for those who use several of them."""

    statements: Statements
    loads: Loads
    catalog: Catalog
    tests: ConnectionTests
    active: ActiveQueries
