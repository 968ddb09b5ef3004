"""Imports remember which state of a file they read."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("imports", sa.Column("fingerprint", sa.Text(), nullable=True))
