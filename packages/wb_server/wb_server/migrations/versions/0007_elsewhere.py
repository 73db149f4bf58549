"""What each process runs now, and which of it others ask to stop."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007_elsewhere"
down_revision = "0006_pipelines"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "process_queries",
        sa.Column("process", sa.String(length=128), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("told", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("process", name=op.f("pk_process_queries")),
    )
    op.create_table(
        "query_stops",
        sa.Column("query_id", sa.String(length=36), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("query_id", name=op.f("pk_query_stops")),
    )


def downgrade() -> None:
    op.drop_table("query_stops")
    op.drop_table("process_queries")
