"""Metadata databases for tests: copies of a template that is migrated once per process."""

from __future__ import annotations

import secrets
import tempfile
from functools import cache
from pathlib import Path

import sqlalchemy as sa

from wb_server.kit.db import migrate

from .postgres import Cluster


def new_database(cluster: Cluster, name: str = "meta") -> str:
    """Creates an empty metadata database in a cluster and returns its URL."""
    return _create(cluster, f"{name}_{secrets.token_hex(6)}")


def migrated(cluster: Cluster) -> str:
    """Creates a migrated metadata database in a cluster and returns its URL."""
    return _create(cluster, f"meta_{secrets.token_hex(6)}", _postgresql(cluster))


def migrate_new(url: str) -> None:
    """Like ``migrate``, except that a new SQLite file becomes a copy of the template."""
    path = Path(str(sa.make_url(url).database))
    if not url.startswith("sqlite:") or path.exists():
        migrate(url)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_sqlite())


@cache
def _sqlite() -> bytes:
    with tempfile.TemporaryDirectory(prefix="wb-template-") as folder:
        path = Path(folder) / "workbench.db"
        migrate(f"sqlite:///{path}")
        return path.read_bytes()


@cache
def _postgresql(cluster: Cluster) -> str:
    name = f"template_{secrets.token_hex(6)}"
    migrate(_create(cluster, name))
    return name


def _create(cluster: Cluster, name: str, template: str = "template1") -> str:
    with cluster.connect() as connection:
        connection.execute(f"create database {name} template {template}")
    return cluster.url_of(name)
