"""What is found in an audience is counted alike however the audience is cut, in bounded memory."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recmail.render.lint import Finding, Severity
from recmail.render.lint import tally as tallying
from recmail.render.lint.tally import Largest, Seen, Tally

ALT = Finding(Severity.WARNING, "image-alt", "an image without alt", "add alt=", "card.html.j2", 7)
HOLE = Finding(Severity.ERROR, "hole", "the text says None", "add an if", "weekly.txt.j2", 3)
EMPTY = Finding(Severity.ERROR, "hole", "the text says nan", "add an if", "weekly.txt.j2", 4)

FINDINGS = st.builds(
    Finding,
    severity=st.sampled_from(Severity),
    rule=st.sampled_from(["a", "b"]),
    found=st.sampled_from("123456"),
    fix=st.just("mend it"),
    template=st.sampled_from(["", "weekly.html.j2"]),
    line=st.integers(0, 2),
)
SIZES = st.none() | st.integers(0, 5)
Person = tuple[int, list[Finding], int | None]
PEOPLE = st.lists(
    st.tuples(st.integers(0, 99), st.lists(FINDINGS, max_size=8), SIZES),
    unique_by=lambda person: person[0],
    max_size=30,
)


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep so few that some are dropped."""
    monkeypatch.setattr(tallying, "MOST", 8)
    monkeypatch.setattr(tallying, "SHOWN", 5)


def tally_of(people: Sequence[Person]) -> Tally:
    tally = Tally()
    for user_no, findings, size in people:
        tally.add(user_no, findings, size_bytes=size)
    return tally


def merged(*tallies: Tally) -> Tally:
    whole = Tally()
    for tally in tallies:
        whole.merge(tally)
    return whole


def test_people_are_counted_and_not_how_often_they_have_it() -> None:
    tally = tally_of(
        [(4, [ALT, ALT, HOLE], 900), (2, [ALT], 1_000), (9, [], 1_000), (5, [EMPTY, HOLE], None)]
    )
    hole, alt = tally
    assert (hole.severity, hole.rule, hole.seen) == (Severity.ERROR, "hole", Seen(2, 4))
    assert hole.findings == ((HOLE, Seen(2, 4)), (EMPTY, Seen(1, 5)))
    assert (alt.rule, alt.seen, alt.findings) == ("image-alt", Seen(2, 2), ((ALT, Seen(2, 2)),))
    assert tally.people == 4
    assert (tally.with_any(Severity.ERROR), tally.with_any(Severity.WARNING)) == (2, 2)
    assert tally.largest == Largest(1_000, 2)
    assert tally.examples() == {2, 4, 5}


def test_of_too_many_different_findings_the_rest_is_a_number() -> None:
    many = [Finding(Severity.WARNING, "title", f"course {n}", "shorten it") for n in range(8)]
    tally = tally_of([(1, many, None), (2, many[6:], None), (3, [ALT], None)])
    title, alt = tally
    assert [finding.found for finding, _ in title.findings] == [f"course {n}" for n in (6, 7, 0, 1, 2)]
    assert (title.seen, title.more, alt.more) == (Seen(2, 1), 3, 0)


def test_what_most_people_have_is_told_wherever_it_stands_in_the_alphabet() -> None:
    many = [Finding(Severity.WARNING, "title", f"course {n}", "shorten it") for n in range(8)]
    title, *_ = tally_of([(1, many, None), (2, many[7:], None)])
    assert title.findings[0] == (many[7], Seen(2, 1))
    assert (len(title.findings), title.more) == (5, 3)


def test_an_empty_audience_has_nothing() -> None:
    tally = Tally()
    assert (list(tally), tally.people, tally.largest, tally.examples()) == ([], 0, None, set())
    assert Tally.from_dict(tally.to_dict()).to_dict() == tally.to_dict()


@given(PEOPLE, st.lists(st.integers(0, 30), max_size=4), st.randoms())
def test_however_an_audience_is_cut_the_tally_is_that_of_one_pass(people, cuts, random) -> None:  # type: ignore[no-untyped-def]
    edges = sorted({0, len(people), *(cut for cut in cuts if cut <= len(people))})
    parts = [tally_of(people[low:high]) for low, high in pairwise(edges)]
    random.shuffle(parts)
    assert merged(*parts).to_dict() == tally_of(people).to_dict()


@given(PEOPLE, st.integers(0, 30), st.integers(0, 30))
def test_parts_merge_in_any_order_and_grouping(people: list[Person], first: int, second: int) -> None:
    low, high = sorted((first, second))
    one, two, three = (tally_of(part) for part in (people[:low], people[low:high], people[high:]))
    assert merged(one, two).to_dict() == merged(two, one).to_dict()
    assert merged(merged(one, two), three).to_dict() == merged(one, merged(two, three)).to_dict()


@given(PEOPLE)
def test_what_is_kept_as_json_is_read_back(people: list[Person]) -> None:
    tally = tally_of(people)
    kept = json.dumps(tally.to_dict())
    again = Tally.from_dict(json.loads(kept))
    assert json.dumps(again.to_dict()) == kept
    assert list(again) == list(tally)


@given(PEOPLE)
def test_the_counts_are_those_of_a_plain_count(people: list[Person]) -> None:
    tally = tally_of(people)
    for counted in tally:
        having = {
            user_no: {one for one in found if (one.severity, one.rule) == (counted.severity, counted.rule)}
            for user_no, found, _ in people
        }
        having = {user_no: found for user_no, found in having.items() if found}
        assert counted.seen == Seen(len(having), min(having))
        for finding, seen in counted.findings:
            assert seen.people == sum(finding in found for found in having.values())
        shown = {finding for finding, _ in counted.findings}
        kept = sorted(set().union(*having.values()))[:8]
        often = sorted(kept, key=lambda one: -sum(one in found for found in having.values()))
        assert [one for one, _ in counted.findings] == often[:5]
        assert counted.more == sum(len(found - shown) for found in having.values())
