"""Keyed hashes of the ids and addresses of people who were erased."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "erased_ids",
        sa.Column("id_hash", sa.Text(), nullable=False),
        sa.Column("user_no", KEY, nullable=False),
        sa.ForeignKeyConstraint(["user_no"], ["users.user_no"], name="fk_erased_ids_user_no_users"),
        sa.PrimaryKeyConstraint("id_hash", name="pk_erased_ids"),
    )
    op.create_index("ix_erased_ids_user_no", "erased_ids", ["user_no"])
