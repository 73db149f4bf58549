"""Runs the migrations on the database that ``kit.db`` names, all of them in one transaction.

A migration that fails leaves the database unchanged. PostgreSQL ensures that. With SQLite, the driver
begins a transaction only before the first INSERT, and Alembic assumes that SQLite can't roll back DDL;
both are corrected here.
"""

from __future__ import annotations

import sqlite3
from typing import Literal

import sqlalchemy as sa
from alembic import context
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from wb_server import rooms
from wb_server.kit.db import UtcDateTime, metadata

rooms.tables()  # registers the tables in the metadata


def _plain(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Renders our own column type as the plain one, so that migrations don't depend on our code."""
    return "sa.DateTime()" if kind == "type" and isinstance(item, UtcDateTime) else False


def _own_transactions(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    assert isinstance(connection, sqlite3.Connection)
    connection.isolation_level = None
    connection.execute("PRAGMA busy_timeout = 30000")
    # Altering a table copies it and drops the old one, which must not cascade. Checked at the end.
    connection.execute("PRAGMA foreign_keys = OFF")


def _begin(connection: sa.Connection) -> None:
    # A concurrent migration waits here for the first, and then finds nothing to do.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _run() -> None:
    engine = sa.create_engine(context.config.attributes["url"], poolclass=sa.NullPool)
    sqlite = engine.dialect.name == "sqlite"
    if sqlite:
        sa.event.listen(engine, "connect", _own_transactions)
        sa.event.listen(engine, "begin", _begin)
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            # SQLite can't alter most things in place; batch mode copies the table instead.
            render_as_batch=sqlite,
            transactional_ddl=True,
            compare_type=True,
            render_item=_plain,
        )
        with context.begin_transaction():
            if not sqlite:
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(7702315)"))
            context.run_migrations()
            if sqlite and (broken := connection.exec_driver_sql("PRAGMA foreign_key_check").all()):
                raise RuntimeError(f"rows without the row they refer to: {broken[:3]}")
    engine.dispose()


_run()
