"""Shards of a run say what their blocks could not do as they were asked."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("run_shards", sa.Column("shortfall", sa.JSON(), nullable=True))
