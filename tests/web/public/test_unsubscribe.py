"""One click unsubscribes, a look does not, and a link that is not good says nothing about anybody."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from recmail.db.connect import connect, reading, writing
from recmail.db.consent import Consent, record_consent
from recmail.db.eligibility import Eligibility, skip_reasons
from recmail.db.tables import users
from recmail.runs.news import News
from recmail.runs.project import Project
from recmail.web.public.door import Door
from tests.web.public.conftest import ANA, BEN, Path_, client_of, words
from tests.web.public.visiting import Visiting

NO = ("email", "", False)
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def reasons(project: Project, now: datetime) -> list[str | None]:
    rules = Eligibility(lambda _: sa.true(), "course-tips", now, cap=None)
    with reading(project.engine) as connection:
        return list(skip_reasons(connection, sa.select(users.c.user_no), rules).values())


@pytest.mark.parametrize(
    "body",
    [
        {"data": ONE_CLICK},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},  # RFC 8058 allows both kinds of form
        {"content": b""},
        {"content": b"\xff\xfe=&&&;;"},
    ],
)
def test_one_click_is_enough_however_it_is_written(
    client: Visiting, project: Project, link: Path_, now: datetime, body: dict[str, object]
) -> None:
    answer = client.post(link("unsubscribe"), **body)  # type: ignore[arg-type]
    assert (answer.status_code, answer.text) == (200, "Unsubscribed.\n")
    assert "set-cookie" not in answer.headers
    assert words(project) == [(*NO, "one_click")]
    assert reasons(project, now)[0] == "opted_out"


@pytest.mark.parametrize("channel", ["import", "unread"])
def test_their_own_no_is_recorded_though_an_import_said_no_before(
    client: Visiting, project: Project, link: Path_, now: datetime, channel: str
) -> None:
    with writing(project.engine) as connection:
        record_consent(connection, [Consent(ANA, "email", False, now - timedelta(days=1), channel)])
    client.post(link("unsubscribe"), data=ONE_CLICK)  # the next import may say yes, and must not be heard
    assert words(project)[-1] == (*NO, "one_click")


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("purpose", ["unsubscribe", "preferences", "why", "browser"])
def test_looking_changes_nothing(
    client: Visiting, project: Project, link: Path_, method: str, purpose: str
) -> None:
    answer = client.request(method, link(purpose))
    assert answer.status_code == (405 if method == "OPTIONS" else 200)
    assert words(project) == []


def test_the_page_has_one_button_and_pressing_it_unsubscribes(
    client: Visiting, project: Project, link: Path_
) -> None:
    page = client.get(link("unsubscribe"))
    assert page.text.count("<button") == 1
    done = client.post(link("unsubscribe"), data={"how": "page"})
    assert "You are unsubscribed" in done.text
    assert words(project) == [(*NO, "page")]
    again = done.text.partition('href="/m/p/')[2].partition('"')[0]
    assert "You get no emails from" in client.get(f"/p/{again}").text


def test_links_that_are_not_good_all_get_the_same_answer(
    client: Visiting, project: Project, link: Path_, now: datetime
) -> None:
    with writing(project.engine) as connection:
        connection.execute(sa.update(users).where(users.c.user_no == BEN).values(erased_at=now))
    good = link("unsubscribe")
    bad = [
        "/u/x",
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        link("bounce"),  # signed, and for something else
        "/u/" + link("preferences").removeprefix("/p/"),
        link("unsubscribe", 77),  # nobody
        link("unsubscribe", BEN),  # erased
        link("unsubscribe", key=b"of somebody else".ljust(40)),
        "/u/" + "A" * 5_000,
    ]
    looked = {(answer.status_code, answer.text) for answer in map(client.get, bad)}
    clicked = {(answer.status_code, answer.text) for answer in map(client.post, bad)}
    assert looked == clicked
    assert [status for status, _ in looked] == [404]
    assert words(project) == words(project, BEN) == []


def test_links_of_older_keys_work(door: Door, link: Path_, project: Project) -> None:
    old = b"the key of two years ago, which is long enough"
    (project.folder / "old").write_bytes(old)
    settings = project.settings
    older = replace(settings, project=replace(settings.project, older_keys=("file:old",)))
    opened = client_of(replace(door, project=replace(project, settings=older)))
    assert opened.post(link("unsubscribe", key=old), data=ONE_CLICK).status_code == 200
    assert words(project, ANA) == [(*NO, "one_click")]


@pytest.mark.parametrize("url", ["sqlite:////nowhere/at/all.db", "postgresql://nobody@127.0.0.1:1/none"])
def test_without_a_database_everybody_is_told_to_come_again(
    door: Door, link: Path_, told: list[News], url: str
) -> None:
    gone = client_of(replace(door, project=replace(door.project, engine=connect(url))))
    answers = [gone.post(link("unsubscribe"), data=ONE_CLICK), gone.get(link("preferences"))]
    answers += [gone.get("/healthz"), gone.get("/images/a.png")]
    assert {(answer.status_code, answer.headers["retry-after"]) for answer in answers} == {(503, "120")}
    assert "Nothing was changed" in answers[0].text
    assert {news.what for news in told} == {"database"}
    assert not any(link("unsubscribe")[3:] in str(news) for news in told)


def test_the_database_is_back_and_so_are_we(client: Visiting) -> None:
    assert (client.get("/healthz").status_code, client.get("/healthz").text) == (200, "recmail answers\n")
