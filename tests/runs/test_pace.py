"""What recmail.toml and a campaign say about speed reaches the worker, whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from recmail.campaign import Campaign, parse_frozen
from recmail.deliver.alarms import Shares
from recmail.deliver.esp import Provider, open_provider
from recmail.deliver.esp.files import Files
from recmail.deliver.hours import Hours
from recmail.deliver.worker import WorkSummary
from recmail.runs.pace import hours_of, pace_of, pause_if_of, sending_time
from recmail.runs.waiting import in_words, when_to_go_on
from recmail.settings import Settings, load_settings
from recmail.settings.hours import quiet_hours
from recmail.settings.rates import Rate

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
TOML = """\
[project]
name = "Acme"
currency = "INR"
timezone = "Asia/Kolkata"
[sender]
from = "Acme <learn@acme.example>"
postal_address = "12 Residency Road"
[provider.files]
type = "files"
folder = "outbox"
at_most = ["14 per second", "50000 per day"]
domain_limits = {"gmail.com" = "20 per second"}
warm_up = {from = 2026-12-01, start = 500}
[delivery]
quiet_hours = "21:00-08:00"
"""
CAMPAIGN = "subject: Hello\naudience: everyone\nblocks: [popular: 3]\n"


def settings(folder: Path, text: str = TOML) -> Settings:
    (folder / "recmail.toml").write_text(text)
    return load_settings(folder)


def campaign(speed: str = "") -> Campaign:
    return parse_frozen(CAMPAIGN + speed, "spring")


def test_everything_that_is_said_holds(tmp_path: Path) -> None:
    found = settings(tmp_path)
    campaigns = {1: campaign("speed: 5000 per hour\n"), 2: campaign()}
    pace = pace_of(found, open_provider("files", found), campaigns)
    assert pace.everybody.per_second == 14
    assert [span.scope for span in pace.everybody.spans] == [
        "provider files per second",
        "provider files per day",
        "provider files warming up",
    ]
    assert [span.scope for span in pace.domains["gmail.com"].spans] == [
        "provider files to gmail.com per second"
    ]
    assert list(pace.runs) == [1]
    assert [span.in_words for span in pace.runs[1].spans] == ["5,000 per hour of campaign spring"]
    assert pace.runs[1].per_second == pytest.approx(5_000 / 3_660)  # of 61 minutes: never stopped by the hour
    assert pace.hours == Hours(quiet_hours("21:00-08:00"), None, "Asia/Kolkata")


def test_how_long_it_takes(tmp_path: Path) -> None:
    found = settings(tmp_path)
    provider = open_provider("files", found)

    def words(messages: int, speed: str = "") -> str:
        estimate = sending_time(found, provider, campaign(speed), messages=messages, now=NOW)
        return estimate.in_words()

    assert words(1) == ""
    # 17:30 in Kolkata on the first day: 500 today, and 1,000 after midnight, in 71 seconds.
    assert words(1_500) == "at least 6 hours 31 minutes, because of the warm-up"
    assert words(501, "speed: 10 per hour\n").startswith("at least 2 days 2 hours, because of 10 per hour")


class Counted(Files):
    """A provider that can be asked what the account may send."""

    def limits(self) -> tuple[Rate, ...]:
        return (Rate(100, timedelta(days=1)),)


def test_what_the_account_may_send_counts_for_how_long_it_takes(tmp_path: Path) -> None:
    found = settings(tmp_path, TOML.partition("[provider")[0])
    provider = Provider("counted", Counted(folder=tmp_path))
    estimate = sending_time(found, provider, campaign(), messages=250, now=NOW)
    assert estimate.in_words() == "at least 2 days, because of 100 per day (provider counted)"


def test_nothing_said_is_no_limit(tmp_path: Path) -> None:
    found = settings(tmp_path, TOML.partition("[provider")[0])
    pace = pace_of(found, open_provider("files", found), {1: campaign()})
    assert (pace.everybody.per_second, pace.everybody.spans, pace.runs, pace.domains) == (None, (), {}, {})
    assert hours_of(found) is None


def test_the_shares_at_which_a_campaign_pauses() -> None:
    assert pause_if_of(campaign("speed: {pause_if: {bounces: 4%}}\n")) == Shares(bounces=0.04)
    assert pause_if_of(campaign("speed: 1 per day\n")) == Shares()
    assert pause_if_of(campaign()) == Shares()


@pytest.mark.parametrize(
    ("summary", "words"),
    [
        (WorkSummary({}), []),
        (WorkSummary({}, slowed=7.4), ["the provider asks us to slow down: 7 a second"]),
        (WorkSummary({}, slowed=0.2), ["the provider asks us to slow down: 12 a minute"]),
        (
            WorkSummary({}, waiting_until=NOW + timedelta(minutes=5)),
            ["waiting for messages to be tried again, until 12:05:00 UTC at the latest; Ctrl-C is safe"],
        ),
        (
            WorkSummary({}, waiting_until=NOW + timedelta(minutes=5), limit="9 per day"),
            ["waiting for 9 per day, which are used up, until 12:05:00 UTC at the latest; Ctrl-C is safe"],
        ),
    ],
)
def test_what_is_waited_for(summary: WorkSummary, words: list[str]) -> None:
    assert list(in_words(summary, NOW)) == words


@pytest.mark.parametrize(
    ("summary", "words"),
    [
        (WorkSummary({}), None),
        (WorkSummary({}, waiting_until=NOW, waits_for_senders=True), None),
        (
            WorkSummary({}, waiting_until=NOW + timedelta(days=1), limit="9 per day of provider relay"),
            "9 per day of provider relay are used up until 2026-12-02 12:00 UTC",
        ),
        (
            WorkSummary({}, waiting_until=NOW + timedelta(hours=3), postponed=1_234),
            "1,234 had to wait for a better hour of their day; the first is due at 15:00:00 UTC",
        ),
    ],
)
def test_when_to_go_on(summary: WorkSummary, words: str | None) -> None:
    assert when_to_go_on(summary, NOW) == words
