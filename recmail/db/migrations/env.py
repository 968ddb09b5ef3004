"""Runs migrations on the connection that `recmail.db.migrate` hands over."""

from alembic import context

from recmail.db import learned_tables  # noqa: F401 - only then its tables are in the metadata
from recmail.db.tables import metadata

context.configure(
    user_module_prefix="",
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite has almost no ALTER TABLE
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
