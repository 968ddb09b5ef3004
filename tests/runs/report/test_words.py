"""What a report says in words: what a campaign was worth, and what cannot be known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from recmail.db.account import Account
from recmail.feedback.report_compared import Comparison, Group, compare
from recmail.feedback.report_figures import Figures, Place
from recmail.feedback.report_known import Known
from recmail.records import MessageState
from recmail.runs.report.charts import Bar, Dot, bars, dots
from recmail.runs.report.reports import Report, Row, RunReport
from recmail.runs.report.told import Told
from recmail.runs.report.words import lines, money, notes, table_of_places, variant_in_words, window, worth

NOW = datetime(2026, 11, 20, tzinfo=UTC)
NOTHING_TOLD = Told(
    frozenset({"ses"}),
    webhooks=True,
    mailboxes=False,
    delivered=False,
    bounced=False,
    links=False,
    clicks=False,
    opens=False,
)
EMPTY = Report(
    campaign="weekly",
    run_no=None,
    within=timedelta(days=7),
    runs=[],
    left_out=0,
    account=Account(0, dict.fromkeys(MessageState, 0), {}),
    figures=Figures(sent=100),
    variants={},
    places={},
    control=None,
    variants_compared={},
    known=Known(NOW, NOW, NOW),
    told=NOTHING_TOLD,
    language="en",
)


def compared(base: tuple[int, int], other: tuple[int, int]) -> Comparison:
    groups = (Group(times, times, enrolled, float(times)) for enrolled, times in (base, other))
    return compare(*groups)


def said(found: Comparison) -> str:
    return worth(replace(EMPTY, control=found))


def keys(report: Report) -> list[str]:
    return [note.key for note in notes(report)]


def test_what_it_was_worth_is_said_with_people_and_interval() -> None:
    # Wilson: 8.45 % to 9.58 % of 10,000, 3.81 % to 6.53 % of 1,000; Newcombe: 2.37 to 5.32 points.
    assert said(compared((50, 1_000), (900, 10_000))) == (
        "About 400 more people enrolled than without the emails (237 to 532). Within 7 days, 9.0% of those "
        "who were to get one enrolled, and 5.0% of the control group: +4.0 points (+2.4 to +5.3). These are "
        "10,000 and 1,000 people."
    )
    fewer = said(compared((90, 1_000), (500, 10_000)))
    assert fewer.startswith("About 400 fewer people enrolled than without the emails (232 to 598).")


def test_what_may_be_chance_or_is_too_little_is_said_so() -> None:
    assert "cannot be told" in said(compared((50, 1_000), (510, 10_000)))
    assert said(compared((2, 60), (50, 1_000))).startswith("Not enough data yet")
    assert worth(EMPTY) == ""
    variant = variant_in_words("question", "statement", compared((50, 1_000), (55, 1_000)))
    assert variant.endswith("which may be chance.")


def test_nothing_that_is_not_known_is_counted() -> None:
    found = {line.key: line.count for line in lines(EMPTY.figures, EMPTY.told, within=window(EMPTY))}
    assert found["sent"] == 100
    assert [found[key] for key in ("delivered", "bounced", "complained", "clicked")] == [None] * 4
    assert keys(EMPTY) == ["known_until", "no_control_group", "no_feedback", "tracking_off"]
    assert "is its webhook set up?" in next(note.text for note in notes(EMPTY) if note.key == "no_feedback")
    by_mail = replace(EMPTY, told=replace(NOTHING_TOLD, webhooks=False, mailboxes=True))
    assert "recmail import bounces" in next(note.text for note in notes(by_mail) if note.key == "no_feedback")
    only_bounces = replace(NOTHING_TOLD, bounced=True, clicks=True)
    assert keys(replace(EMPTY, told=only_bounces))[2:] == ["only_bounces", "tracked_by_provider"]
    ours = replace(only_bounces, links=True)
    assert keys(replace(EMPTY, told=ours))[2:] == ["only_bounces", "tracking_by_consent"]
    runs = [
        RunReport(run, "finished", NOW, EMPTY.account, EMPTY.figures, told)
        for run, told in enumerate((NOTHING_TOLD, only_bounces))
    ]
    of_two = replace(EMPTY, runs=runs, told=Told.together([one.told for one in runs]))
    assert "known_of_some_runs" in keys(of_two)
    assert keys(replace(EMPTY, known=Known(NOW, None, None)))[0] == "no_imports"


def test_where_people_clicked_is_known_of_our_own_links_only() -> None:
    row = Row("top_picks", "", Place(shown=5))
    report = replace(EMPTY, places={"block": [row], "course": []}, told=replace(NOTHING_TOLD, clicks=True))

    assert table_of_places(report, "block")[1][0][2] is None
    ours = replace(report, told=replace(report.told, links=True))
    assert table_of_places(ours, "block")[1][0][2] == 0


def test_currencies_stay_apart() -> None:
    assert money({"USD": 2_000, "INR": 149_900, "XXX": 12}, "en") == "₹1,499; $20; 12 without a currency"


def test_charts_escape_names_and_stay_within_their_width() -> None:
    drawn = bars([Bar("<b>", 5, "5"), Bar("none", 0, "0")]) + dots([Dot("a & b", 0.122, 0.1, 0.15, "12.2%")])
    assert "&lt;b&gt;" in drawn
    assert "a &amp; b" in drawn
    assert 'width="100.00%"' in drawn
    assert "<span>15%</span>" in drawn
    assert "<div" in bars([])
    assert "<span>100%</span>" in dots([Dot("", 0.0, 0.0, 0.0, "")])
