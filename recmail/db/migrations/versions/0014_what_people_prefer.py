"""People may ask for a pause, and for fewer emails than they would get."""

import sqlalchemy as sa
from alembic import op

from recmail.db.types import UtcTime

revision = "0014"
down_revision = "0013"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "preferences",
        sa.Column("user_no", KEY, nullable=False, autoincrement=False),
        sa.Column("paused_until", UtcTime()),
        sa.Column("at_most", sa.Integer()),
        sa.Column("within_days", sa.Integer()),
        sa.Column("at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("user_no", name="pk_preferences"),
        sa.ForeignKeyConstraint(["user_no"], ["users.user_no"], name="fk_preferences_user_no_users"),
    )
