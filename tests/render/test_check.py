"""Checking templates without people: every mistake, in file order, and no false alarm."""

from __future__ import annotations

from pathlib import Path

import pytest

from recmail.errors import RenderError
from recmail.render.bundle import TemplateBundle, load_bundle
from recmail.render.check import check_templates
from recmail.render.environment import make_environment, run

TEMPLATES = Path(__file__).parents[2] / "templates"


def mistakes(html: str = "", *, subject: str = "Hi", preheader: str | None = None, **files: str) -> list[str]:
    names = {name.replace("_", "."): text for name, text in files.items()}
    bundle = TemplateBundle({"x.html.j2": html, "x.txt.j2": "", **names})
    found = check_templates(bundle, template="x", subject=subject, preheader=preheader)
    return [str(error) for error in found]


def test_the_shipped_templates_have_no_mistakes():
    bundle = load_bundle(TEMPLATES)
    subject = "{{ user.first_name or 'Hello' }}, {{ courses|length|plural('course') }} picked for you"
    preheader = "{{ because.title ~ ', and then?' if because else 'Picked from what you learn' }}"
    assert check_templates(bundle, template="weekly", subject=subject, preheader=preheader) == []


def test_every_mistake_is_reported_in_file_order():
    found = mistakes(
        "{% include 'part.html.j2' %}\n{{ user.frist_name }}\n{{ usr }}{{ courses|lenght }}",
        subject="{{ courses[0].titel }}",
        preheader="{{ becuase.title }}",
        part_html_j2="\n{{ sender.nmae }}",
    )
    assert found == [
        "subject:1: 'titel' is not defined; did you mean title?",
        "preheader:1: 'becuase' is not defined; did you mean because?",
        "x.html.j2:2: 'frist_name' is not defined; did you mean first_name?",
        "x.html.j2:3: 'usr' is not defined; did you mean user?",
        "x.html.j2:3: there is no filter 'lenght'; did you mean length?",
        "part.html.j2:2: 'nmae' is not defined; did you mean name?",
    ]


def test_branches_that_nobody_reaches_are_checked():
    assert mistakes("{% if false %}{{ user.frist_name }}{% else %}{{ user.lats_name }}{% endif %}") == [
        "x.html.j2:1: 'frist_name' is not defined; did you mean first_name?",
        "x.html.j2:1: 'lats_name' is not defined; did you mean last_name?",
    ]


@pytest.mark.parametrize(
    "source",
    [
        "{% for c in courses %}{{ c.titel }}{% endfor %}",
        "{% for b in blocks %}{% for c in b.courses %}{{ c.titel }}{% endfor %}{% endfor %}",
        "{% for c in courses[:2]|list|sort(attribute='title') %}{{ c.titel }}{% endfor %}",
        "{{ courses[0].titel }}",
        "{{ (courses|first).titel }}",
        "{{ courses[0]['titel'] }}",
        "{% set c = courses[0] %}{{ c.titel }}",
        "{% with c = courses[0] %}{{ c.titel }}{% endwith %}",
        "{{ (courses[0] if because else courses[0]).titel }}",
        "{{ courses|map(attribute='titel')|join }}",
        "{{ courses|selectattr('titel')|list|length }}",
        "{% for c in courses|rejectattr('reason') %}{{ c.titel }}{% endfor %}",
        "{% macro card(course) %}{{ course.titel }}{% endmacro %}{{ card(courses[0]) }}",
        "{% macro card(course) %}{{ course.titel }}{% endmacro %}{{ card(course=courses[0]) }}",
        "{% macro a(c) %}{{ b(c) }}{% endmacro %}{% macro b(c) %}{{ c.titel }}{% endmacro %}"
        "{{ a(courses[0]) }}",
        "{% macro a(c) %}{{ caller(c) }}{% endmacro %}{% call a(courses[0].titel) %}x{% endcall %}",
        "{% filter upper %}{{ courses[0].titel }}{% endfilter %}",
        "{% set x %}{{ courses[0].titel }}{% endset %}{{ x }}",
        "{{ 'a' ~ courses[0].titel }}",
        "{{ 'x' if courses[0].titel == 1 else 'y' }}",
    ],
)
def test_a_wrong_field_is_found_wherever_courses_go(source):
    assert mistakes(source) == ["x.html.j2:1: 'titel' is not defined; did you mean title?"]


