"""The broker: runs what the gate permits, and streams the rows as Arrow.

It is the only one that opens connectors. Memory stays at about two batches however large the result
is and however slow its reader; ``stream.py`` has the format. What it does stands in files of their
own: ``querying.py``, ``loading.py``, ``browsing.py``, on top of ``opening.py``.
"""

from __future__ import annotations

from pathlib import Path

from .browsing import Browsing
from .connectors.base import Connector
from .connectors.duckdb_file import DuckdbFileConnector
from .connectors.files import FilesConnector
from .connectors.mysql import MySQLConnector
from .connectors.postgres import PostgresConnector
from .connectors.s3 import S3Connector
from .connectors.worker import Workers
from .loading import Loading
from .network import NetworkPolicy
from .querying import Querying


class Broker(Querying, Loading, Browsing):
    """Runs queries, loads, tests and looks into catalogs, each behind the gate and in the log."""


def standard_connectors(
    *,
    roots: list[Path],
    allow_private: bool,
    allow_loopback: bool,
    worker_memory: str,
    temporary: Path,
    warm: bool,
) -> list[Connector]:
    """Every kind of connector that comes with the Workbench.

    Args:
        roots: the folders whose files connections may read.
        worker_memory: of one statement on files, as DuckDB writes it.
        temporary: the folder for temporary files of such statements.
        warm: be ready for the first of them.
    """
    network = NetworkPolicy(allow_private=allow_private, allow_loopback=allow_loopback)
    workers = Workers(warm=warm, memory_limit=worker_memory, temporary=temporary)
    return [
        PostgresConnector(network),
        MySQLConnector(network),
        FilesConnector(roots, workers),
        DuckdbFileConnector(roots, workers),
        S3Connector(network, workers),
    ]
