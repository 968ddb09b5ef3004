"""Previews of the demo: every kind of person is there, always the same, and nobody else's mail is written."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.tables import courses, users
from recmail.errors import DataError, RefusedError
from recmail.history.demo.planted import planted
from recmail.runs import extremes
from recmail.runs.create import create_project, fill_with_demo
from recmail.runs.facts import read_facts
from recmail.runs.preview import Preview, choose_people, preview
from recmail.runs.project import Project

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
# What is asked of the database, the first test asks of both.
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PEOPLE = 150
CAMPAIGN = """\
topic: course-tips
subject: "{{ user.first_name or 'Hello' }}, {{ courses[0].title }}"
audience: everyone
blocks:
  - continue_learning: {show: 1}
  - popular_in_your_category: {show: 2, at_least: 2, fallback: [popular]}
"""
PLANTED = {
    "everything completed": "completed a whole category",
    "the longest history": "enrolled in everything",
    "the longest name": "name of 60 letters",
    "markup in the name": "name with markup",
    "braces in the name": "name that is a template",
    "emoji in the name": "name with emoji",
    "another account has the same address": "shares an address with another, pair 1, b",
    "no e-mail address": "has no address, 1 of 5",
    "address bounced or complained": "suppressed, 1 of 12",
}
OTHERS = (
    *("an ordinary learner", "no history", "one interaction", "no name", "a right-to-left name"),
    *("unknown time zone", "personalization is off", "unsubscribed", "no consent on record"),
    *("the largest message", "the longest title", "only courses of fallbacks"),
)


@pytest.fixture
def project(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.setenv("RECMAIL_PROJECT_DATABASE", database_url)
    made = _project(tmp_path / "acme")
    yield made
    made.engine.dispose()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The same on SQLite, for tests that change nothing."""
    made = _project(tmp_path_factory.mktemp("preview") / "acme")
    yield made
    made.engine.dispose()


def _project(folder: Path) -> Project:
    made = create_project(
        folder, name="Acme", sender="Acme <a@acme.example>", postal_address="1 Road", currency="INR"
    )
    assert len(list(fill_with_demo(made, now=NOW, seed=7, users=PEOPLE))) == 4
    (folder / "campaigns" / "autumn.yaml").write_text(CAMPAIGN)
    (folder / "campaigns" / "nobody.yaml").write_text(CAMPAIGN.replace("everyone", 'country == "ZZ"'))
    few = CAMPAIGN.replace("everyone", 'country == "IN"')
    (folder / "campaigns" / "few.yaml").write_text(few)
    return made


def reasons(made: Preview) -> dict[str, str]:
    """Each reason without its number, and the user_id that it is of."""
    return {why.split(" (")[0]: one.user_id for one in made.samples for why in one.why.split(" · ")}


def test_every_kind_of_person_is_found_and_told_apart(project: Project, tmp_path: Path) -> None:
    ids = planted()
    made = preview(project, "autumn", now=NOW, out=tmp_path / "out")
    found = reasons(made)
    assert {why: found.get(why) for why in PLANTED} == {why: ids[case] for why, case in PLANTED.items()}
    assert set(OTHERS) <= set(found)
    assert len({one.user_id for one in made.samples}) == len(made.samples)
    assert made.looked_at == PEOPLE
    for one in made.samples:
        assert one.sent == all(rule.passed for rule in one.rules) == (one.verdict == "would be sent")
        assert (tmp_path / "out" / f"{one.file}.html").exists() == one.sent
        assert bool(one.shown) == one.sent
    assert [one.sent for one in made.samples] == sorted((one.sent for one in made.samples), reverse=True)


def test_the_ends_of_what_is_shown_are_ends(small: Project, tmp_path: Path) -> None:
    made = preview(small, "autumn", now=NOW, out=tmp_path)
    by_reason = {why.split(" (")[0]: one for one in made.samples for why in one.why.split(" · ")}
    longest = max(len(one.title) for one in by_reason["the longest title"].shown)
    assert f"the longest title ({longest} letters)" in by_reason["the longest title"].why
    assert all(len(course.title) <= longest for one in made.samples for course in one.shown)
    assert by_reason["the largest message"].size_kb == max(one.size_kb for one in made.samples)
    assert all(", from popular" in course.block for course in by_reason["only courses of fallbacks"].shown)