@pytest.mark.parametrize(
    "source",
    [
        "{{ user.first_name.upper() }} {{ user.get('first_name') }} {{ user.items()|list|length }}",
        "{% for c in courses %}{{ loop.index }} {{ loop.cycle('a', 'b') }}{% endfor %}",
        "{% for c in courses if c.url %}{{ loop.last }}{% else %}{{ user.country }}{% endfor %}",
        "{% set seen = namespace(n=0) %}{% set seen.n = seen.n + 1 %}{{ seen.n }}{{ range(3)|join }}",
        "{% if nickname is defined %}{{ nickname }}{% endif %}",
        "{{ colour|default('red') }}{{ user.nick|d('') }}",
        "{% macro a(x, y='z') %}{{ x.anything }}{{ y }}{{ varargs }}{{ caller() }}{% endmacro %}",
        "{% macro a(x) %}{% if x %}{{ a(x) }}{% endif %}{% endmacro %}{{ a(user) }}",
        "{% set x = 1 %}{% for k, v in user.items() %}{{ k }}{{ v.x }}{{ x }}{% endfor %}",
        "{% macro wrap() %}{{ caller(1) }}{% endmacro %}{% call(c) wrap() %}{{ c.x }}{% endcall %}",
        "{% block a %}{{ self.b() }}{% endblock %}{% block b %}{{ subject }}{{ preheader }}{% endblock %}",
        "{% include 'none.html.j2' ignore missing %}{% include ['a', 'b'] ignore missing %}",
        "{{ courses|groupby('category')|list }}{{ courses|sum(attribute='price_minor') }}",
        "{{ date[:4] }}{{ user[language or 'country'] }}{{ courses[courses|length - 1].title }}",
        "{{ date.split('-')|first }}{{ links.images }}{{ direction }}{{ language }}",
    ],
)
def test_what_works_is_not_reported(source):
    assert mistakes(source) == []


def test_the_campaigns_lines_do_not_see_the_bodys_names():
    assert mistakes(subject="{{ preheader }}") == ["subject:1: 'preheader' is not defined"]


def test_included_and_inherited_templates_see_the_names_around_them():
    layout = (
        "{% block top %}{% endblock %}{{ title }}"
        "{% for c in courses %}{% block row scoped %}{% endblock %}{% endfor %}"
    )
    child = (
        "{% extends 'layout.html.j2' %}{% set title = 'T' %}{% import 'cards.html.j2' as cards %}"
        "{% block top %}{{ title }}{{ cards.card(courses[0]) }}"
        "{% for k in courses %}{% include 'k.html.j2' %}{% endfor %}{% endblock %}"
        "{% block row %}{{ c.title }}{% endblock %}"
    )
    cards = "{% macro card(c) %}{{ c.title }}{% endmacro %}"
    files = {"layout_html_j2": layout, "cards_html_j2": cards, "k_html_j2": "{{ k.title }}"}
    assert mistakes(child, **files) == []
    broken = files | {"k_html_j2": "{{ k.titel }}", "cards_html_j2": cards.replace("title", "titel")}
    assert mistakes(child, **broken) == [
        "cards.html.j2:1: 'titel' is not defined; did you mean title?",
        "k.html.j2:1: 'titel' is not defined; did you mean title?",
    ]


def test_an_import_without_context_does_not_see_the_persons_names():
    cards = "{% macro card() %}{{ user.first_name }}{% endmacro %}"
    assert mistakes("{% from 'c.html.j2' import card %}{{ card() }}", c_html_j2=cards) == [
        "c.html.j2:1: 'user' is not defined"
    ]
    assert mistakes("{% from 'c.html.j2' import card with context %}{{ card() }}", c_html_j2=cards) == []


def test_macros_that_nobody_calls_are_checked_too():
    assert mistakes("{% macro a() %}\n{{ usr }}{% endmacro %}") == [
        "x.html.j2:2: 'usr' is not defined; did you mean user?"
    ]


