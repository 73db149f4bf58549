"""The broker: runs what the gate permits, and streams the rows as Arrow.

It is the only one that opens connectors. Memory stays at about two batches however large the result
is and however slow its reader; ``stream.py`` has the format. What it does stands in files of their
own: ``statements.py``, ``loads.py``, ``catalog.py``, on top of ``opening.py``.
"""

from __future__ import annotations

from .catalog import Browsing
from .loads import Loading
from .statements import Querying


class Broker(Querying, Loading, Browsing):
    """Runs queries, loads, tests and looks into catalogs, each behind the gate and in the log."""
