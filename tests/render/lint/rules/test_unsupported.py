"""What major mail clients lack."""

from __future__ import annotations

import pytest

from recmail.render.bundle import TemplateBundle
from recmail.render.email import Renderer
from recmail.render.lint import MessageLint, lint_templates
from tests.render.lint.messages import body_found, email, findings, one_course

WAY_OUT = "{{ links.unsubscribe }} {{ sender.postal_address }}"


@pytest.mark.parametrize(
    "body",
    [
        '<div style="display:flex">Words</div>',
        '<div style="display:grid">Words</div>',
        '<div style="position:absolute">Words</div>',
        '<div style="float:left">Words</div>',
        '<div style="box-sizing:border-box">Words</div>',
        '<div style="background-image:url(https://acme.example/a.png)">Words</div>',
        '<div style="background:url(https://acme.example/a.png)">Words</div>',
        '<div style="width:calc(100% - 2px)">Words</div>',
        '<div style="font-size:1.2rem">Words</div>',
        '<div style="color:var(--ink)">Words</div>',
        '<div style="visibility:collapse">Words</div>',
        "<form>Words</form>",
        '<link rel="stylesheet" href="https://acme.example/a.css">',
        "<div hidden>Words</div>",
        "<button>Words</button>",
        '<img src="https://acme.example/a.svg?v=1" alt="A" width="9">',
        '<img src="https://acme.example/a.WEBP" alt="A" width="9">',
    ],
)
def test_what_is_lost_in_a_major_client_is_found(body):
    assert body_found(body) == ["unsupported"]


@pytest.mark.parametrize(
    "body",
    [
        '<div style="border-radius:4px; box-shadow:0 0 calc(2px) rgba(0,0,0,.2)">Words</div>',
        '<div style="position:relative; float:none; border-spacing:0; z-index:auto">Words</div>',
        '<div style="background:#fff url(https://acme.example/a.png) no-repeat">Words</div>',
        '<div style="background-image:linear-gradient(#fff, #eee); background-color:#fff">Words</div>',
        '<div style="display:none; visibility:hidden; position:absolute">Words</div>',
        '<div style="mso-line-height-rule:exactly; -webkit-text-size-adjust:100%">Words</div>',
        '<link rel="stylesheet" href="https://fonts.example/css?family=Inter">',
        '<!--[if mso]><v:rect style="position:absolute"><![endif]-->Words',
        '<img src="https://acme.example/svg" alt="A" width="9">',
        '<div style="width:100%; max-width:640px; margin:0 auto; padding:1em">Words</div>',
    ],
)
def test_what_is_harmless_or_no_effect_is_not(body):
    assert body_found(body) == []


def test_what_stands_in_media_queries_is_an_addition():
    assert (
        body_found("", style="@media (max-width: 600px) { .a { display: flex; position: absolute } }") == []
    )
    assert body_found("", style="@supports (display: grid) { .a { display: grid } }") == []
    assert body_found("", style="@font-face { font-family: A; src: url(a.woff) }") == []
    assert body_found("", style="a:hover { position: absolute }") == []
    assert body_found("", style="p::before { content: '*' }") == ["unsupported"]
    assert body_found("", style='@import url("https://acme.example/a.css");') == ["unsupported"]


def test_a_finding_says_who_what_happens_and_what_to_write():
    (finding,) = findings(email('<div style="visibility:hidden">Words</div>'))
    assert finding.found == "visibility: in Gmail, Outlook for Windows what is hidden is seen"
    assert finding.fix == "use display:none, or {% if %}"


def test_what_belongs_together_is_one_finding():
    style = "display:flex; align-items:center; justify-content:center; flex-wrap:wrap; gap:8px"
    assert body_found(f'<div style="{style}">Words</div>') == ["unsupported"]


def test_in_templates_the_first_place_is_said():
    css = "/* .a */\n.b { color: red }\n.c {\n  display: flex; }\n.d { display: inline-flex }"
    style = '<style>{% include "a.css" %}\n.e { float: left }</style>'
    html = f'{style}\n<p style="width:calc(1px)">{WAY_OUT}</p>'
    bundle = TemplateBundle({"a.html.j2": html, "a.css": css, "a.txt.j2": WAY_OUT, "b.css": ".x{float:left}"})
    found = [(one.template, one.line, one.found.partition(":")[0]) for one in lint_templates(bundle, "a")]
    assert sorted(found) == [
        ("a.css", 4, "flexbox"),
        ("a.html.j2", 2, "float"),
        ("a.html.j2", 3, "CSS calc() function"),
    ]


def test_values_in_styles_are_left_open():
    html = (
        '<p style="background: {{ brand.paper }} url(a.png); color: {{ brand.ink }}; {{ date }}: b">'
        + WAY_OUT
    )
    bundle = TemplateBundle({"a.html.j2": html, "a.txt.j2": WAY_OUT})
    assert [one.rule for one in lint_templates(bundle, "a")] == ["unsupported"]
    bundle = TemplateBundle({**bundle.files, "a.html.j2": html.replace("}} url(a.png)", "}}")})
    assert lint_templates(bundle, "a") == []


def test_a_message_and_its_template_say_the_same():
    css = "\n.c { display: flex }"
    html = f'<html><head><style>{{% include "a.css" %}}</style></head><body><p class="c">{WAY_OUT}</p></body>'
    bundle = TemplateBundle({"a.html.j2": html, "a.css": css, "a.txt.j2": WAY_OUT})
    values = one_course()
    sent = Renderer(bundle, template="a", subject="Hello", preheader="x" * 50).render(values, user_id="u1")
    found = [one for one in MessageLint(bundle).findings(sent, values) if one.rule == "unsupported"]
    assert found == lint_templates(bundle, "a")
    assert [(one.template, one.line) for one in found] == [("a.css", 2)]
