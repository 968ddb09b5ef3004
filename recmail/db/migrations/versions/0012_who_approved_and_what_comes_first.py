"""Runs have a priority, and everybody who approved one is kept with what they signed."""

import sqlalchemy as sa
from alembic import op

from recmail.db.types import UtcTime

revision = "0012"
down_revision = "0011"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("runs", sa.Column("priority", sa.Integer(), nullable=False, server_default="0"))
    op.create_index("ix_runs_open", "runs", ["state", "priority", "run_no"])
    op.create_table(
        "approvals",
        sa.Column("run_no", KEY, nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("stands_for", sa.Integer(), nullable=False, server_default="1"),
        sa.PrimaryKeyConstraint("run_no", "person", name="pk_approvals"),
        sa.ForeignKeyConstraint(["run_no"], ["runs.run_no"], name="fk_approvals_run_no_runs"),
    )
    # What was approved before stays approved: by one person each.
    op.execute(
        "INSERT INTO approvals (run_no, person, who, at, content_hash) "
        "SELECT run_no, approved_by, approved_by, approved_at, content_hash FROM runs "
        "WHERE approved_by IS NOT NULL AND approved_at IS NOT NULL AND content_hash IS NOT NULL"
    )
