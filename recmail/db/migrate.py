"""Bringing a database to the newest tables, with the migrations that ship in the package."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from recmail.db.connect import writing

_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(engine: sa.Engine, revision: str = "head") -> None:
    """Create or upgrade all tables, up to a revision, in one transaction."""
    # Every command asks for the revisions below; Alembic itself takes 80 ms to import, so only this needs it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def current_revision(connection: sa.Connection) -> str | None:
    """The migration that the database is at; None for an empty database."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return found


def newest_revision() -> str:
    """The migration that this version of recmail needs: 0001 of versions/0001_the_first_tables.py."""
    return max(path.name.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*_*.py"))
