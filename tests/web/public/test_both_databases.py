"""What the pages write and read in SQL, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.preferences import Pace, read_pace
from recmail.db.tables import consent, courses, interactions, ledger_context, runs, users
from recmail.deliver.clock import Clock
from recmail.runs.lifecycle import approve
from recmail.runs.plan import plan
from recmail.runs.project import Project
from recmail.runs.send import send
from recmail.tokens import sign
from recmail.web.public.application import make_application
from recmail.web.public.door import Door
from recmail.web.public.serving import listen, serve
from tests import scheduled
from tests.ledgers import add_people, add_run, standing
from tests.rows import course_row
from tests.servers import SmtpServer
from tests.shards import as_worker
from tests.web.public.conftest import ANA, BEN, BENS_OTHER, PUBLIC_URL, Path_, client_of, make_project, words
from tests.web.public.visiting import Visiting
from tests.workers import relay
from tests.workers import send as worker_send

WEEK = timedelta(weeks=1)


@pytest.fixture
def project(
    tmp_path: Path, database_url: str, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    """The same people, on each database."""
    monkeypatch.setenv("RECMAIL_PROJECT_DATABASE", database_url)
    made = make_project(tmp_path / "acme", now)
    yield made
    made.engine.dispose()


def test_the_same_click_again_changes_nothing(client: Visiting, project: Project, link: Path_) -> None:
    for _ in range(3):
        assert (
            client.post(link("unsubscribe", BEN), data={"List-Unsubscribe": "One-Click"}).status_code == 200
        )
    assert words(project, BEN) == words(project, BENS_OTHER) == [("email", "", False, "one_click")]
    assert words(project) == []


def test_each_choice_is_recorded_once_for_the_inbox(
    client: Visiting, project: Project, link: Path_, now: datetime
) -> None:
    wanted = {"do": "save", "topic": "news", "pace": "30_1", "pause": "4", "tracking": "yes"}
    for _ in range(2):
        page = client.post(link("preferences", BEN), data={**wanted, "pause": wanted.pop("pause", "keep")})
        assert page.status_code == 200
    said = [
        ("email", "course-tips", False, "page"),
        ("personalization", "", False, "page"),
        ("tracking", "", True, "page"),
    ]
    assert words(project, BEN) == words(project, BENS_OTHER) == said
    found = _pace(project)
    assert (found.at_most, found.within_days) == (1, 30)
    assert found.paused_until is not None
    assert timedelta(0) <= found.paused_until - (now + 4 * WEEK) < WEEK
    assert words(project) == []


def _pace(project: Project) -> Pace:
    with reading(project.engine) as connection:
        return read_pace(connection, BENS_OTHER)


# --- an email that left ---------------------------------------------------------------------------

CAMPAIGN = """\
subject: "{{ user.first_name }}"
template: plain
topic: course-tips
audience: everyone
blocks:
  - staff_picks: 1
  - continue_learning: 1
  - from_your_searches: 1
