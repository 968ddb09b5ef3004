"""Whether a statement of consent bears the person's own date, or that of the import that brought it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("consent", sa.Column("dated", sa.Boolean(), server_default=sa.false(), nullable=False))
    # Imports did not tell the two apart so far, and what is not known to be dated overrules no no.
    op.execute("UPDATE consent SET dated = true WHERE channel <> 'import'")
