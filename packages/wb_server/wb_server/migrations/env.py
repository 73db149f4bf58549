"""Runs the migrations on the database that ``kit.db`` names."""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa
from alembic import context

from wb_server.kit.db import UtcDateTime, metadata
from wb_server.migrations import tables  # noqa: F401  (fills the metadata)


def _plain(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Writes our own column type as the plain one, so that a migration needs none of our code."""
    return "sa.DateTime()" if kind == "type" and isinstance(item, UtcDateTime) else False


engine = sa.create_engine(context.config.attributes["url"])
with engine.connect() as connection:
    # SQLite can't alter most things in place; batch mode copies the table instead.
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        render_item=_plain,
    )
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