"""


def send_to_everybody(project: Project, now: datetime) -> None:
    """Ana has begun a course and searched for another; Ben and his other account did nothing."""
    named = ["Rivers", "Bridges & <b>Tunnels</b>", "Mountains"]
    with writing(project.engine) as connection:
        for number, title in enumerate(named):
            url = f"https://acme.example/c{number}"
            row = course_row(number, now, title=title, url=url, staff_pick=number == 0, published_at=now)
            connection.execute(courses.insert(), row)
        did = {"user_no": ANA, "source": "test"}
        begun = {**did, "event_key": "1", "course_no": 1, "kind": "progressed", "value": 0.4}
        connection.execute(interactions.insert(), {**begun, "at": now - WEEK})
        asked = {**did, "event_key": "2", "kind": "searched", "query": "mountains", "at": now - WEEK}
        connection.execute(interactions.insert(), asked)
    (project.folder / "templates" / "plain.html.j2").write_text(scheduled.HTML, "utf-8")
    (project.folder / "templates" / "plain.txt.j2").write_text(scheduled.TEXT, "utf-8")
    (project.folder / "campaigns" / "spring.yaml").write_text(CAMPAIGN, "utf-8")
    with as_worker(project):
        run_no = plan(project, "spring", now=now, who="mia")
        approve(project, run_no, now=now, who="otto")
    send(project, run_no, clock=Clock(now), who="otto", stop=threading.Event())


def test_why_an_email_came_and_what_it_looked_like(
    client: Visiting, project: Project, link: Path_, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECMAIL_DELIVERY_PLANNERS", "1")
    send_to_everybody(project, now)

    page = client.get(link("why")).text
    assert "You said yes to emails from Acme on 24 October 2026: form." in page  # in Kiritimati
    shown = page.partition("<ol")[2].partition("</ol>")[0]
    assert [part.partition("</bdi>")[0] for part in shown.split("<bdi>")[1:]] == [
        "Rivers",
        "Bridges &amp; &lt;b&gt;Tunnels&lt;/b&gt;",
        "Mountains",
    ]
    assert "Chosen for everybody alike" in shown
    assert "You have begun it and not finished it." in shown
    assert "(continued on 26 October 2026)" in " ".join(shown.split())
    assert "It fits what you searched for: mountains." in shown
    assert "Courses continued" in page

    seen = client.get(link("browser"))
    assert "sandbox" in seen.headers["content-security-policy"]
    assert "Bridges &amp; &lt;b&gt;Tunnels&lt;/b&gt;" in seen.text
    assert f'href="{PUBLIC_URL}/own"' in seen.text
    assert "/u/" not in seen.text  # whoever is shown the page could press it

    # Ben did nothing, and his page says so in his language.
    nothing = client.get(link("why", BEN)).text
    assert "इन कोर्सों को चुनने में आपके किसी काम का उपयोग नहीं हुआ" in nothing

    # The run's campaign is one that this version refuses; then the person is erased, or it is too long ago.
    refused = sa.update(runs).values(campaign_yaml="of: before")
    for gone in (refused, sa.update(ledger_context).values(context=None)):
        with writing(project.engine) as connection:
            connection.execute(gone)
        after = client_of(Door(project, Clock(now), lambda _news: None))  # nothing read before is kept
        for purpose in ("why", "browser"):
            page = after.get(link(purpose))
            assert (page.status_code, "not kept any more" in page.text) == (200, True)


# --- while a run is sent --------------------------------------------------------------------------


def test_no_intent_after_an_opt_out_by_http(project: Project, now: datetime) -> None:
    people = range(40)
    with writing(project.engine) as connection:
        connection.execute(sa.delete(consent))
        connection.execute(sa.delete(users))
    add_people(project.engine, now, len(people))
    add_run(project.engine, 1, now, people=people)
    leaving, released = threading.Event(), threading.Event()

    def hold(_recipient: str) -> None:
        leaving.set()
        released.wait()

    stop, listener = threading.Event(), listen("127.0.0.1", 0)
    application = make_application(Door(project, Clock(now), lambda _news: None))
    served = threading.Thread(target=serve, args=(application, listener, stop))
    with ExitStack() as stack:
        smtp = relay(stack, SmtpServer(hold=hold))
        sender = threading.Thread(target=worker_send, args=(project.engine, smtp, now))
        served.start()
        sender.start()
        leaving.wait()  # the first messages have left, and wait for their answers
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        for user_no in people[::2]:
            token = sign(project.settings.key, 1, user_no, "unsubscribe")
            answer = httpx.post(f"{base}/u/{token}", data={"List-Unsubscribe": "One-Click"})
            assert (answer.status_code, answer.text) == (200, "Unsubscribed.\n")
        before = [state in ("sending", "sent") for state in standing(project.engine)]
        released.set()
        sender.join()
        stop.set()
        served.join()
    after = standing(project.engine)
    assert 0 < sum(before) < len(people) // 2
    for user_no, state in enumerate(after):
        left = before[user_no] or user_no % 2
        assert state == ("sent" if left else "skipped: opted_out"), user_no
