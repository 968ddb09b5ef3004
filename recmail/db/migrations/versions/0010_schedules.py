"""Campaigns that go out by themselves, and who holds what is done by one process at a time."""

import sqlalchemy as sa
from alembic import op

from recmail.db.types import UtcTime

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "schedules",
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("changed_at", UtcTime(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("settled_until", UtcTime(), nullable=False),
        sa.Column("next_due", UtcTime(), nullable=True),
        sa.Column("next_prepare", UtcTime(), nullable=True),
        sa.Column("next_missed", UtcTime(), nullable=True),
        sa.Column("trouble", sa.Text(), nullable=True),
        sa.Column("trouble_at", UtcTime(), nullable=True),
        sa.Column("tried_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("campaign", name="pk_schedules"),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("until", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
