"""What is read where a value is missing."""

from __future__ import annotations

import pytest

from recmail.render.bundle import TemplateBundle
from recmail.render.lint import MessageLint
from tests.render.lint.messages import TEXT, body_found, email, findings, found, one_course


def named(name: str):
    return one_course() | {"user": {"first_name": name, "last_name": None, "language": "en", "country": None}}


@pytest.mark.parametrize("sign", ["None", "nan", "NaN", "NaT", "undefined", "{{ user.name }}", "{% if", "}}"])
def test_what_no_value_holds_comes_from_the_template(sign):
    assert set(body_found(f"<p>Hello {sign},</p>")) == {"leaked-value!"}


@pytest.mark.parametrize("word", ["Nonesuch", "finance and banana", "Nanette", "none", "{ a }", "100 %"])
def test_other_words_that_hold_its_letters_are_none_of_it(word):
    assert body_found(f"<p>Hello {word},</p>") == []


def test_every_part_that_is_read_is_looked_at():
    parts = [
        found(email(subject="None, three courses picked for you")),
        found(email(preheader="Three courses from None, each with a reason why")),
        found(email(text=f"Hello None,\n{TEXT}")),
        found(email('<img src="https://acme.example/a.png" width="9" alt="None">')),
    ]
    assert parts == [["leaked-value!"]] * 4


def test_what_nobody_reads_is_not_looked_at():
    assert body_found("<!-- None {{ x }} --><style>.a { color: None }</style><p>Words</p>") == []


def test_a_course_may_be_called_none_of_the_above():
    values = one_course() | {"subtitle": "x"}
    values["courses"][0]["title"] = "None of the Above: Logic"
    page = "<h3>None of the Above: Logic</h3>"
    text = "None of the\nAbove: Logic\n" + TEXT
    assert found(email(page, text=text), values) == []
    assert found(email("<h3>None of the…</h3>", text=text), values) == []  # cut by a filter
    assert found(email("<p>Hello None,</p>" + page, text=text), values) == ["leaked-value!"]


@pytest.mark.parametrize(
    ("title", "printed"),
    [
        ("none of the above", "None Of The Above"),  # |title
        ("NONE of the above", "None of the above"),  # |capitalize
        ("Learn <b>None</b> safely", "Learn None safely"),  # |striptags
        ("Learn <b>None</b> safely", "Learn <b>None</b> safely"),  # |safe
        ("R&amp;D None", "R&amp;D None"),  # |safe
        ("R&amp;D None", "R&amp;amp;D None"),
        ("&lt;b&gt;None&lt;/b&gt; it is", "None it is"),
    ],
)
def test_a_filter_may_have_changed_how_a_value_is_written(title, printed):
    values = one_course()
    values["courses"][0]["title"] = title
    said = found(email(f"<h3>{printed}</h3>", text=f"{title}\n{TEXT}"), values)
    assert [one for one in said if one.startswith("leaked-value")] == []
    assert "leaked-value!" in found(email(f"<h3>{printed}</h3><p>Hello None</p>"), values)


def test_a_value_that_is_nothing_but_the_word_is_to_be_corrected_in_the_data():
    for name in ("None", "none"):
        (finding,) = findings(email("<p>Hello None,</p>"), named(name))
        assert finding.severity == "warning"
        assert "imported" in finding.found


def test_a_person_may_be_called_in_braces():
    values = named("{{ 7*7 }}")
    sent = email("<p>Hello {{ 7*7 }},</p>", subject="{{ 7*7 }}, three courses picked for you")
    assert set(found(sent, values)) == {"leaked-value"}
    assert "leaked-value!" in found(email("<p>Hello {{ 7*8 }},</p>"), values)


def test_what_the_template_says_word_for_word_is_meant():
    bundle = TemplateBundle({"a.html.j2": "<p>Hello {{ x }},</p>\n<p>None of\nthese? <b>Tell us</b></p>"})
    lint = MessageLint(bundle, ["{{ x }}: None of your friends know this"])
    sent = email("<p>None of these? <b>Tell us</b></p>", subject="Ana: None of your friends know this")
    assert found(sent, lint=lint) == []
    assert set(found(email("<p>Hello None,</p><p>None of these?</p>"), lint=lint)) == {"leaked-value!"}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ user.first_name or 'None' }}", []),
        ("{% set name = 'None' %}{{ name }}", []),
        ("{{ user.first_name|default('None') }}", []),
        ("{{ 'None' if user.first_name == 'x' else 'you' }}", []),
        ("{{ hello('None') }}", []),
        ("{{ user.first_name|string if user.first_name != 'None' else 'you' }}", ["leaked-value!"]),
        (
            "{% if user.first_name == 'None' %}you{% else %}{{ user.first_name }}{% endif %}",
            ["leaked-value!"],
        ),
        ("{{ user.first_name|replace('None', 'you') }}", ["leaked-value!"]),
        ("{% if user.first_name in ['None', ''] %}you{% endif %}", ["leaked-value!"]),
        ("{{ user['None'] }}", ["leaked-value!"]),
    ],
)
def test_only_what_a_template_may_print_is_its_own_word(template, expected):
    lint = MessageLint(TemplateBundle({"a.html.j2": f"<p>Hello {template},</p>"}))
    assert found(email("<p>Hello <b>None</b>,</p>"), lint=lint) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://acme.example/None", ["leaked-value"]),
        ("https://acme.example/?user=nan&amp;a=b", ["leaked-value"]),
        ("https://acme.example/None-of-the-above", []),
        ("https://acme.example/finance", []),
    ],
)
def test_addresses_may_hold_it_too(address, expected):
    assert body_found(f'<a href="{address}">Enroll</a>') == expected
