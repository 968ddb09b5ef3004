"""A project on disk: its settings, its database, its templates and campaigns; and how a new one is made."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from importlib.resources import as_file, files
from pathlib import Path

import sqlalchemy as sa

from recmail.campaign import Campaign, load_campaign
from recmail.campaign.schema import write_schema
from recmail.db.connect import connect, reading
from recmail.db.migrate import current_revision, newest_revision, upgrade
from recmail.errors import RefusedError, StorageError, did_you_mean
from recmail.render.brand import branded
from recmail.render.bundle import TemplateBundle, load_bundle
from recmail.settings import Settings, find_project, load_settings
from recmail.settings.values import domain_of

TO_FILL_IN = "(fill in your postal address)"
_RESERVED = ("example", "invalid", "test", "localhost")  # RFC 2606: nobody's, for ever


@dataclass(frozen=True)
class Project:
    """An open project; nothing is read from the database until it is asked."""

    folder: Path
    settings: Settings
    engine: sa.Engine

    def campaign(self, name: str) -> Campaign:
        """Read a campaign by its name, or by the path of its file.

        Raises:
            ConfigError: the file has mistakes.
            RefusedError: there is no such campaign.
        """
        path = self.folder / "campaigns" / f"{Path(name).stem}.yaml"
        given = Path(name)
        if given.parent != Path() and given.resolve() != path.resolve():
            raise RefusedError(f"{name} is not in campaigns/ of this project; move it there")
        if not path.is_file():
            there = self.campaigns()
            hint = did_you_mean(Path(name).stem, there) or f"; there are: {', '.join(there) or 'none'}"
            raise RefusedError(f"there is no campaign {name!r} in campaigns/{hint}")
        return load_campaign(path, self.settings)

    def campaigns(self) -> list[str]:
        """The names of all campaigns."""
        return sorted(path.stem for path in (self.folder / "campaigns").glob("*.yaml"))

    def templates(self) -> TemplateBundle:
        """The project's templates as they are now, in the colours of its [brand]."""
        return branded(load_bundle(self.folder / "templates"), asdict(self.settings.brand))


def open_project(folder: Path | None = None) -> Project:
    """Open the project in `folder`, or the nearest one from here upward.

    Raises:
        ConfigError: recmail.toml has mistakes, or there is none.
        StorageError: the database is missing, older or newer than this version of recmail.
    """
    found = find_project(folder)
    settings = load_settings(found)
    engine = connect(settings.database_url)
    if engine.dialect.name == "sqlite" and not Path(engine.url.database or "").is_file():
        raise StorageError(
            f"there is no database {engine.url.database}; make it with: recmail init --upgrade"
        )
    with reading(engine) as connection:
        at = current_revision(connection)
    if at != newest_revision():
        advice = "run: recmail init --upgrade" if at is None or at < newest_revision() else "upgrade recmail"
        raise StorageError(
            f"the database is at {at or 'no version'}, recmail needs {newest_revision()}; {advice}"
        )
    return Project(found, settings, engine)


def upgrade_project(folder: Path | None = None) -> Project:
    """Create or upgrade the project's tables and what editors know of its campaigns, then open it."""
    found = find_project(folder)
    settings = load_settings(found)
    engine = connect(settings.database_url)
    upgrade(engine)
    write_schema(found, settings)
    engine.dispose()
    return open_project(folder)


def is_reserved(mailbox: str) -> bool:
    """Return whether an address, or Name <address>, is an example that cannot be anybody's."""
    return domain_of(mailbox).rpartition(".")[2].lower() in _RESERVED


def copy_shipped(name: str, into: Path) -> None:
    """Copy the shipped `templates` or `campaigns` into a new project, never over a file that is there."""
    with as_file(files("recmail") / "shipped" / name) as shipped:
        for source in sorted(shipped.rglob("*")):
            target = into / name / source.relative_to(shipped)
            if source.is_file() and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
