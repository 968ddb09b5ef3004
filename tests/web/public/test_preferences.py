"""What somebody chooses on the page is what counts; what a form does not say stays as it is."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from recmail.db.connect import reading, writing
from recmail.db.consent import Consent, Suppression, record_consent, suppress
from recmail.db.preferences import Pace, read_pace
from recmail.runs.project import Project
from recmail.tokens import read_token
from tests.web.public.conftest import ANA, BEN, BENS_OTHER, Path_, words
from tests.web.public.visiting import Visiting

AS_IT_IS = {"do": "save", "topic": ["course-tips", "news"], "pace": "any", "pause": "0", "personal": "yes"}
WEEK = timedelta(weeks=1)


def pace(project: Project, user_no: int = ANA) -> Pace:
    with reading(project.engine) as connection:
        return read_pace(connection, user_no)


def test_saving_what_is_so_records_nothing(client: Visiting, project: Project, link: Path_) -> None:
    assert "Saved" in client.post(link("preferences"), data=AS_IT_IS).text
    assert words(project) == []
    assert pace(project) == Pace()


def test_without_any_topic_nothing_comes_and_subscribing_again_brings_it_back(
    client: Visiting, project: Project, link: Path_
) -> None:
    page = client.post(link("preferences"), data={**AS_IT_IS, "topic": []})
    assert "You get no emails from" in page.text
    assert words(project) == [("email", "", False, "page")]
    page = client.post(link("preferences"), data={"do": "again"})
    assert page.text.count(" checked") == 3  # both topics, and personal
    assert words(project)[1:] == [("email", "", True, "page")]


def test_topics_that_were_all_declined_one_by_one_come_back_too(
    client: Visiting, project: Project, link: Path_
) -> None:
    for topic in ("news", "course-tips"):
        client.post(link("preferences"), data={**AS_IT_IS, "topic": topic})
    client.post(link("preferences"), data={"do": "nothing"})
    page = client.post(link("preferences"), data={"do": "again"})
    assert page.text.count(" checked") == 2  # the one topic that was not declined last, and personal
    assert words(project)[-1] == ("email", "", True, "page")


def test_topics_that_the_accounts_of_an_inbox_declined_between_them_come_back_too(
    client: Visiting, project: Project, link: Path_, now: datetime
) -> None:
    hour = timedelta(hours=1)
    with writing(project.engine) as connection:
        for topic, who, other in (("news", BEN, BENS_OTHER), ("course-tips", BENS_OTHER, BEN)):
            no = Consent(who, "email", False, now - 2 * hour, "import", topic=topic)
            yes = Consent(other, "email", True, now - hour, "import", topic=topic)
            record_consent(connection, [no, yes])
    page = client.post(link("preferences", BEN), data={"do": "again"})
    assert page.text.count(" checked") == 3  # both topics, and personal


def test_a_pause_is_said_kept_and_ended(
    client: Visiting, project: Project, link: Path_, now: datetime
) -> None:
    page = client.post(link("preferences"), data={**AS_IT_IS, "pause": "2"})
    assert "No emails before 16 November 2026." in page.text  # by the clock of Kiritimati
    first = pace(project)
    client.post(link("preferences"), data={**AS_IT_IS, "pause": "keep"})
    assert pace(project) == first
    page = client.post(link("preferences"), data=AS_IT_IS)
    assert "No emails before" not in page.text
    assert pace(project).paused_until is None


@pytest.mark.parametrize(
    "form",
    [
        {"do": "save", "topic": ["course-tips", "news", "x"], "pace": "9_9", "pause": "-3", "personal": "1"},
        {"do": "dance"},
        {},
    ],
)
def test_what_is_no_choice_of_ours_changes_nothing(
    client: Visiting, project: Project, link: Path_, form: dict[str, object]
) -> None:
    assert client.post(link("preferences"), data=form).status_code == 200
    assert (words(project), pace(project)) == ([], Pace())


def test_an_address_that_bounced_is_told_so_and_cannot_be_subscribed(
    client: Visiting, project: Project, link: Path_, now: datetime
) -> None:
    with writing(project.engine) as connection:
        suppress(connection, [Suppression("u0@example.org", "hard_bounce", now, "test")])
    page = client.get(link("preferences"))
    assert "came back or were reported as spam" in page.text
    assert "<button" not in page.text


@pytest.mark.parametrize(
    ("user_no", "accept", "opening"),
    [
        (ANA, "de", '<html lang="en" dir="ltr">'),
        (BEN, "de", '<html lang="hi" dir="ltr">'),
        (BENS_OTHER, "", '<html lang="ar" dir="rtl">'),
    ],
)
def test_pages_speak_the_persons_language(
    client: Visiting, link: Path_, user_no: int, accept: str, opening: str
) -> None:
    page = client.get(link("preferences", user_no), headers={"accept-language": accept})
    assert opening in page.text


def test_who_is_not_known_is_answered_in_the_browsers_language(client: Visiting) -> None:
    page = client.get("/u/x", headers={"accept-language": "tlh, fr-CA;q=0.8, en"})
    assert (page.status_code, "Ce lien ne fonctionne pas" in page.text) == (404, True)


def test_links_between_pages_stay_the_persons_own(client: Visiting, project: Project, link: Path_) -> None:
    page = client.get(link("preferences", BEN, run_no=9)).text
    for purpose, place in (("why", "w"), ("browser", "v")):
        token = page.partition(f'href="/m/{place}/')[2].partition('"')[0]
        assert read_token(project.settings.key, token) == (9, BEN, purpose)
