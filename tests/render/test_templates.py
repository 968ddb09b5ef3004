"""The shipped templates: what every email says, in any case, and that it can be read."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from lxml import html as markup

from recmail.render.brand import branded
from recmail.render.bundle import load_bundle
from recmail.render.context import printable
from recmail.render.email import Email, Renderer
from recmail.render.environment import load_template, make_environment
from recmail.render.inline import differs, inline_once
from recmail.settings.brand import contrast
from recmail.settings.sections import default_brand
from tests.render.contexts import (
    COURSES,
    SETS,
    arabic,
    block,
    context,
    course,
    edge,
    finished,
    full,
    mirrored,
    released,
    sparse,
    unfinished,
)

BUNDLE = branded(load_bundle(Path(__file__).parents[2] / "templates"), asdict(default_brand()))
MIRRORED = [lambda make=make: mirrored(make()) for make in SETS.values()]
EVERYBODY = [*SETS.values(), sparse, arabic, edge, *MIRRORED]
NAMES = [*SETS, "sparse", "arabic", "edge", *(f"{name}, mirrored" for name in SETS)]


@cache
def renderer(template: str, *, inline: bool) -> Renderer:
    return Renderer(
        BUNDLE,
        template=template,
        subject="{{ courses[0].title }}",
        preheader="Picked for you" if inline else None,
        inline=inline,
    )


def email(template: str, values: dict[str, Any]) -> Email:
    return renderer(template, inline=True).render(values, user_id="u1")


def page(template: str, values: dict[str, Any]) -> str:
    """Return the page as it is written, before its styles are inlined."""
    return renderer(template, inline=False).render(values, user_id="u1").html


def classes(html: str, name: str) -> list[str]:
    """Return the words of each tag of a class."""
    found = markup.document_fromstring(html).find_class(name)
    return [" ".join(tag.text_content().split()) for tag in found]


# Every set, whoever gets it

each_set = pytest.mark.parametrize("template", SETS)
each_person = pytest.mark.parametrize("make", EVERYBODY, ids=NAMES)


@each_set
def test_its_styles_are_inlined_once(template: str) -> None:
    assert inline_once(BUNDLE, f"{template}.html.j2").reasons == ()


@each_set
@each_person
def test_it_is_as_premailer_makes_it(template: str, make: Callable[[], dict[str, Any]]) -> None:
    name = f"{template}.html.j2"
    bare, once = load_template(make_environment(BUNDLE), name), inline_once(BUNDLE, name).template
    assert once is not None
    values = {**printable(make(), user_id="u1"), "subject": "Hello", "preheader": "And then?"}
    assert differs(bare, once, values, user_id="u1") == ""


@each_set
@each_person
def test_both_parts_name_the_sender_and_offer_the_way_out(
    template: str, make: Callable[[], dict[str, Any]]
) -> None:
    values = make()
    found = email(template, values)
    for part in (found.html, found.text):
        assert "Acme Courses" in part
        assert "You get this because you subscribed to" in part
        assert "https://acme.example/u/3yQ" in part
        assert "https://acme.example/p/3yQ" in part
        assert "None" not in part
        assert (values["sender"]["postal_address"] or "Acme Courses") in part
    assert classes(found.html, "preheader")[0].startswith("Picked for you")


@each_set
@each_person
def test_every_course_has_one_button_and_stands_in_both_parts(
    template: str, make: Callable[[], dict[str, Any]]
) -> None:
    values = make()
    found = email(template, values)
    begun = [one for one in values["courses"] if one["source"] == "continue_learning"]
    buttons = [*classes(found.html, "button-link"), *classes(found.html, "quiet-button-link")]
    assert sorted(set(buttons)) == ["Continue"] * bool(begun) + ["Enroll now"] * (
        len(values["courses"]) > len(begun)
    )
    assert buttons.count("Continue") == found.text.count("  Continue: ") == len(begun)
    assert len(buttons) == len(values["courses"])
    assert found.text.count("  Enroll: ") == len(values["courses"]) - len(begun)
    written = found.text.replace("\u2068", "").replace("\u2069", "")
    for one in values["courses"]:
        assert f"* {one['title']}\n" in written
        assert f": {one['url']}\n" in found.text
        assert f'href="{one["url"].replace("&", "&amp;")}"' in found.html


@each_set
@each_person
def test_every_link_leads_to_the_web(template: str, make: Callable[[], dict[str, Any]]) -> None:
    tree = markup.document_fromstring(email(template, make()).html)
    for address in (*tree.xpath("//@href"), *tree.xpath("//@src")):
        assert urlsplit(address).scheme == "https", address


@each_set
@each_person
def test_every_picture_has_a_width_and_an_alternative_text(
    template: str, make: Callable[[], dict[str, Any]]
) -> None:
    values = make()
    tree = markup.document_fromstring(email(template, values).html)
    shown = [one for one in values["courses"] if one["image_url"]]
    pictures = tree.xpath("//img")
    assert len(pictures) <= len(shown)
    assert template == "because-you-finished" or len(pictures) == len(shown)
    for picture in pictures:
        assert int(picture.get("width")) <= 640
        assert picture.get("alt") in {one["title"] for one in printable(values, user_id="u")["courses"]}
        assert "min-height" in picture.get("style")  # when pictures are off, their words have room


@each_set
def test_courses_without_addresses_are_shown_without_links(template: str) -> None:
    values = SETS[template]()
    for one in values["courses"]:
        one["url"] = None
    tree = markup.document_fromstring(page(template, values))
    assert [a.text for a in tree.xpath("//a")] == ["Unsubscribe", "Choose what you get", "View in browser"]
    assert {picture.get("alt") for picture in tree.xpath("//img")} == {""}  # the title stands beside it
    assert not re.search("Enroll|Continue:", email(template, values).text)
    values["links"]["browser"] = None  # without public_url it is no page anywhere
    assert "View in browser" not in page(template, values) + email(template, values).text


@each_set
def test_what_is_not_known_leaves_no_trace(template: str) -> None:
    html = page(template, sparse())
    assert "<img" not in html
    assert "Why this course" not in html
    unknown = "facts category price reason topic preheader section lead-subtitle step-subtitle other-price"
    for name in unknown.split():
        assert f'class="{name}"' not in html


@each_set
def test_text_blocks_keep_their_paragraphs_and_titles(template: str) -> None:
    values = context([block("text", [], title="A word", text="One.\n\nTwo & three."), *sparse()["blocks"]])
    assert '<h2 class="words-title">A word</h2>' in page(template, values)
    assert '<p class="words-text">One.</p>\n<p class="words-text">Two &amp; three.</p>' in page(
        template, values
    )
    assert "A word\n\nOne.\n\nTwo & three.\n" in email(template, values).text


@each_set
def test_in_arabic_it_runs_from_right_to_left(template: str) -> None:
    html = page(template, mirrored(SETS[template]()))
    assert '<html lang="ar" dir="rtl"' in html
    assert html.count('dir="rtl"') == 3  # html, and what survives in clients that remove html and body
    assert '<td class="topic" width="45%" align="left">' in html
    assert 'align="right"' not in html
    assert "\u2068Interviewing Users Without Leading Them\u2069" in html


@each_set
def test_an_email_of_twelve_courses_stays_below_gmails_limits(template: str) -> None:
    picks = [course(f"c{number}", position=number, **COURSES["sql"]) for number in range(12)]
    html = email(template, context([block("top_picks", picks, title="Picked for you")])).html
    assert len(html.encode()) < 80_000  # Gmail cuts at about 102 kB
    # and drops a style element of more than 16 kB
    assert all(len(style) < 8_000 for style in re.findall("<style>(.*?)</style>", html, flags=re.DOTALL))


# One set each


def test_both_parts_show_all_that_is_known_of_a_course() -> None:
    found = email("weekly", full())
    for fact in (
        "SQL from Zero to Useful",
        "Data",
        "Beginner · 6 hrs 20 mins",
        "₹1,499",
        "Free",
        "All levels",
    ):
        assert fact in found.html
        assert fact in found.text
    for part in (found.html, found.text):
        assert part.count("Why this course:") == 4  # the fifth course has no reason
    assert "12 Residency Road" in found.html
    assert "12 Residency Road" in found.text


def test_weekly_the_first_course_leads_and_the_others_follow_as_rows() -> None:
    html = page("weekly", full())
    assert classes(html, "lead-title") == ["SQL from Zero to Useful"]
    assert len(classes(html, "row-title")) == 4
    assert html.index("SQL from Zero") < html.index('class="row-title"')


def test_what_is_finished_is_called_finished() -> None:
    html, text = page("because-you-finished", finished()), email("because-you-finished", finished()).text
    assert classes(html, "diploma-words") == ["Course finished Spreadsheets That Do Not Lie Well done, Ana."]
    assert "Course finished: Spreadsheets That Do Not Lie\n\nWell done, Ana.\n" in text
    assert classes(html, "step-title") == ["SQL from Zero to Useful"]
    assert len(classes(html, "other-title")) == 3
    assert classes(html, "other-price") == ["₹2,499", "₹1,299", "Free"]


@pytest.mark.parametrize("progress", [None, 99])
def test_what_is_not_finished_is_not_called_finished(progress: int | None) -> None:
    values = finished()
    values["because"]["progress"] = progress
    for part in (page("because-you-finished", values), email("because-you-finished", values).text):
        assert "Course taken" in part
        assert "Course finished" not in part
        assert "Well done" not in part


def test_who_finished_nothing_is_not_congratulated() -> None:
    found = email("because-you-finished", finished() | {"because": None})
    assert 'class="diploma-words"' not in found.html
    assert classes(found.html, "greeting") == ["Ana, what comes next?"]
    assert found.text.startswith("Acme Courses · Course tips\n\nAna, what comes next?\n")


def test_new_courses_stand_in_pairs_and_the_last_odd_one_alone() -> None:
    html = page("new-releases", released())
    assert classes(html, "shelf-count") == ["5 courses", "2 courses"]
    rows = markup.document_fromstring(html).find_class("tiles-line")
    assert [len(row.find_class("tile-title")) for row in rows] == [2, 2, 1, 1 + 1]
    assert classes(html, "issue") == ["24 November 2026"]
    assert "New since 23 November 2026" in html
    assert "₹1,499" in html


@pytest.mark.parametrize(
    ("progress", "cells"),
    [
        (None, [("bar-left", None)]),
        (0, [("bar-left", None)]),
        (1, [("bar-done", "1%"), ("bar-left", "99%")]),
        (62, [("bar-done", "62%"), ("bar-left", "38%")]),
        (100, [("bar-done", None)]),
    ],
)
def test_the_bar_is_as_long_as_the_progress(
    progress: int | None, cells: list[tuple[str, str | None]]
) -> None:
    values = unfinished()
    values["courses"][0]["progress"] = progress
    bar, _ = markup.document_fromstring(page("continue-learning", values)).find_class("bar-cell")
    assert [(cell.get("class"), cell.get("width")) for cell in bar.iterfind(".//td")] == cells


def test_what_is_left_is_said_where_it_is_known() -> None:
    found = email("continue-learning", unfinished())
    assert "You are 62% through" in found.html
    assert "You are 62% through" in found.text
    assert "Why this course: You are" not in found.text
    assert "About 4 hrs 35 mins to go" in found.html  # 38 % of 720 minutes are 273.6
    assert found.html.count(" to go<") == 1
    assert "₹799" not in found.html + found.text  # what they have is not for sale
    assert classes(found.html, "greeting") == ["Ana, pick up where you left off"]
    assert classes(email("continue-learning", full()).html, "greeting") == ["Hello Ana,"]


def test_nobody_is_said_to_have_begun_who_may_not_have() -> None:
    values = unfinished()
    for one in values["courses"]:
        one["progress"] = None
    found = email("continue-learning", values)
    assert classes(found.html, "greeting") == ["Ana, your course is waiting for you"]
    assert "Ana, your course is waiting for you." in found.text.replace("\u2068", "").replace("\u2069", "")
    assert "where you left off" not in found.html + found.text


@each_set
def test_a_course_is_gone_on_with_by_where_it_came_from(template: str) -> None:
    """A fallback shows its courses in the block that fell back on it, whatever that one is called."""
    fallen_back = [
        course("sql", block="continue_learning", source="popular"),
        course("kannada", block="top_picks", source="continue_learning", position=0),
    ]
    values = context([block(one["block"], [one]) for one in fallen_back])
    found = email(template, values)
    buttons = [*classes(found.html, "button-link"), *classes(found.html, "quiet-button-link")]
    assert sorted(buttons) == ["Continue", "Enroll now"]
    lines = [line.split(":")[0].strip() for line in found.text.splitlines() if "utm_campaign" in line]
    assert lines == ["Enroll", "Continue"]
    assert "₹1,499" in found.html
    assert "₹799" not in found.html + found.text


# How they look


CSS = {
    template: re.sub(
        r"/\*.*?\*/", "", BUNDLE.files["style.css"] + BUNDLE.files[f"{template}.css"], flags=re.DOTALL
    )
    for template in SETS
}
SHARED = "layout.html.j2", "card.html.j2", "words.html.j2"


@each_set
def test_inlining_leaves_media_queries_and_no_other_rule(template: str) -> None:
    styles = re.findall(r"<style>(@media.*?)</style>", email(template, full()).html, flags=re.DOTALL)
    found = "".join(styles)
    assert found.count("@media") == 4
    assert found.count("@media (max-width: 600px)") == 2
    assert found.count("@media (prefers-color-scheme: dark)") == 2
    assert "table {" not in found


@each_set
def test_each_selector_is_one_class_that_the_set_uses(template: str) -> None:
    groups = re.findall(r"([^{}]+)\{", re.sub(r"@media[^{]*\{", "", CSS[template]))
    selectors = {selector.strip() for group in groups for selector in group.split(",")}
    pages = "".join(BUNDLE.files[name] for name in (*SHARED, f"{template}.html.j2"))
    used = {f".{name}" for name in re.findall(r'class="([a-z-]+)"', pages)}
    assert used <= selectors
    shared = "".join(BUNDLE.files[f"{name}.html.j2"] for name in SETS)
    assert selectors - used <= {f".{name}" for name in re.findall(r'class="([a-z-]+)"', shared)}


OTHER_GROUNDS = {"canvas": ["footer-text", "footer-link"], "button": ["button-link"]}


@each_set
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_all_text_has_a_contrast_of_at_least_4_5(template: str, dark: bool) -> None:
    parts = re.split(r"@media \((.*?)\) \{(.*?\n)\}", CSS[template], flags=re.DOTALL)
    sheet = "".join(parts[::3])
    darker = "".join(
        rules for query, rules in zip(parts[1::3], parts[2::3], strict=True) if "color-scheme: dark" in query
    )
    ink, light_ink = colours(sheet + darker * dark, "color"), colours(sheet, "color")
    ground = colours(sheet + darker * dark, "background-color")
    if dark:
        assert set(colours(darker, "color")) == set(light_ink)  # no ink is forgotten
        assert set(colours(darker, "background-color")) == set(colours(sheet, "background-color"))
    grounds = {"paper": set(ink) - {"preheader"} - {name for on in OTHER_GROUNDS.values() for name in on}}
    grounds |= OTHER_GROUNDS
    grounds |= {name: ["picture-link"] for name in ground if name.endswith("-picture")}
    for behind, names in grounds.items():
        for name in names:
            assert contrast(ink[name], ground[behind]) >= 4.5, (name, behind)


def colours(sheet: str, attribute: str) -> dict[str, str]:
    """Return the last colour that a sheet gives to each class."""
    found = {}
    for group, declarations in re.findall(r"([^{}]+)\{([^{}]*)\}", sheet):
        colour = re.search(rf"(?<![a-z-]){attribute}: (#[0-9a-f]{{6}})", declarations)
        for selector in group.split(",") if colour else ():
            found[selector.strip()[1:]] = colour.group(1)
    return found


def test_contrast_is_measured_as_defined() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # the well-known grey just below
