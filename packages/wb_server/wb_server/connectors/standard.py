"""Every kind of connector that comes with the Workbench."""

from __future__ import annotations

from pathlib import Path

from ..kit.network import NetworkPolicy
from .base import Connector
from .duckdb.connector import DuckdbFileConnector
from .embedded.workers import Workers
from .files.connector import FilesConnector
from .mysql.connector import MySQLConnector
from .postgres.connector import PostgresConnector
from .s3.connector import S3Connector


def standard_connectors(
    *,
    network: NetworkPolicy,
    roots: list[Path],
    worker_memory: str,
    temporary: Path,
    warm: bool,
) -> list[Connector]:
    """Every kind of connector that comes with the Workbench.

    Args:
        network: which addresses they may dial.
        roots: the folders whose files connections may read.
        worker_memory: of one statement on files, as DuckDB writes it.
        temporary: the folder for temporary files of such statements.
        warm: be ready for the first of them.
    """
    workers = Workers(warm=warm, memory_limit=worker_memory, temporary=temporary)
    return [
        PostgresConnector(network),
        MySQLConnector(network),
        FilesConnector(roots, workers),
        DuckdbFileConnector(roots, workers),
        S3Connector(network, workers),
    ]
