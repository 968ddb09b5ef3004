"""Runs say as of when people were judged: a scheduled one is planned before it is due."""

import sqlalchemy as sa
from alembic import op

from recmail.db.types import UtcTime

revision = "0009"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("runs", sa.Column("as_of", UtcTime(), nullable=True))
    op.execute("UPDATE runs SET as_of = due_instant")
