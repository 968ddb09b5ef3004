"""What a campaign file says, with its defaults, shorthands and texts as they were written."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import date, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recmail.campaign import Campaign, load_campaign, parse_campaign, parse_frozen
from recmail.campaign.values import Approval, Rate, Repeatedly
from recmail.errors import ConfigError, Problem
from recmail.recommend.blocks import Variety
from recmail.recommend.blocks.text import Text
from recmail.recommend.blocks.top_picks import TopPicks
from recmail.settings import load_settings, write_default
from recmail.settings.loading import parse_settings
from recmail.settings.source import SourceText
from tests.campaign.projects import TOML, project

MINIMAL = """\
subject: "{{ user.first_name or 'Hello' }}, 3 courses picked for you"
audience: last_seen within 30d
blocks:
  - top_picks: 3
"""
FULL = (Path(__file__).parent / "full.yaml").read_text()
SETTINGS = parse_settings(SourceText("recmail.toml", TOML), Path("acme"), flags={})
SHIPPED = sorted((Path(__file__).parents[2] / "campaigns").glob("*.yaml"))


def read(folder: Path, text: str, name: str = "spring") -> Campaign:
    settings = project(folder)
    path = folder / "campaigns" / f"{name}.yaml"
    path.write_bytes(text.encode())
    return load_campaign(path, settings)


def test_the_minimal_campaign_takes_the_rest_from_defaults_and_settings(tmp_path: Path) -> None:
    found = read(tmp_path, MINIMAL)
    assert (found.name, found.file, found.text) == ("spring", "campaigns/spring.yaml", MINIMAL)
    assert (found.audience.who, found.audience.at_most) == ("last_seen within 30d", None)
    assert found.blocks == (TopPicks(show=3),)
    assert (found.from_, found.provider) == ("Acme Courses <learn@acme.example>", "files")
    assert (found.template, found.topic, found.preheader, found.reply_to) == ("weekly", "", None, None)
    assert found.utm is None


def test_every_documented_key_is_understood(tmp_path: Path) -> None:
    found = read(tmp_path, FULL)
    assert found.audience.who.splitlines() == [
        "last_seen within 90d",
        'and not completed("python-101")',
        'and country not in ["NO"]',
    ]
    assert (found.audience.control_group, found.audience.at_most) == (0.05, 120_000)
    assert found.schedule is not None
    assert (found.schedule.until, found.schedule.if_late) == (date(2027, 3, 31), timedelta(hours=3))
    assert found.schedule.when == Repeatedly((1,), time(9))
    assert (found.schedule.timezone, found.schedule.unknown_timezone) == ("recipient", "Asia/Kolkata")
    assert (found.schedule.prepare, found.schedule.approval) == (timedelta(hours=36), Approval(None))
    assert found.speed is not None
    assert found.speed.at_most == Rate(5000, timedelta(hours=1))
    assert found.speed.pause_if is not None
    assert (found.speed.pause_if.bounces, found.speed.pause_if.complaints) == (0.04, 0.002)
    assert found.exposure is not None
    assert (found.exposure.max_share_per_course, found.exposure.respect_seats) == (0.1, True)
    assert [(variant.name, variant.share) for variant in found.variants] == [
        ("statement", 0.5),
        ("question", 0.5),
    ]
    assert found.block_names == ("text", "top_picks", "continue_learning", "staff_picks")
    picks = found.blocks[1]
    assert isinstance(picks, TopPicks)
    assert picks.not_again_within == timedelta(days=30)
    assert picks.variety == Variety(per_category=2, outside_usual=1)


def test_a_text_alone_is_the_key_that_matters(tmp_path: Path) -> None:
    found = read(tmp_path, MINIMAL + "schedule: every day 18:30\nspeed: 2 per second\n")
    assert found.schedule is not None
    assert found.schedule.when == Repeatedly((0, 1, 2, 3, 4, 5, 6), time(18, 30))
    assert found.speed is not None
    assert found.speed.at_most is not None
    assert found.speed.at_most.per_second == 2


def test_headings_name_each_block_as_templates_know_it(tmp_path: Path) -> None:
    text = MINIMAL + '  - text: "Good to see you."\n  - popular:\n  - popular: {title: null}\n  - popular\n'
    assert read(tmp_path, text).headings() == [
        {"name": "top_picks", "title": "Picked for you", "text": None},
        {"name": "text", "title": None, "text": "Good to see you."},
        {"name": "popular", "title": "Popular right now", "text": None},
        {"name": "popular", "title": None, "text": None},
        {"name": "popular", "title": "Popular right now", "text": None},
    ]


def test_no_stays_a_word_and_times_and_dates_stay_text(tmp_path: Path) -> None:
    text = (
        "subject: NO\ndescription: on\naudience: everyone\nblocks:\n  - text: 12:30\n  - text: 2027-03-31\n"
    )
    found = read(tmp_path, text)
    assert (found.subject, found.description) == ("NO", "on")
    assert found.blocks == (Text(text="12:30"), Text(text="2027-03-31"))


def test_a_run_reads_its_campaign_again_from_the_text_alone(tmp_path: Path) -> None:
    found = read(tmp_path, MINIMAL.replace("\n", "\r\n") + "topic: course-tips\r\nprovider: files\r\n")
    again = parse_frozen(found.text, found.name)
    assert again.model_dump(exclude={"from_"}) == found.model_dump(exclude={"from_"})
    assert again.from_ is None
    assert again.blocks == found.blocks


def test_a_frozen_campaign_does_not_depend_on_todays_settings() -> None:
    assert parse_frozen(MINIMAL + "topic: gone\nprovider: gone\n", "spring").topic == "gone"


def test_a_campaign_cannot_be_changed_after_it_was_read(tmp_path: Path) -> None:
    found = read(tmp_path, MINIMAL)
    with pytest.raises(ValueError, match="frozen"):
        found.subject = "Hi"  # type: ignore[misc]  # that is the point


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("audience: |\n  everyone\n  and nobody", (3, 7)),
        ("audience: |-\n\n      everyone\n      and nobody", (4, 11)),
        ("audience: {who: everyone and nobody}", (1, 30)),
        ('audience: "everyone and nobody"', (1, 25)),
        (r'audience: "everyone\u0020and\x20nobody"', (1, 33)),
        ("audience: 'everyone and nobody'", (1, 25)),
        ("audience:\n  who: everyone and nobody", (2, 21)),
        ("audience: >\n  everyone\n  and nobody", (3, 7)),
        ("audience: >2-  # folded\n\n    everyone\n\n\n  and\n  nobody", (7, 3)),
        ("audience: everyone\n  and nobody", (2, 7)),
        ("audience: 'everyone\n  and nobody'", (2, 7)),
        ('audience: "everyone\n\n  and \\\n  \\  nobody"', (4, 6)),
        ('audience: "every\\\n  one and \\u006eobody"', (2, 11)),
    ],
)
def test_a_mistake_inside_a_value_is_shown_at_its_own_place(
    tmp_path: Path, line: str, column: tuple[int, int]
) -> None:
    settings = project(tmp_path)
    source = SourceText("spring.yaml", f"{line}\nsubject: Hello\nblocks: [popular]\n")
    with pytest.raises(ConfigError) as caught:
        parse_campaign(source, "spring", settings)
    [problem] = caught.value.problems
    assert "found 'nobody'" in problem.message
    assert (problem.line, problem.column) == column


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_shipped_campaigns_fit_a_new_project(tmp_path: Path, path: Path) -> None:
    write_default(tmp_path, name="Acme", sender="Acme <learn@acme.example>", postal_address="Road 12")
    found = load_campaign(path, load_settings(tmp_path))
    assert found.topic == "course-tips"


def test_there_are_campaigns_to_begin_with() -> None:
    needs_model = {
        path.stem: any(block.needs_model for block in parse_frozen(path.read_text(), path.stem).blocks)
        for path in SHIPPED
    }
    assert needs_model == {
        "because-you-finished": True,
        "comeback": False,
        "continue-learning": False,
        "new-releases": False,
        "no-model-yet": False,
        "popular-now": False,
        "weekly-picks": True,
    }


# Pieces of campaigns, right and wrong, reach further into the code than random characters.
_ODD = [
    "\t",
    "  - ",
    "{{",
    "}}",
    '"',
    "'",
    "|",
    ">",
    "%YAML 1.1",
    "---",
    "? ",
    "!!set",
    "<<: x",
    "\\",
    "\x85",
    "a: &b",
    "*b",
]
_ALMOST = ["subject:", "- popular: 3", "audience: everyone", "blocks: [popular]", "subject: '{% if'"]
PIECES = st.sampled_from([*FULL.splitlines(), *_ODD, *_ALMOST])
_CUT = st.tuples(
    st.integers(0, len(FULL)), st.integers(0, 9), st.sampled_from(["", *_ODD, " ", ":", "[", "#"])
)
CHANGED = _CUT.map(lambda cut: FULL[: cut[0]] + cut[2] + FULL[cut[0] + cut[1] :])
"""The full example, with a few characters replaced somewhere."""
TEXTS = st.one_of(
    st.text(),
    CHANGED,
    st.lists(PIECES).map("\n".join),
    st.lists(PIECES).map("".join),
    st.lists(st.one_of(PIECES, st.text(max_size=5))).map(" ".join),
)


@given(TEXTS)
@settings(deadline=None)
def test_any_text_is_a_campaign_or_refused(text: str) -> None:
    with suppress(ConfigError):
        parse_frozen(text, "spring")


@given(CHANGED)
@settings(deadline=None)
def test_a_mistake_anywhere_in_the_full_example_has_a_place(text: str) -> None:
    problems: list[Problem] = []
    try:
        parse_campaign(SourceText("c.yaml", text), "c", SETTINGS)
    except ConfigError as error:
        problems = error.problems
    for problem in problems:
        assert 0 < problem.line <= text.count("\n") + 1 or "is missing" in problem.message


_KEYS = st.sampled_from(
    ["who", "show", "popular", "text", "name", "share", "title", "scorer", "fallback", "blocks"]
)
_SINGLE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["50%", "7d", "svd"]),
)
VALUES = st.recursive(
    _SINGLE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*Campaign.model_fields, "from"]), VALUES))
@settings(deadline=None)
def test_any_values_are_a_campaign_or_refused(values: dict[str, object]) -> None:
    # JSON is YAML, so this reaches the checks of values behind the parser.
    with suppress(ConfigError):
        parse_frozen(json.dumps(values), "spring")