def test_unknown_macros_of_a_module_are_reported():
    cards = "{% macro card(c) %}{{ c }}{% endmacro %}"
    assert mistakes("{% import 'c.html.j2' as cards %}{{ cards.crad(1) }}", c_html_j2=cards) == [
        "x.html.j2:1: 'crad' is not defined; did you mean card?"
    ]


def test_missing_files_are_reported_where_they_are_asked_for():
    assert mistakes("\n{% include 'crad.html.j2' %}", card_html_j2="") == [
        "x.html.j2:2: there is no template 'crad.html.j2' in the templates folder; did you mean card.html.j2?"
    ]
    bundle = TemplateBundle({"weekly.html.j2": ""})
    found = check_templates(bundle, template="weekly", subject="Hi", preheader=None)
    assert [error.message for error in found] == [
        "there is no template 'weekly.txt.j2' in the templates folder; did you mean weekly.html.j2?"
    ]


def test_syntax_errors_of_several_files_are_all_reported():
    found = mistakes("{% include 'c.html.j2' %}", subject="{{ user.", c_html_j2="a\n{% endfor %}")
    assert [line.split(": ")[0] for line in found] == ["subject:1", "c.html.j2:2"]


def test_what_only_the_compiler_sees_is_reported():
    assert mistakes("{% block a %}{% endblock %}\n{% block a %}{% endblock %}") == [
        "x.html.j2:2: block 'a' defined twice"
    ]


def test_unknown_tests_and_fields_of_plain_values_and_lists_are_reported():
    assert mistakes("{{ 1 is evne }}\n{{ date.year }}\n{{ courses.title }}") == [
        "x.html.j2:1: there is no test 'evne'; did you mean even?",
        "x.html.j2:2: 'year' is not defined: this is a plain value",
        "x.html.j2:3: 'title' is not defined: this is a list; use one of its items, or a for loop",
    ]


@pytest.mark.parametrize(
    "use",
    [
        "{% include 'c.txt.j2' %}",
        "{% include ['none', 'c.txt.j2'] ignore missing %}",
        "{% include 'c.txt.j2' if courses else 'none' %}",
        "{% import 'c.txt.j2' as c with context %}",
        "{% from 'c.txt.j2' import card %}",
        "{% extends 'c.txt.j2' %}",
    ],
)
def test_a_template_of_the_text_is_refused_in_the_html(use: str) -> None:
    [found] = mistakes("\n" + use, c_txt_j2="{% macro card() %}{% endmacro %}")
    assert found.startswith("x.html.j2:2: 'c.txt.j2' cannot be used in HTML: it prints names as they are")
    assert found.endswith("write it as 'c.html.j2' and use that")
    assert mistakes(x_txt_j2=use, c_txt_j2="{% macro card() %}{% endmacro %}") == []


def test_it_is_also_refused_where_a_part_of_the_html_uses_it() -> None:
    [found] = mistakes("{% include 'a.html.j2' %}", a_html_j2="\n{% include 'b.j2' %}", b_j2="")
    assert found.startswith("a.html.j2:2: 'b.j2' cannot be used in HTML")


def test_a_template_of_the_html_is_refused_in_the_text_and_in_the_subject() -> None:
    use = "{% include 'c.html.j2' %}"
    found = mistakes(use, subject=use, x_txt_j2=use, c_html_j2="")
    assert [one.split(" cannot be used in ")[0] for one in found] == [
        "subject:1: 'c.html.j2'",
        "x.txt.j2:1: 'c.html.j2'",
    ]
    assert all("plain text: it prints names for HTML" in one and "'c.txt.j2' and use" in one for one in found)


def test_styles_may_be_used_in_the_html() -> None:
    assert mistakes("{% include 'a.css' %}", a_css="a {}") == []


def test_a_template_whose_name_is_only_known_later_is_refused_then() -> None:
    bundle = TemplateBundle(
        {"x.html.j2": "{% include 'c.' ~ user.kind ~ '.j2' %}", "c.txt.j2": "{{ user.first_name }}"}
    )
    template = make_environment(bundle).get_template("x.html.j2")
    with pytest.raises(RenderError, match=r"'c\.txt\.j2' cannot be used in HTML"):
        run(template, {"user": {"kind": "txt", "first_name": "<script>"}}, user_id="u1")
