"""When the Hub created the group that bears a name, which tells groups of the same name apart."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014_teams"
down_revision = "0013_held"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "teams",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("since", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_teams")),
    )


def downgrade() -> None:
    op.drop_table("teams")