@ON_SQLITE
def test_a_course_without_image_is_found_where_it_is_shown(project: Project, tmp_path: Path) -> None:
    first = preview(project, "autumn", now=NOW, out=tmp_path).samples[0]
    with writing(project.engine) as connection:
        connection.execute(
            courses.update().where(courses.c.title == first.shown[-1].title).values(image_url=None)
        )
    made = preview(project, "autumn", now=NOW, out=tmp_path)
    [bare] = [one for one in made.samples if "a course without image" in one.why]
    assert first.shown[-1].title in [course.title for course in bare.shown]


def test_the_same_people_and_emails_each_time(small: Project, tmp_path: Path) -> None:
    one, other = (preview(small, "autumn", now=NOW, out=tmp_path / folder) for folder in ("a", "b"))
    assert one.samples == other.samples
    assert (tmp_path / "a" / "index.html").read_bytes() == (tmp_path / "b" / "index.html").read_bytes()


def test_nobody_outside_the_audience(small: Project, tmp_path: Path) -> None:
    made = preview(small, "few", now=NOW, out=tmp_path)
    with reading(small.engine) as connection:
        indian = set(connection.scalars(sa.select(users.c.user_id).where(users.c.country == "IN")))
    assert {one.user_id for one in made.samples} <= indian
    assert made.looked_at == len(indian)


def test_so_many_are_looked_at_and_no_more(
    small: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extremes, "LOOKED_AT", 40)
    monkeypatch.setattr("recmail.runs.preview.LOOKED_AT", 40)
    made = preview(small, "autumn", now=NOW, out=tmp_path)
    assert made.looked_at == 40
    assert "of 40 people looked at" in made.notes[0]
    assert "of 40 people looked at" in (tmp_path / "index.html").read_text("utf-8")
    assert reasons(made)["markup in the name"] == planted()["name with markup"]  # of all of them


def test_nobody_can_be_unsubscribed_by_a_preview(small: Project, tmp_path: Path) -> None:
    made = preview(small, "autumn", now=NOW, out=tmp_path)
    written = [path.read_text("utf-8") for path in tmp_path.iterdir() if path.name != "index.html"]
    assert len(written) == 2 * sum(one.sent for one in made.samples)
    assert all("https://test-link.invalid/" in text for text in written)
    assert not any("unsubscribe.invalid" in text for text in written)


def test_only_those_asked_for_each_once(small: Project, tmp_path: Path) -> None:
    made = preview(small, "few", now=NOW, out=tmp_path, user_ids=["u00150", "u00001", "u00150"])
    assert {one.user_id for one in made.samples} == {"u00150", "u00001"}
    assert {one.why for one in made.samples} == {"asked for"}
    assert (made.looked_at, made.notes) == (0, [])


def test_somebody_outside_is_told_which_rule_leaves_them_out(small: Project, tmp_path: Path) -> None:
    with reading(small.engine) as connection:
        abroad = connection.scalar(sa.select(users.c.user_id).where(users.c.country != "IN").limit(1))
    [one] = preview(small, "few", now=NOW, out=tmp_path, user_ids=[str(abroad)]).samples
    assert one.verdict == "would not be sent: not in the audience"
    assert [(rule.passed, rule.says) for rule in one.rules] == [(False, 'country == "IN"')]


def test_all_who_are_not_there_are_said_at_once(small: Project, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        preview(small, "autumn", now=NOW, out=tmp_path, user_ids=["u007", "u00001", "x@y.example"])
    assert str(caught.value).splitlines() == [
        "there is no user 'u007'; did you mean u00007?",
        "there is no user with the address x@y.example",
    ]


def test_an_audience_of_nobody_is_refused_and_nothing_is_written(small: Project, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="nobody is in the audience of nobody; count it rule by rule"):
        preview(small, "nobody", now=NOW, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_test_email_is_that_of_an_ordinary_learner(small: Project) -> None:
    with reading(small.engine) as connection:
        facts = read_facts(connection, small, small.campaign("autumn"), NOW)
        [(why, _)] = choose_people(connection, small.settings, facts, (), at_most=1)
    assert why == "an ordinary learner"


@ON_SQLITE
def test_somebody_for_each_language_of_the_templates(project: Project, tmp_path: Path) -> None:
    templates = project.folder / "templates"
    for kind in ("html", "txt"):
        (templates / f"weekly.hi.{kind}.j2").write_text((templates / f"weekly.{kind}.j2").read_text())
    made = preview(project, "autumn", now=NOW, out=tmp_path)
    found = reasons(made)["gets the email in 'hi'"]
    with reading(project.engine) as connection:
        language = connection.scalar(sa.select(users.c.language).where(users.c.user_id == found))
    assert str(language).split("-")[0] == "hi"
