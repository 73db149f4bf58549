"""Keys: which master key seals, and what the rotation of a password remembers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004_keys"
down_revision = "0003_audit_seals"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "vault_keys",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vault_keys")),
    )
    op.create_table(
        "credential_rotations",
        sa.Column("connection_id", sa.String(length=36), nullable=False),
        sa.Column("ciphertext", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connections.id"],
            name=op.f("fk_credential_rotations_connection_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("connection_id", name=op.f("pk_credential_rotations")),
    )


def downgrade() -> None:
    op.drop_table("credential_rotations")
    op.drop_table("vault_keys")
