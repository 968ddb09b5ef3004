"""The public application over a small project: three people, the last two of whom share an address."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.consent import Consent, record_consent
from recmail.db.tables import consent, users
from recmail.deliver.clock import Clock
from recmail.runs.news import News
from recmail.runs.project import Project, open_project
from recmail.tokens import sign
from recmail.web.public.application import make_application
from recmail.web.public.door import PLACES, Door
from tests.conftest import NOW
from tests.rows import empty_project, user_row
from tests.web.public.visiting import Visiting

ANA, BEN, BENS_OTHER = 0, 1, 2
Path_ = Callable[..., str]


PUBLIC_URL = "https://mail.acme.example/m"


def make_project(folder: Path, now: datetime) -> Project:
    """A project on the database that RECMAIL_PROJECT_DATABASE names, with people and two topics."""
    empty_project(folder).engine.dispose()
    settings = folder / "recmail.toml"
    text = settings.read_text("utf-8").replace("[topics]", '[topics]\nnews = "News"', 1)
    settings.write_text(text.replace('public_url = ""', f'public_url = "{PUBLIC_URL}"'), "utf-8")
    project = open_project(folder)
    shared = {"email": "ben@example.org", "email_hash": "ben"}
    people = [
        user_row(ANA, now, first_name="Ana", language="en", country="GB", timezone="Pacific/Kiritimati"),
        user_row(BEN, now, first_name="बेन", language="hi-IN", country="IN", **shared),
        user_row(BENS_OTHER, now, language="ar", **shared),
    ]
    with writing(project.engine) as connection:
        for person in people:
            connection.execute(users.insert(), person)
        before = now - timedelta(days=9)
        yes = [Consent(number, "email", True, before, "import", "form") for number in range(3)]
        record_consent(connection, yes)
    return project


@pytest.fixture(scope="session")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("public") / "acme"
    make_project(folder, NOW).engine.dispose()
    return folder


@pytest.fixture
def project(_made: Path, tmp_path: Path) -> Iterator[Project]:
    """This test's own copy, on SQLite; test_both_databases.py has one on each."""
    shutil.copytree(_made, tmp_path / "acme")
    copied = open_project(tmp_path / "acme")
    yield copied
    copied.engine.dispose()


@pytest.fixture
def told() -> list[News]:
    """What the application says went wrong."""
    return []


@pytest.fixture
def door(project: Project, now: datetime, told: list[News]) -> Door:
    return Door(project, Clock(now), told.append)


@pytest.fixture
def client(door: Door) -> Visiting:
    """Whoever comes from 192.0.2.1."""
    return client_of(door)


def client_of(door: Door, address: str = "192.0.2.1") -> Visiting:
    return Visiting(make_application(door), address)


@pytest.fixture
def link(project: Project) -> Path_:
    """The path of a link that stood in an email of run 1."""

    def path(purpose: str, user_no: int = ANA, *, run_no: int = 1, key: bytes | None = None) -> str:
        token = sign(key or project.settings.key, run_no, user_no, purpose)
        return f"/{PLACES.get(purpose, 'u')}/{token}"

    return path


def words(project: Project, user_no: int = ANA) -> list[tuple[str, str, bool, str]]:
    """What somebody said since the import, in order: purpose, topic, yes or no, channel."""
    columns = consent.c.purpose, consent.c.topic, consent.c.granted, consent.c.channel
    query = sa.select(*columns).where(consent.c.user_no == user_no, consent.c.channel != "import")
    with reading(project.engine) as connection:
        return [tuple(row) for row in connection.execute(query.order_by(consent.c.consent_no))]
