"""Values that may be None."""

from __future__ import annotations

from pathlib import Path

import pytest

from recmail.render.bundle import TemplateBundle, load_bundle
from recmail.render.lint import lint_templates

WAY_OUT = "{{ links.unsubscribe }} {{ sender.postal_address }}"


def bare(html: str, **files: str) -> list[tuple[str, int, str]]:
    """Return each value that is printed bare, with file and line."""
    others = {f"{name}.html.j2": text for name, text in files.items()}
    bundle = TemplateBundle({"a.html.j2": html + WAY_OUT, "a.txt.j2": WAY_OUT, **others})
    found = [finding for finding in lint_templates(bundle, "a") if finding.rule == "nullable-value"]
    return [(finding.template, finding.line, finding.found.partition(" may be")[0]) for finding in found]


@pytest.mark.parametrize(
    "html",
    [
        "{{ user.first_name }}",
        "{{ user['first_name'] }}",
        "{{ user.first_name|upper }}",
        "{{ user.first_name|e }}",
        "{{ user.first_name|default('there') }}",
        "{{ 'Hello ' ~ user.first_name }}",
        "{{ user.first_name if user.last_name else '' }}",
        "{{ user.first_name or user.first_name }}",
        "{{ user.last_name and user.first_name }}{# either may be None #}",
        "{% if user.first_name or user.last_name %}{{ user.first_name }}{% endif %}",
        "{% if not user.first_name %}{{ user.first_name }}{% endif %}",
        "{% if user.first_name %}Hello{% else %}{{ user.first_name }}{% endif %}",
        "{% if user.first_name is none %}{{ user.first_name }}{% endif %}",
        "{% if user.first_name %}Hello{% endif %}{{ user.first_name }}",
        "{% if user.first_name != 'Ana' %}{{ user.first_name }}{% endif %}",
    ],
)
def test_printed_bare_is_found(html):
    assert {value for _, _, value in bare(html)} in ({"user.first_name"}, {"the value"})


@pytest.mark.parametrize(
    "html",
    [
        "{{ user.first_name or 'there' }}",
        "{{ user.first_name or user.last_name or '' }}",
        "{{ user.first_name|default('there', true) }}",
        "{{ user.first_name|d('there', boolean=true) }}",
        "{{ (user.first_name or '')|upper }}",
        "{{ user.first_name if user.first_name else 'there' }}",
        "{{ user.first_name if user.first_name is not none else 'there' }}",
        "{{ 'there' if user.first_name is none else user.first_name }}",
        "{{ 'Hello ' ~ user.first_name if user.first_name }}",
        "{% if user.first_name %}{{ user.first_name|upper }}{% endif %}",
        "{% if user.first_name and user.last_name %}{{ user.first_name ~ user.last_name }}{% endif %}",
        "{% if user.first_name is not none %}{{ user.first_name }}{% endif %}",
        "{% if user.first_name != none %}{{ user.first_name }}{% endif %}",
        "{% if user.first_name == 'Ana' %}{{ user.first_name }}{% endif %}",
        "{% if not user.first_name %}Hello{% else %}{{ user.first_name }}{% endif %}",
        "{% if not user.first_name or not date %}x{% elif 1 %}{{ user.first_name }}{% endif %}",
        "{% if date %}x{% elif user.first_name %}{{ user.first_name }}{% endif %}",
        "{% set name = user.first_name or 'there' %}{{ name }}",
        "{{ courses[0].price_minor|price(courses[0].currency) }}",
        "{{ courses[0].duration_min|duration }}",
        "{{ courses[0].title }}",
        "{% if because %}{{ because.title }}{% endif %}",
        "{{ because.title if because else '' }}",
        "{% if courses[0].price_minor > 0 %}{{ courses[0].price_minor }}{% endif %}",
    ],
)
def test_what_is_asked_about_is_good(html):
    assert bare(html) == []


def test_fields_of_what_may_be_none_are_found():
    assert bare("\n{{ because.title }}") == [("a.html.j2", 2, "because")]


def test_names_that_are_set_keep_what_they_hold():
    assert bare("{% set name = user.first_name %}\n{{ name }}") == [("a.html.j2", 2, "name")]
    assert bare("{% set name = user.first_name %}{% if name %}{{ name }}{% endif %}") == []
    once_more = "{% set name = 'x' %}{% if name %}{% set name = user.first_name %}{{ name }}{% endif %}"
    assert [value for _, _, value in bare(once_more)] == ["name"]


def test_loops_know_their_items():
    loop = "{% for course in courses COND %}\n{{ course.subtitle }}{% endfor %}"
    assert bare(loop.replace("COND", "")) == [("a.html.j2", 2, "course.subtitle")]
    assert bare(loop.replace("COND", "if course.subtitle")) == []
    inner = (
        "{% for course in courses %}{% if course.subtitle %}{% for course in courses %}{{ course.subtitle }}"
    )
    assert bare(inner + "{% endfor %}{% endif %}{% endfor %}") == [("a.html.j2", 1, "course.subtitle")]


def test_macros_know_what_their_caller_asked():
    macro = "{% macro sub(course) %}\n{{ course.subtitle }}{% endmacro %}"
    call = "{% import 'm.html.j2' as m %}{% for one in courses %}COND{{ m.sub(one) }}{% endfor %}"
    assert bare(call.replace("COND", ""), m=macro) == [("m.html.j2", 2, "course.subtitle")]
    asked = call.replace("COND", "{% if one.subtitle %}").replace("{% endfor %}", "{% endif %}{% endfor %}")
    assert bare(asked, m=macro) == []
    other = call.replace("COND", "{% if one.reason %}").replace("{% endfor %}", "{% endif %}{% endfor %}")
    assert len(bare(other, m=macro)) == 1


def test_includes_know_what_is_around_them():
    assert (
        bare("{% if user.first_name %}{% include 'i.html.j2' %}{% endif %}", i="{{ user.first_name }}") == []
    )
    assert bare("{% include 'i.html.j2' %}", i="{{ user.first_name }}") == [
        ("i.html.j2", 1, "user.first_name")
    ]


def test_the_lines_of_the_campaign_are_looked_at():
    bundle = TemplateBundle({"a.html.j2": WAY_OUT, "a.txt.j2": WAY_OUT})
    found = lint_templates(
        bundle, "a", subject="Hello {{ user.first_name }}", preheader="{{ user.country or '' }}"
    )
    assert [(finding.template, finding.line) for finding in found] == [("subject", 1)]
    assert "{{ user.first_name or '…' }}" in found[0].fix


def test_the_text_part_is_looked_at():
    bundle = TemplateBundle({"a.html.j2": WAY_OUT, "a.txt.j2": WAY_OUT + "\n{{ preheader }}"})
    assert [(finding.template, finding.line) for finding in lint_templates(bundle, "a")] == [("a.txt.j2", 2)]


def test_the_shipped_templates_ask_about_all_of_them():
    bundle = load_bundle(Path(__file__).parents[4] / "templates")
    assert lint_templates(bundle, "weekly", subject="{{ user.first_name or 'Hello' }}") == []
