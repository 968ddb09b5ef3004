"""What came back is found by what it calls a message, and says more of it than its kind."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

INDEXES = (
    ("ix_ledger_provider_id", "ledger", ["provider_id"], "provider_id <> ''"),
    ("ix_ledger_unknown", "ledger", ["run_no", "user_no"], "state = 'unknown'"),
    (
        "ix_events_stray",
        "events",
        ["received_at", "event_no"],
        "coalesce(provider_id, message_id) IS NOT NULL",
    ),
)


def upgrade() -> None:
    op.add_column("events", sa.Column("email_hash", sa.Text()))
    op.add_column("events", sa.Column("status", sa.Text(), nullable=False, server_default=""))
    op.add_column("events", sa.Column("dead", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("events", sa.Column("by_machine", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("events", sa.Column("detail", sa.Text(), nullable=False, server_default=""))
    op.add_column("events", sa.Column("url", sa.Text()))
    op.add_column("events", sa.Column("message_id", sa.Text()))
    op.add_column("events", sa.Column("provider_id", sa.Text()))
    for name, table, columns, where in INDEXES:
        condition = sa.text(where)
        op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)
