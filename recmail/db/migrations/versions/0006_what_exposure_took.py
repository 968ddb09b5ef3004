"""Runs say which courses reached the limit of people they may be shown to."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("runs", sa.Column("exposure", sa.JSON(), nullable=True))
