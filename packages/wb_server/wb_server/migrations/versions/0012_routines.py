"""The functions and procedures of the database that a connection's owner allows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012_routines"
down_revision = "0011_run_numbers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "connections", sa.Column("routines", sa.JSON(), nullable=False, server_default="[]")
    )


def downgrade() -> None:
    with op.batch_alter_table("connections") as table:
        table.drop_column("routines")
