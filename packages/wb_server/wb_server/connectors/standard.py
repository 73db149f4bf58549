"""The connectors that come with the Workbench."""

from __future__ import annotations

from pathlib import Path

from ..kit.network import NetworkPolicy
from .base import Connector
from .duckdb.connector import DuckdbFileConnector
from .embedded.workers import Workers
from .files.connector import FilesConnector
from .http.connector import HttpConnector
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
    """Creates one connector of every kind that comes with the Workbench.

    Args:
        network: which addresses they may dial.
        roots: the folders whose files connections may read.
        worker_memory: the memory limit of one statement on files, in DuckDB's notation.
        temporary: the folder for temporary files of such statements.
        warm: True to be ready for the first such statement.
    """
    workers = Workers(warm=warm, memory_limit=worker_memory, temporary=temporary)
    return [
        PostgresConnector(network),
        MySQLConnector(network),
        FilesConnector(roots, workers),
        DuckdbFileConnector(roots, workers),
        S3Connector(network, workers),
        HttpConnector(network),
    ]
