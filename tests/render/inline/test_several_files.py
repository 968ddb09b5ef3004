"""Includes, imports and inheritance: inlined once as premailer makes each message, or reported in their file."""

# ruff: noqa: E501 - a template reads better in one line

from __future__ import annotations

import pytest

from tests.render.inline.pages import differences, page, reasons

LAYOUT = page(
    "{% set title %}<b class='t'>{{ x }}</b>{% endset %}{% macro own(z) %}<i class='u'>{{ z }}</i>{% endmacro %}"
    "<div class='w'>{% block top %}<p class='a'>{{ x }}</p>{% endblock %}</div>{% block main %}{% endblock %}"
    "{% for i in items %}{% block row scoped %}{{ i.k }}{% endblock %}{% endfor %}"
)
CARDS = (
    "{% macro card(z) %}<p class='a{% if z.on %} b{% endif %}'>{{ name(z) }}</p>{% endmacro %}"
    "{% macro name(z) %}<b class='t'>{{ z.k }}</b>{% endmacro %}{% set _hidden = 1 %}"
)
SETS = {
    "an include in a loop": (
        "<div class='w'>{% for i in items %}{% include 'part.html.j2' %}{% endfor %}</div>",
        {"part_html_j2": "<p class='t{% if i.on %} a{% endif %}'>{{ i.k }}</p>"},
    ),
    "an include in two places": (
        "<table><tr><td class='a'>{% include 'part.html.j2' %}</td></tr></table>{% include 'part.html.j2' %}",
        {"part_html_j2": "<p class='a'>{{ x }}</p>"},
    ),
    "a header and a footer that are halves": (
        "{% include 'head.html.j2' %}<b class='t'>{{ x }}</b>{% include 'foot.html.j2' %}",
        {"head_html_j2": "<div class='w'><p>", "foot_html_j2": "</p></div>"},
    ),
    "an include that may be missing": ("<p class='a'>x</p>{% include 'none.html.j2' ignore missing %}", {}),
    "an include without context": (
        "{% set s %}<b class='a'>x</b>{% endset %}{% include 'part.html.j2' without context %}",
        {"part_html_j2": "<p class='a'>{% if s is defined %}{{ s }}{% endif %}</p>"},
    ),
    "imported macros": (
        "{% import 'cards.html.j2' as c %}<div class='w'>{% for i in items %}{{ c.card(i) }}{% endfor %}</div>",
        {"cards_html_j2": CARDS},
    ),
    "imported macros by another name": (
        "{% from 'cards.html.j2' import card as c, name with context %}"
        "<div class='w'>{% for i in items %}{{ c(i) }}{% endfor %}</div>",
        {"cards_html_j2": CARDS},
    ),
    "a stylesheet of its own": (
        "<style media='screen'>{% include 's.css' %}</style><style media='print'>.a { left: 9px }</style><p class='a'>x</p>",
        {"s_css": ".a { left: 8px } a:hover { top: 0 }"},
    ),
    "a file that does not escape and prints nothing": (
        "<p class='a'>{% include 'words.txt' %}</p>",
        {"words_txt": "<b class='a'>words</b>"},
    ),
}


@pytest.mark.parametrize(("body", "files"), SETS.values(), ids=SETS)
def test_several_files_come_out_as_premailer_makes_each_message(body, files):
    assert differences(page(body), **files) == []


CHILDREN = {
    "a child": "{% block main %}<p class='a'>{{ x }}</p>{% endblock %}",
    "super": "{% block top %}<p class='t'>before</p>{{ super() }}{% if f %}{{ super() }}{% endif %}{% endblock %}",
    "names of the layout": "{% block main %}{{ title }}{{ own(x) }}{% endblock %}",
    "names of the child": "{% set mine %}<b class='a'>x</b>{% endset %}{% block main %}{{ mine }}{% endblock %}",
    "macros of the child": "{% macro m(z) %}<b class='a'>{{ z }}</b>{% endmacro %}{% block main %}{{ m(x) }}{% endblock %}",
    "a scoped block": "{% block row %}<p class='{% if i.on %}a{% endif %}'>{{ i.k }}</p>{% endblock %}",
    "a block in a block": "{% block main %}<div class='w'>{% block inner %}<b class='t'>x</b>{% endblock %}</div>{% endblock %}",
    "text that is not printed": "<p class='a'>lost</p>{% block main %}{% endblock %}",
}


@pytest.mark.parametrize("child", CHILDREN.values(), ids=CHILDREN)
@pytest.mark.parametrize("deep", [False, True], ids=["two deep", "three deep"])
def test_inheritance_comes_out_as_premailer_makes_each_message(child, deep):
    between = "{% extends 'layout.html.j2' %}{% block main %}<i class='b'>{{ x }}</i>{% endblock %}"
    files = {"layout_html_j2": LAYOUT, "between_html_j2": between}
    assert differences(f"{{% extends '{'between' if deep else 'layout'}.html.j2' %}}{child}", **files) == []


REFUSED_SETS = {
    "an include in two contexts": (
        "<div class='w'>{% include 'part.html.j2' %}</div>{% include 'part.html.j2' %}",
        "<b class='t'>x</b>",
        "part.html.j2:1: <b> is styled differently in two places where this is used",
    ),
    "a name that layout and child set": (
        "{% import 'part.html.j2' as part %}{% macro m() %}<b>1</b>{% endmacro %}"
        "{% from 'part.html.j2' import m %}\n{{ m() }}",
        "{% macro m() %}<i>2</i>{% endmacro %}",
        "x.html.j2:2: 'm' is set in two places, and holds markup; use two names",
    ),
    "an include that closes what it did not open, sometimes": (
        "<div>{% if f %}{% include 'part.html.j2' %}{% endif %}</div>",
        "\n</div><div>",
        "part.html.j2:2: </div> in a condition or loop that did not open it",
    ),
    "an include of itself": ("{% include 'part.html.j2' %}", "{% include 'part.html.j2' %}", "part.html.j2"),
    "an include in a tag": (
        "<p\n{% include 'part.html.j2' %}>x</p>",
        "class=a",
        "x.html.j2:2: only values and",
    ),
    "a missing include": (
        "\n{% include 'prat.html.j2' %}",
        "",
        "x.html.j2:2: there is no template 'prat.html.j2'",
    ),
}


@pytest.mark.parametrize(("body", "part", "said"), REFUSED_SETS.values(), ids=REFUSED_SETS)
def test_several_files_that_cannot_be_told_say_where(body, part, said):
    found = reasons(page(body, css=".w .t { top: 0 }"), part_html_j2=part)
    assert any(one.startswith(said) for one in found), found


def test_values_in_files_that_do_not_escape_are_reported():
    found = reasons(page("{% include 'part.txt' %}"), part_txt="<b>\n{{ x }}</b>")
    assert found == ["part.txt:2: only files named ….html.j2 escape what they print; rename this one"]
