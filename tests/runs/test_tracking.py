"""Only people who agreed get tracked links, and what left can still be told by its hash."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import unescape

import pytest
import sqlalchemy as sa

from recmail.db.connect import writing
from recmail.db.consent import Consent, record_consent
from recmail.db.tables import courses
from recmail.deliver.clock import Clock
from recmail.feedback.clicks import record_click, record_opening
from recmail.feedback.tracked_links import TrackedLink, read_link, read_opening
from recmail.runs.lifecycle import approve
from recmail.runs.person_in_run import person_in_run
from recmail.runs.plan import plan
from recmail.runs.preview import preview
from recmail.runs.project import Project
from recmail.runs.send import send
from tests.runs.conftest import APART, CAMPAIGN

AGREED, TOOK_BACK, NEVER_ASKED = 2 * APART, 4 * APART, 5 * APART
BASE = "https://mail.acme.example"
DAY = timedelta(days=1)
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # no SQL of its own


def with_campaign(project: Project, text: str, *, public_url: str = BASE) -> Project:
    """The project with a campaign `spring`, and where it is reached."""
    (project.folder / "campaigns" / "spring.yaml").write_text(CAMPAIGN + text)
    sender = replace(project.settings.sender, public_url=public_url)
    return replace(project, settings=replace(project.settings, sender=sender))


def say(project: Project, user_no: int, at: datetime, *, granted: bool) -> None:
    with writing(project.engine) as connection:
        record_consent(connection, [Consent(user_no, "tracking", granted, at, "page")])


def mails(project: Project) -> dict[str, EmailMessage]:
    """What was sent, by the first part of its address."""
    found = {}
    for path in (project.folder / "outbox" / "new").iterdir():
        message = message_from_bytes(path.read_bytes(), policy=policy.default)
        assert isinstance(message, EmailMessage)
        found[str(message["To"].addresses[0].username)] = message
    return found


def parts(message: EmailMessage) -> tuple[str, str]:
    return message.get_body(["html"]).get_content(), message.get_body(["plain"]).get_content()  # type: ignore[union-attr]  # it has both


def sent(project: Project, now: datetime) -> int:
    run_no = plan(project, "spring", now=now, who="test")
    approve(project, run_no, now=now, who="test")
    say(project, TOOK_BACK, now, granted=False)
    send(project, run_no, clock=Clock(now), who="test", stop=threading.Event())
    return run_no


def links_of(project: Project, html: str) -> list[TrackedLink]:
    found = [read_link(project.settings.key, token) for token in re.findall(f"{BASE}/c/([\\w-]+)", html)]
    return [link for link in found if link]


def test_only_who_agreed_is_tracked(project: Project, now: datetime) -> None:
    for user_no in (AGREED, TOOK_BACK):
        say(project, user_no, now - DAY, granted=True)
    project = with_campaign(project, "tracking: {clicks: true, opens: true}\nutm: {}\n")
    run_no = sent(project, now)
    found = {name: parts(message) for name, message in mails(project).items()}
    doors = {name for name, both in found.items() if re.search(f"{BASE}/[co]/", "".join(both))}
    assert (len(found), doors) == (11, {f"u{AGREED}"})

    (html, text), (plain_html, plain_text) = found[f"u{AGREED}"], found[f"u{NEVER_ASKED}"]
    links = links_of(project, html)
    in_plain = [unescape(url) for url in re.findall('<a [^>]*href="([^"]+)"', plain_html)]
    assert [link.url for link in links] == [url for url in in_plain if not url.startswith(BASE)]
    assert {link.url for link in links_of(project, text)} == set(
        re.findall(r"https://acme\.example/\S+", plain_text)
    )
    assert {(link.run_no, link.user_no) for link in links} == {(run_no, AGREED)}
    places = {link.number: (link.place, link.url) for link in links}
    assert [(place.block, place.position) for place, _ in places.values() if place] == [
        ("popular", 0),
        ("popular", 1),
    ]
    assert all(f"/c{place.course_no}?" in url for place, url in places.values() if place)
    [token] = re.findall(rf'src="{BASE}/o/([\w-]+)\.gif"', html)
    assert read_opening(project.settings.key, token) == (run_no, AGREED)
    assert all(f"{BASE}/u/" in part for part in (html, text))  # who leaves is not tracked

    for hours in (1, 2):
        at = now + timedelta(hours=hours)
        assert record_click(project.engine, links[0], by_machine=hours == 1, now=at)
        assert record_opening(project.engine, run_no, AGREED, by_machine=hours == 1, now=at)
    told = [person_in_run(project, f"u{user_no}", run_no) for user_no in (AGREED, NEVER_ASKED)]
    assert [one.shown_note for one in told] == [None, None]  # found again by their hashes
    assert [one.what for one in told[0].happened if one.kind == "feedback"] == [
        f"clicked by a machine, says recmail: {links[0].url}",
        "opened by a machine, says recmail",
        f"clicked, says recmail: {links[0].url}",
        "opened, or a program fetched its pictures, says recmail",
    ]


@SQLITE
def test_a_reserve_in_a_tracked_email_is_told_by_its_hash(project: Project, now: datetime) -> None:
    say(project, AGREED, now - DAY, granted=True)
    project = with_campaign(project, "tracking: {clicks: true}\n")
    run_no = plan(project, "spring", now=now, who="test")
    approve(project, run_no, now=now, who="test")
    gone = person_in_run(project, f"u{AGREED}", run_no).shown[0].course_id
    with writing(project.engine) as connection:
        connection.execute(sa.update(courses).where(courses.c.course_id == gone).values(active=False))
    send(project, run_no, clock=Clock(now), who="test", stop=threading.Event())
    told = person_in_run(project, f"u{AGREED}", run_no)
    assert (told.shown_note, told.shown[0].instead_of) == (None, f"Course {gone[1:]}")
    html, _ = parts(mails(project)[f"u{AGREED}"])
    shown = {link.place.course_no for link in links_of(project, html) if link.place}
    assert shown == {int(one.course_id[1:]) for one in told.shown}


@SQLITE
def test_nobody_is_tracked_without_an_address_of_ours(project: Project, now: datetime) -> None:
    say(project, AGREED, now - DAY, granted=True)
    project = with_campaign(project, "tracking: {clicks: true, opens: true}\n", public_url="")
    sent(project, now)
    assert not [
        name for name, message in mails(project).items() if re.search("/[co]/[A-Z]", "".join(parts(message)))
    ]


@SQLITE
def test_a_preview_shows_the_links_themselves(project: Project, now: datetime) -> None:
    say(project, AGREED, now - DAY, granted=True)
    project = with_campaign(project, "tracking: {clicks: true, opens: true}\n")
    out = project.folder / "preview"
    preview(project, "spring", now=now, out=out, user_ids=[f"u{AGREED}"])
    pages = [path.read_text() for path in out.iterdir() if path.suffix in (".html", ".txt")]
    assert pages
    assert not [page for page in pages if re.search("/[co]/[A-Za-z0-9_-]{30}", page)]
