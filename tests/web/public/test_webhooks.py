"""A provider gets a 2xx only for what is its own and was written down; for all else it tries again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from recmail import plugins
from recmail.db.connect import connect, reading
from recmail.db.tables import events, suppressions
from recmail.runs.news import News
from recmail.runs.project import Project, open_project
from recmail.web.public.door import Door
from tests.web.public.conftest import client_of
from tests.web.public.visiting import Visiting

ENTRY_POINT = "[recmail.deliver.esp]\nechoing = tests.web.public.echoing:Echoing\n"
PROVIDERS = '\n[provider.echo]\ntype = "echoing"\nword = "sesame"\n\n[provider.broken]\ntype = "echoing"\n'
SESAME = {"X-Word": "sesame"}


@pytest.fixture
def project(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """The project with a provider that reads webhooks, from a package that is installed."""
    package = tmp_path / "installed" / "echoing-1.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: echoing\nVersion: 1\n")
    (package / "entry_points.txt").write_text(ENTRY_POINT)
    monkeypatch.syspath_prepend(package.parent)
    plugins._entry_points.cache_clear()
    settings = project.folder / "recmail.toml"
    settings.write_text(settings.read_text("utf-8") + PROVIDERS, "utf-8")
    opened = open_project(project.folder)
    yield opened
    opened.engine.dispose()
    plugins._entry_points.cache_clear()


def recorded(project: Project) -> tuple[int, int]:
    """How many events there are, and how many addresses get nothing more."""
    count = sa.select(sa.func.count())
    with reading(project.engine) as connection:
        return (
            connection.execute(count.select_from(events)).scalar_one(),
            connection.execute(count.select_from(suppressions)).scalar_one(),
        )


def test_what_a_provider_tells_is_written_down_once(client: Visiting, project: Project) -> None:
    for _ in range(2):
        answer = client.post("/webhooks/echo", json={"e1": "a@example.org"}, headers=SESAME)
        assert (answer.status_code, answer.text) == (200, "Noted.\n")
    assert recorded(project)[0] == 1


def test_whoever_does_not_know_the_word_is_refused_and_in_the_end_not_heard(
    client: Visiting, project: Project, told: list[News]
) -> None:
    answers = [client.post("/webhooks/echo", json={"e1": "a@example.org"}) for _ in range(40)]
    assert {answer.status_code for answer in answers} == {401, 429}
    assert recorded(project) == (0, 0)
    assert str(told[0]).endswith("POST /webhooks/…: echo: that is not the word")


def test_what_cannot_be_read_is_to_come_again_and_names_nobody_in_the_log(
    client: Visiting, project: Project, told: list[News]
) -> None:
    body = b'{"e1": ana@example.org'
    assert client.post("/webhooks/echo", content=body, headers=SESAME).status_code == 400
    assert [("no JSON" in str(news), "ana@" in str(news)) for news in told] == [(True, False)]
    assert recorded(project) == (0, 0)


def test_while_we_cannot_write_or_know_the_provider_it_tries_again(
    client: Visiting, door: Door, told: list[News]
) -> None:
    gone = client_of(replace(door, project=replace(door.project, engine=connect("sqlite:////nowhere/a.db"))))
    answer = gone.post("/webhooks/echo", json={"e1": "a@example.org"}, headers=SESAME)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "120")
    assert client.post("/webhooks/broken", json={}, headers=SESAME).status_code == 503
    assert "[provider.broken]: word is missing" in str(told[-1])


@pytest.mark.parametrize("name", ["nobody", "files"])
def test_other_providers_have_no_webhooks(client: Visiting, name: str) -> None:
    assert client.post(f"/webhooks/{name}", json={}).status_code == 404


def test_a_webhook_may_be_longer_than_a_form(client: Visiting) -> None:
    long = {f"e{number}": "a@example.org" for number in range(2_000)}
    assert client.post("/webhooks/echo", json=long, headers=SESAME).status_code == 200
    assert client.post("/webhooks/echo", content=b"x" * 1_048_577, headers=SESAME).status_code == 413
