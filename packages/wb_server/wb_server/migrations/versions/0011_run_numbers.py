"""Runs are numbered per pipeline, and record which of their parameters were given."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011_run_numbers"
down_revision = "0010_people"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_runs_pipeline_id_number", table_name="runs")
    op.drop_index("ix_runs_state_number", table_name="runs")
    # Not Alembic's way: on SQLite it copies the table.
    op.execute("ALTER TABLE runs RENAME COLUMN number TO seq")
    op.add_column("runs", sa.Column("number", sa.Integer, nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("given", sa.JSON))
    op.add_column("pipelines", sa.Column("runs", sa.Integer, nullable=False, server_default="0"))
    op.execute(
        """
        UPDATE runs SET number = counted.number FROM (
            SELECT id, row_number() OVER (PARTITION BY pipeline_id ORDER BY seq) AS number FROM runs
        ) AS counted
        WHERE counted.id = runs.id
        """
    )
    op.execute(
        """
        UPDATE pipelines SET runs = (
            SELECT count(*) FROM runs WHERE runs.pipeline_id = pipelines.id
        )
        """
    )
    op.create_index("ix_runs_pipeline_id_number", "runs", ["pipeline_id", "number"], unique=True)
    op.create_index("ix_runs_pipeline_id_seq", "runs", ["pipeline_id", "seq"])
    op.create_index("ix_runs_state_seq", "runs", ["state", "seq"])


def downgrade() -> None:
    for index in ("ix_runs_pipeline_id_number", "ix_runs_pipeline_id_seq", "ix_runs_state_seq"):
        op.drop_index(index, table_name="runs")
    op.drop_column("pipelines", "runs")
    op.drop_column("runs", "given")
    op.drop_column("runs", "number")
    op.execute("ALTER TABLE runs RENAME COLUMN seq TO number")
    op.create_index("ix_runs_pipeline_id_number", "runs", ["pipeline_id", "number"])
    op.create_index("ix_runs_state_number", "runs", ["state", "number"])
