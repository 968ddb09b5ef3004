"""The shipped templates: what every email says, in any case, and that it can be read."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from recmail.render.brand import branded
from recmail.render.bundle import load_bundle
from recmail.render.email import Email, Renderer
from recmail.settings.sections import default_brand
from tests.render.contexts import COURSES, arabic, block, context, course, edge, full, sparse

BUNDLE = branded(load_bundle(Path(__file__).parents[2] / "templates"), asdict(default_brand()))
CSS = re.sub(r"/\*.*?\*/", "", BUNDLE.files["style.css"], flags=re.DOTALL)
PAGES = "".join(text for name, text in BUNDLE.files.items() if name.endswith(".html.j2"))
WEEKLY = Renderer(BUNDLE, template="weekly", subject="{{ courses[0].title }}", preheader="Picked for you")
SHIPPED = Renderer(BUNDLE, template="weekly", subject="Hello", preheader=None, inline=False)


def weekly(values: dict[str, Any]) -> Email:
    return WEEKLY.render(values, user_id="u1")


def page(values: dict[str, Any]) -> str:
    """Return the page as it is written, before its styles are inlined."""
    return SHIPPED.render(values, user_id="u1").html


@pytest.mark.parametrize("make", [full, sparse, arabic, edge])
def test_both_parts_name_the_sender_and_offer_the_way_out(make):
    email = weekly(make())
    for part in (email.html, email.text):
        assert "Acme Courses" in part
        assert "You get this because you subscribed to" in part
        assert "https://acme.example/u/3yQ" in part
        assert "https://acme.example/p/3yQ" in part
        assert "None" not in part


def test_both_parts_show_all_that_is_known_of_a_course():
    email = weekly(full())
    for fact in (
        "SQL from Zero to Useful",
        "Data",
        "Beginner · 6 hrs 20 mins",
        "₹1,499",
        "Free",
        "All levels",
    ):
        assert fact in email.html
        assert fact in email.text
    for part in (email.html, email.text):
        assert part.count("Why this course:") == 4  # the fifth course has no reason
    assert email.html.count(">Enroll now</a>") == 5
    assert email.html.count('src="https://acme.example/images/') == 5
    assert "12 Residency Road" in email.html
    assert "12 Residency Road" in email.text


def test_what_is_not_known_leaves_no_trace():
    html = page(sparse())
    assert "<img" not in html
    assert "Why this course" not in html
    for name in ("facts", "category", "price", "reason", "topic", "preheader", "lead-subtitle"):
        assert f'class="{name}"' not in html
    assert "Hello," in html


def test_a_course_without_address_is_shown_without_links():
    picks = [course("sql", url=None), course("pricing", url=None, position=2)]
    values = context([block("top_picks", picks)])
    assert "Enroll" not in page(values)
    assert "Enroll" not in weekly(values).text
    assert page(values).count("<a ") == 2  # unsubscribe and preferences


def test_the_first_course_leads_and_the_others_follow_as_rows():
    html = page(full())
    assert html.count('class="lead-title"') == 1
    assert html.count('class="row-title"') == 4
    assert html.index("SQL from Zero") < html.index('class="row-title"')


def test_text_blocks_keep_their_paragraphs_and_titles():
    values = context([block("text", [], title="A word", text="One.\n\nTwo & three."), *sparse()["blocks"]])
    assert '<h2 class="words-title">A word</h2>' in page(values)
    assert '<p class="words-text">One.</p>\n<p class="words-text">Two &amp; three.</p>' in page(values)
    assert "A word\n\nOne.\n\nTwo & three.\n" in weekly(values).text


def test_an_email_in_arabic_runs_from_right_to_left():
    html = page(arabic())
    assert '<html lang="ar" dir="rtl"' in html
    assert html.count('dir="rtl"') == 3  # html, and what survives in clients that remove html and body
    assert '<td class="topic" width="45%" align="left">' in html
    assert "\u2068Pricing and Packaging in Practice\u2069" in html


def test_every_picture_has_a_width_and_an_alternative_text():
    pictures = re.findall(r"<img[^>]*>", page(full()))
    assert len(pictures) == 5
    for picture in pictures:
        assert re.search(r' width="(544|192)"', picture)
        assert re.search(r' alt="[^"]+"', picture)


def test_inlining_leaves_the_two_media_queries_and_no_other_rule():
    (style,) = re.findall(r"<style>(@media.*?)</style>", weekly(full()).html, flags=re.DOTALL)
    assert style.count("@media") == 2
    assert "@media (max-width: 600px)" in style
    assert "@media (prefers-color-scheme: dark)" in style


def test_an_email_of_twelve_courses_stays_below_gmails_limit():
    picks = [course(f"c{number}", position=number, **COURSES["sql"]) for number in range(12)]
    html = weekly(context([block("top_picks", picks, title="Picked for you")])).html
    assert len(html.encode()) < 80_000  # Gmail cuts at about 102 kB


def test_each_selector_is_one_class_that_a_template_uses():
    groups = re.findall(r"([^{}]+)\{", re.sub(r"@media[^{]*\{", "", CSS))
    selectors = {selector.strip() for group in groups for selector in group.split(",")}
    assert selectors == {f".{name}" for name in re.findall(r'class="([a-z-]+)"', PAGES)}


LIGHT, DARK = CSS.split("@media (prefers-color-scheme: dark)")
ON = {
    "paper": "wordmark greeting words-title section-title lead-title title-link row-title reason-label price"
    " topic words-text lead-subtitle row-subtitle facts reason category quiet-button-link",
    "canvas": "footer-text footer-link",
    "button": "button-link",
    "lead-picture": "picture-link",
    "row-picture": "picture-link",
}


@pytest.mark.parametrize("sheet", [LIGHT, LIGHT + DARK], ids=["light", "dark"])
def test_all_text_has_a_contrast_of_at_least_4_5(sheet):
    ink, ground = colours(sheet, "color"), colours(sheet, "background-color")
    assert set(ink) - {"preheader"} == set(" ".join(ON.values()).split())
    for behind, names in ON.items():
        for name in names.split():
            assert contrast(ink[name], ground[behind]) >= 4.5, (name, behind)


def colours(sheet: str, attribute: str) -> dict[str, str]:
    """Return the last colour that a sheet gives to each class."""
    found = {}
    for group, declarations in re.findall(r"([^{}]+)\{([^{}]*)\}", sheet):
        colour = re.search(rf"(?<![a-z-]){attribute}: (#[0-9a-f]{{6}})", declarations)
        for selector in group.split(",") if colour else ():
            found[selector.strip()[1:]] = colour.group(1)
    return found


def contrast(one: str, other: str) -> float:
    """Return the ratio that WCAG 2.2 defines, 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_contrast_is_measured_as_defined():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # the well-known grey just below
