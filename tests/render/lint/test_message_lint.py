"""Messages of one campaign: the shipped templates are clean, and what is kept changes nothing."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recmail.render.brand import branded
from recmail.render.bundle import TemplateBundle, load_bundle
from recmail.render.email import Renderer
from recmail.render.lint import MessageLint, Severity, lint_templates
from recmail.settings.sections import default_brand
from tests.render.contexts import SETS as DRAWN_FOR
from tests.render.contexts import arabic, block, context, course, edge, full, sparse
from tests.render.lint.messages import email, findings, one_course

BUNDLE = branded(load_bundle(Path(__file__).parents[3] / "templates"), asdict(default_brand()))
SUBJECT = "{{ user.first_name or 'Hello' }}, have you seen this?"
PREHEADER = "And {{ courses|length }} more courses, each with the reason why you see it"
SETS = [
    name.removesuffix(".html.j2")
    for name, text in BUNDLE.files.items()
    if name.endswith(".html.j2") and "{% extends" in text
]
WEEKLY = Renderer(BUNDLE, template="weekly", subject=SUBJECT, preheader=PREHEADER)


def weekly(values):
    return WEEKLY.render(values, user_id="u1")


@pytest.mark.parametrize("make", [full, arabic])
@pytest.mark.parametrize("name", SETS)
def test_the_shipped_templates_are_clean(name, make):
    renderer = Renderer(BUNDLE, template=name, subject=SUBJECT, preheader=PREHEADER)
    assert MessageLint(BUNDLE).findings(renderer.render(make(), user_id="u1"), make()) == []


@pytest.mark.parametrize("name", SETS)
def test_each_set_is_clean_with_what_it_is_drawn_for(name):
    values = DRAWN_FOR[name]()
    renderer = Renderer(BUNDLE, template=name, subject=SUBJECT, preheader=PREHEADER)
    assert MessageLint(BUNDLE).findings(renderer.render(values, user_id="u1"), values) == []


def test_a_course_that_a_template_prints_twice_is_found():
    files = dict(BUNDLE.files)
    files["weekly.html.j2"] = files["weekly.html.j2"].replace("{{ row(course) }}", "{{ row(course) }}" * 2)
    twice = Renderer(TemplateBundle(files), template="weekly", subject=SUBJECT, preheader=PREHEADER)
    found = MessageLint().findings(twice.render(full(), user_id="u1"), full())
    assert [one.rule for one in found] == ["equal-courses"]


def test_a_brand_that_cannot_be_read_is_found():
    brand = asdict(default_brand()) | {"quiet": "#999999", "dark_quiet": "#555555"}
    bundle = branded(load_bundle(Path(__file__).parents[3] / "templates"), brand)
    pale = Renderer(bundle, template="weekly", subject=SUBJECT, preheader=PREHEADER)
    found = MessageLint(bundle).findings(pale.render(full(), user_id="u1"), full())
    assert {one.rule for one in found} == {"contrast"}
    said = " ".join(one.found for one in found)
    assert "#999999 on #ffffff in light mode: contrast 2.84" in said
    assert "#555555 on #191c1b in dark mode" in said


def test_what_is_odd_about_people_and_courses_is_not_blamed_on_the_template():
    values = edge()
    found = MessageLint(BUNDLE).findings(weekly(values), values)
    assert [(one.severity, one.rule) for one in found] == [
        (Severity.WARNING, "equal-courses"),  # two courses with one title
        (Severity.WARNING, "leaked-value"),  # a reason with {{ 7*7 }} in it
        (Severity.WARNING, "subject"),  # a first name of sixty letters
    ]


def test_without_a_postal_address_that_alone_is_wrong():
    values = sparse()
    assert [one.rule for one in MessageLint(BUNDLE).findings(weekly(values), values)] == ["postal-address"]


@pytest.mark.parametrize("name", SETS)
def test_the_shipped_templates_have_nothing_to_mend(name):
    assert lint_templates(BUNDLE, name, subject=SUBJECT, preheader=PREHEADER) == []


TITLE = st.sampled_from(["Bread", "None of the Above", "{{ 7*7 }}", "nan", "شيء", "<b>", "A & B"])
TEXT = st.none() | TITLE
COURSE = st.builds(
    lambda number, title, subtitle, image, url, price: course(
        f"c{number}",
        title=title,
        subtitle=subtitle,
        image_url=image,
        price_minor=price,
        **({} if url else {"url": None}),
    ),
    st.integers(0, 5),
    TITLE,
    TEXT,
    st.sampled_from([None, "a.png", "http://acme.example/a.png"]),
    st.booleans(),
    st.sampled_from([None, 0, 990]),
)
PEOPLE = st.lists(
    st.builds(
        lambda picks, title, name: context(
            [block("top_picks", picks, title=title)],
            user={"first_name": name, "last_name": None, "language": "en", "country": None},
        ),
        st.lists(COURSE, min_size=1, max_size=4),
        TEXT,
        TEXT,
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=20, deadline=None)
@given(PEOPLE)
def test_what_is_kept_of_earlier_messages_changes_nothing(people):
    kept = MessageLint(BUNDLE)
    for values in people:
        sent = weekly(values)
        assert kept.findings(sent, values) == MessageLint(BUNDLE).findings(sent, values)
        assert kept.findings(sent, values) == kept.findings(sent, values)


SOUP = st.lists(
    st.sampled_from(
        [
            *(
                "<p>",
                "</p>",
                "<a href=",
                "'",
                '"',
                ">",
                "<",
                "<td bgcolor=red>",
                "<!--",
                "-->",
                "<h2>",
                "</h2>",
            ),
            *(
                "<style>",
                "@media (prefers-color-scheme: dark) {",
                "p {",
                "}",
                "color: red;",
                "</style>",
                "&nbsp;",
            ),
            *(
                '<b style="color:#777; font:',
                "}",
                "(",
                'url(">',
                "None",
                "{{",
                "<img src=x alt>",
                "</table>",
                "\u2068",
            ),
        ]
    ),
    max_size=25,
)


@settings(deadline=None)
@given(SOUP)
def test_any_page_is_looked_at(parts):
    sent = email(html=" ".join(parts))
    assert findings(sent) == findings(sent)


def test_findings_hold_nothing_of_one_person():
    body = '<a href="#">Ana Sousa</a><img src="https://acme.example/ana.png"><h2></h2><p>None {{ ana }}</p>'
    said = " ".join(str(asdict(one)) for one in findings(email(body, subject="Ana, " * 20)))
    assert "image-alt" in said
    assert "Ana" not in said
    assert "ana" not in said.lower().replace("banana", "")


def test_a_picture_behind_words_is_not_taken_for_another_pages():
    lint = MessageLint()
    cell = '<td background="{}"><b style="color:#eee">Words</b></td>'
    assert [one.rule for one in findings(email(cell.format("")), lint=lint)] == ["contrast"]
    assert findings(email(cell.format("https://acme.example/a.png")), lint=lint) == []
    assert [one.rule for one in findings(email(cell.format("")), lint=lint)] == ["contrast"]


def test_a_place_is_said_where_a_class_stands_once():
    html = '<p>\n<b class="once {{ date }}">One</b>\n<b class="twice">Two</b>\n<b class="twice">Three</b></p>'
    lint = MessageLint(TemplateBundle({"a.html.j2": html, "b.html.j2": "<p></p>"}))
    pale = '<b class="once" style="color:#eee">One</b> <i class="twice" style="color:#eee">Two</i>'
    found = findings(email(pale), lint=lint)
    assert {(one.found.split()[3], one.template, one.line) for one in found} == {
        ("<b", "a.html.j2", 2),
        ("<i", "", 0),
    }


def test_errors_come_before_warnings():
    found = findings(email("<h2></h2>", preheader=""), one_course())
    assert [one.severity for one in found] == [Severity.ERROR, Severity.WARNING]


def test_what_templates_show_has_the_same_place_in_messages():
    way_out = '<a href="{{ links.unsubscribe }}">Out</a> {{ sender.postal_address }}'
    html = f'<p>{way_out}</p>\n<img src="https://acme.example/a.png" width="9">\n<form>Words</form>'
    text = "{{ links.unsubscribe }} {{ sender.postal_address }}\nhttp://acme.example"
    bundle = TemplateBundle({"a.html.j2": html, "a.txt.j2": text})
    sent = Renderer(bundle, template="a", subject="Hello", preheader=PREHEADER).render(
        one_course(), user_id="u1"
    )
    found = MessageLint(bundle).findings(sent, one_course())
    assert found == lint_templates(bundle, "a")
    others = TemplateBundle(
        {f"{name}.{kind}.j2": files for name in ("a", "b") for kind, files in (("html", html), ("txt", text))}
    )
    assert {one.template for one in MessageLint(others).findings(sent, one_course())} == {""}
    assert MessageLint(others, templates=["a"]).findings(sent, one_course()) == found
    assert [(one.rule, one.template, one.line) for one in found] == [
        ("http-address", "a.txt.j2", 2),
        ("image-alt", "a.html.j2", 2),
        ("unsupported", "a.html.j2", 3),
    ]
