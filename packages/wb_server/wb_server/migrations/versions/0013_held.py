"""Limits of their own for runs, and task runs that the Workbench itself holds up."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013_held"
down_revision = "0012_routines"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("limits") as limits:
        limits.add_column(
            sa.Column("work", sa.String(length=11), nullable=False, server_default="interactive")
        )
        limits.drop_constraint("pk_limits", type_="primary")
        limits.create_primary_key("pk_limits", ["work", "kind", "subject"])
    with op.batch_alter_table("limits") as limits:
        limits.alter_column("work", server_default=None)
    op.add_column("task_runs", sa.Column("held", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("task_runs", sa.Column("held_since", sa.DateTime(), nullable=True))
    op.create_table(
        "installation",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )


def downgrade() -> None:
    op.drop_table("installation")
    with op.batch_alter_table("task_runs") as task_runs:
        task_runs.drop_column("held_since")
        task_runs.drop_column("held")
    op.execute("delete from limits where work <> 'interactive'")
    with op.batch_alter_table("limits") as limits:
        limits.drop_constraint("pk_limits", type_="primary")
        limits.create_primary_key("pk_limits", ["kind", "subject"])
        limits.drop_column("work")
