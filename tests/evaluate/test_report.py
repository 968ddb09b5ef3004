"""The report: one page that needs nothing else, says what is so, and is well-formed."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from recmail.db.clusters import Cluster
from recmail.errors import StorageError
from recmail.evaluate.intervals import Interval
from recmail.evaluate.promotion import Verdict
from recmail.evaluate.ratings import RatingError
from recmail.evaluate.report import SCORERS, report, write_report
from recmail.evaluate.svg import Bar, bars
from recmail.evaluate.train import Training
from recmail.evaluate.tune import BLEND, scorer_names
from tests.evaluate.test_evaluation import evaluated, held_out

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
COUNTS = {"users": 75, "courses": 30, "pairs": 400, "people": 100, "measured": 30}
TRAINED = Training(
    version="20261102-090000-right",
    auto="right",
    verdict=Verdict(True, None, "campaigns use it: it is the first model"),
    counts=COUNTS,
    evaluation=evaluated(held_out(seen=2)),
    ratings=RatingError(300, 0.91, 0.72, 1.01, 0.8),
    settings={"right": {}},
    notes=["the blend adds nothing sure: <right & wrong>"],
    clusters=[
        Cluster(4, "Data & SQL", ["Data & SQL", "Excel"], 12, 1_234, NOW),
        Cluster(2, "Music", ["Piano"], 8, 30, NOW),
    ],
    took_s=1.5,
)


class Checker(HTMLParser):
    """Fails on tags that are not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        return

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop() == tag


def page() -> str:
    return report(TRAINED, name="Acme <Courses>", now=NOW)


def test_says_what_is_worth_what() -> None:
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page()))
    assert "“auto” is right; campaigns use it: it is the first model." in text
    assert "400 pairs of 75 people and 30 courses. 25% of all 100 people took and looked at nothing" in text
    assert "30 people the latest fifth" in text
    assert "100.0% of them find at least one" in text
    assert "300 hidden ratings are predicted with a mean error of 0.72 stars" in text


def test_people_of_like_interests_are_listed() -> None:
    assert "in_cluster(&quot;Data &amp; SQL&quot;)" in page()
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page()))
    assert "Data &amp; SQL 1,234 12 Data &amp; SQL, Excel Music 30 8 Piano" in text
    assert "in_cluster" not in report(replace(TRAINED, clusters=[]), name="Acme", now=NOW)


def test_groups_that_are_too_small_are_told() -> None:
    assert "Too few of them had dealt with 3 to 9 courses and 10 or more courses before" in page()


def test_scorers_are_explained_in_words() -> None:
    measured = evaluated(held_out(seen=2))
    known = dict.fromkeys(("ease", "trending"), measured.rows["right"])
    evaluation = replace(measured, rows={**measured.rows, **known})
    found = report(replace(TRAINED, evaluation=evaluation), name="Acme", now=NOW)
    assert "<dt>ease</dt><dd>What goes with what" in found
    assert "<dt>trending</dt>" in found
    assert "<dt>als</dt>" not in found


def test_every_scorer_has_words() -> None:
    assert {*scorer_names(), BLEND} == SCORERS.keys()


def test_texts_are_escaped() -> None:
    assert "Acme &lt;Courses&gt;" in page()
    assert "&lt;right &amp; wrong&gt;" in page()


def test_needs_nothing_else() -> None:
    assert not re.search(r"""(src|href)\s*=|url\(|@import|<script""", page())


def test_tags_are_closed_in_order() -> None:
    checker = Checker()
    checker.feed(page())
    assert checker.open == []


def test_without_enough_data_says_so() -> None:
    text = report(replace(TRAINED, evaluation=None, ratings=None), name="Acme", now=NOW)
    assert "too little data to measure" in text
    assert "<svg" not in text


def test_plots_are_images_with_a_text_and_bars_to_scale() -> None:
    rows = [Bar("ease", [Interval(0.2, 0.1, 0.3)], strong=True), Bar("a<b", [Interval(0.1, 0.05, 0.15)])]
    drawn = ElementTree.fromstring(bars("nDCG of all", rows))
    assert drawn.attrib["aria-label"] == "nDCG of all"
    rectangles = drawn.findall("{http://www.w3.org/2000/svg}rect")
    long, short = (float(one.attrib["width"]) for one in rectangles)
    assert long == pytest.approx(2 * short, abs=0.2)
    assert [text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")] == [
        "ease",
        "0.200",
        "a<b",
        "0.100",
    ]


def test_several_series_have_a_legend() -> None:
    drawn = bars("x", [Bar("ease", [Interval(0.2, 0.1, 0.3)] * 3)], ("cold", "light", "heavy"))
    assert all(f">{name}</text>" in drawn for name in ("cold", "light", "heavy"))


def test_nothing_is_drawn_of_nothing() -> None:
    ElementTree.fromstring(bars("x", [Bar("none", [Interval(0, 0, 0)])]))


def test_is_written_into_a_folder_that_is_made(tmp_path: Path) -> None:
    written = write_report(TRAINED, tmp_path / "new" / "report", name="Acme", now=NOW)
    assert written == tmp_path / "new" / "report" / "index.html"
    assert written.read_text("utf-8") == report(TRAINED, name="Acme", now=NOW)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"file/index\.html: .*; choose another folder for --report"):
        write_report(TRAINED, tmp_path / "file", name="Acme", now=NOW)


def test_a_blend_is_called_by_its_members() -> None:
    weights = {"weights": {"als": 1.0, "ease": 0.5}}
    assert replace(TRAINED, auto="blend", settings={"blend": weights}).auto_in_words == "als + 0.5 ease"
    weights = {"weights": {"als": 1.0, "ease": 0.0}}
    alone = replace(TRAINED, auto="blend", settings={"blend": weights})
    assert alone.auto_in_words == "als, reasons from ease"
