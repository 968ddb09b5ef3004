"""Mistakes in a subject are said in plain words, at their own place."""

from __future__ import annotations

import pytest

from recmail.campaign.lines import explain_template, line_mistakes
from recmail.campaign.yaml import read_yaml
from recmail.render.bundle import TemplateBundle
from recmail.render.check import check_templates
from recmail.settings.source import SourceText


def mistakes(line: str) -> list[tuple[int, str]]:
    """Columns of the line, from 1, with what is wrong there."""
    quoted = "'" + line.replace("'", "''") + "'"
    document = read_yaml(SourceText("c.yaml", f"subject: {quoted}\n"))
    found = list(line_mistakes(document, line, ("subject",)))
    assert all(problem.line == 1 for problem in found)
    doubled = [line[: problem.column - 11].count("'") for problem in found]
    return [
        (problem.column - 10 - quotes, problem.message.removeprefix("subject: "))
        for problem, quotes in zip(found, doubled, strict=True)
    ]


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("Hi {{ user.first_name", 4, "this {{ is never closed; add }}"),
        ("Hi {{ user.first_name }", 4, "this {{ is never closed; add }}"),
        ("{{ user first_name }}", 9, "found 'first_name'; expected the end, or a word such as or"),
        ("{% if language %}x", 4, "{% if %} is never closed; add {% endif %}"),
        ("{% fi language %}", 4, "there is no tag 'fi'"),
        ("{% iff language %}", 4, "there is no tag 'iff'; did you mean if?"),
        ("{% if language %}{% end %}", 21, "found 'end'; expected endif"),
        ("x{% endif %}", 5, "there is nothing for 'endif' to end"),
        ("{# note", 1, "this {# is never closed; add #}"),
        ("{{ user $ language }}", 9, "found $; values have no $ before their name"),
        ("{{ language && date }}", 13, "found &; write and"),
        ("{{ language || date }}", 13, "write or"),
        ("{{ language ? 1 : 2 }}", 13, "found ?; write: this if that else other"),
        ("{{ “Hello” }}", 4, 'found “; write straight quotes: "'),
        ("{{ language or 'Hello }}", 16, "found '; this quote is never closed inside {{ }}"),
        ("{% if language = 'en' %}{% endif %}", 16, "to compare, write =="),
        ("Hi {{ }}", 4, "a value is missing here"),
        ("{{ (language }}", 14, "found '}'; expected )"),
        ("{{ user|titel }}", 9, "there is no filter 'titel'; did you mean title?"),
        ("{{ language is od }}", 16, "there is no test 'od'; did you mean odd?"),
        ("{{ first_name }}", 4, "'first_name' is not defined; did you mean user.first_name?"),
        ("{{ title }}", 4, "'title' is not defined; did you mean courses[0].title?"),
        ("{{ courses[0].titel }}", 15, "'titel' is not defined; did you mean title?"),
        ("Hi *|FNAME|*", 4, "found *|FNAME|*; values are written {{ user.first_name or 'Hello' }}"),
        ("Hi %FNAME%", 4, "found %FNAME%; values are written {{ user.first_name or 'Hello' }}"),
        (
            "Hi {user.first_name}",
            4,
            "found {user.first_name}; values are written {{ user.first_name or 'Hello' }}",
        ),
    ],
)
def test_a_mistake_is_said_in_plain_words(line: str, column: int, message: str) -> None:
    assert mistakes(line) == [(column, message)]


def test_all_mistakes_of_a_line_are_found() -> None:
    found = mistakes("{{ user.fist_name }}, {{ nmae }} and {name} %FNAME%")
    assert [column for column, _ in found] == [9, 26, 45]


@pytest.mark.parametrize(
    "line",
    [
        "{{ user.first_name or 'Hello' }}, 50 % off {not a value} 100%",
        "{% if because %}{{ because.title }}{% else %}Picked for you{% endif %}",
        "{{ courses|map(attribute='title')|join(', ') }}",
        "{{ '{user.first_name}' }}",
    ],
)
def test_what_is_right_is_not_complained_about(line: str) -> None:
    assert mistakes(line) == []


def test_mistakes_of_templates_stand_in_their_file_and_those_of_names_in_the_campaign() -> None:
    bundle = TemplateBundle({"w.html.j2": "<p>\n{{ courses[0].titel }}\n", "w.txt.j2": "{{ nmae"})
    campaign = SourceText("campaigns/c.yaml", "subject: Hi\ntemplate: v\n")
    for name, expected in (
        ("w", ["templates/w.html.j2:2:15", "templates/w.txt.j2:1:1"]),
        ("v", ["campaigns/c.yaml:2:11", "campaigns/c.yaml:2:11"]),
    ):
        errors = check_templates(bundle, template=name, subject="Hi", preheader=None)
        problems = [explain_template(error, bundle, campaign) for error in errors]
        assert [f"{found.file}:{found.line}:{found.column}" for found in problems] == expected
