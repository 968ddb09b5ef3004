"""Bringing a database to the newest tables, with the migrations that ship in the package."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from recmail.db.connect import writing


def _config(connection: sa.Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def upgrade(engine: sa.Engine) -> None:
    """Create or upgrade all tables, in one transaction."""
    with writing(engine) as connection:
        command.upgrade(_config(connection), "head")


def current_revision(connection: sa.Connection) -> str | None:
    """The migration that the database is at; None for an empty database."""
    return MigrationContext.configure(connection).get_current_revision()


def newest_revision() -> str:
    """The migration that this version of recmail needs."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None, "the package ships no migrations"
    return head
