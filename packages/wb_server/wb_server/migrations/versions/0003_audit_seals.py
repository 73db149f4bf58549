"""Makes the audit log tamper-evident: a mac for each row, and seals that chain them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003_audit_seals"
down_revision = "0002_sharing"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_seals",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("first_id", sa.BigInteger(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("ids", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("adopted", sa.BigInteger(), nullable=False),
        sa.Column("adopts_to", sa.BigInteger(), nullable=True),
        sa.Column("sealed_at", sa.DateTime(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("pruned", sa.String(length=64), nullable=True),
        sa.Column("pruned_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_seals")),
    )
    op.create_index(
        "ix_audit_seals_living",
        "audit_seals",
        ["id"],
        unique=False,
        sqlite_where=sa.text("pruned IS NULL"),
        postgresql_where=sa.text("pruned IS NULL"),
    )
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.add_column(sa.Column("mac", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("seal", sa.BigInteger(), nullable=True))
        batch_op.create_index(
            "ix_audit_unsealed",
            ["id"],
            unique=False,
            sqlite_where=sa.text("seal IS NULL"),
            postgresql_where=sa.text("seal IS NULL"),
        )


def downgrade() -> None:
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_audit_unsealed",
            sqlite_where=sa.text("seal IS NULL"),
            postgresql_where=sa.text("seal IS NULL"),
        )
        batch_op.drop_column("seal")
        batch_op.drop_column("mac")
    op.drop_table("audit_seals")
