"""What has been used of each quota, for all workers together; and events of a run are found by their kind."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "quotas",
        sa.Column("scope", sa.Text(), primary_key=True),
        sa.Column("slot", sa.BigInteger(), primary_key=True),
        sa.Column("used", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_events_run_no_kind", "events", ["run_no", "kind"])
