"""A click says where in the email it was."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    columns: tuple[sa.Column[Any], ...] = (
        sa.Column("block", sa.Text()),
        sa.Column("course_no", KEY),
        sa.Column("position", sa.Integer()),
        sa.Column("is_fallback", sa.Boolean()),
    )
    for column in columns:
        op.add_column("events", column)
