"""Shards of a run say what was found in the emails of their people."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("run_shards", sa.Column("findings", sa.JSON(), nullable=True))
