"""A click says where in the email it was, and whether a person or a program made it."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0012"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("events")}
    columns: tuple[sa.Column[Any], ...] = (
        sa.Column("by_machine", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("url", sa.Text()),
        sa.Column("block", sa.Text()),
        sa.Column("course_no", KEY),
        sa.Column("position", sa.Integer()),
        sa.Column("is_fallback", sa.Boolean()),
    )
    for column in columns:
        if column.name not in there:
            op.add_column("events", column)
