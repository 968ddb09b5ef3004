"""Templates that are hard to inline once: each must be right, by inlining it once or by saying why not."""

# ruff: noqa: E501 - a template reads better in one line

from __future__ import annotations

import pytest

from tests.render.inline.pages import CSS, differences, page, reasons

ONCE = {
    "a descendant selector": '<div class="w"><p class="t">x</p><b class="u">y</b><p><b class="u">z</b></p></div>',
    "a conditional class": '<p class="b{% if f %} a{% endif %}">x</p>',
    "a conditional class by constants": "<p class=\"{{ 'a' if f else 'b' }}\">x</p>",
    "a constant in a class": """<p class="{{ 'a' }} {{ 'b' if f else 'a' if g else 'w' }}">x</p>""",
    "a constant in a style": """<p class="a" style="{{ 'left:1px' if f else 'top:1px' }};bottom:{{ 2 }}px">x</p>""",
    "a constant in an attribute that a rule sets": """<p class="b" align="{{ 'left' if f else 'right' if g else '' }}">x</p>""",
    "quotes in a style": """<p class="a" style="font-family:'X Y', &quot;Z&quot;">x</p>""",
    "elif in a class": '<p class="{% if f %}a{% elif g %}b{% else %}c{% endif %}">x</p>',
    "two conditions in a tag": '<p class="{% if f %}a{% endif %} {% if g %}b{% endif %}">x</p>',
    "a condition in a condition": '<p class="{% if f %}a{% if g %} b{% endif %}{% endif %}">x</p>',
    "a conditional attribute": '<p {% if f %}class="a" title="{{ x }}"{% endif %}>x</p>',
    "a conditional attribute without a space": '<p{% if f %} class="a"{% endif %}>x</p>',
    "a conditional id": '<p{% if f %} id="i"{% endif %}>x</p>',
    "a conditional style attribute": '<p class="a"{% if f %} style="color:blue;left:1px"{% endif %}>x</p>',
    "a condition inside a style attribute": '<p class="a" style="left:1px{% if f %};color:blue{% endif %}">x</p>',
    "a conditional width": '<td class="a"{% if f %} width="9"{% endif %}>x</td>',
    "a guarded condition": '<p class="{% if nothing %}{% if nothing.k %}a{% endif %}{% endif %}b">x</p>',
    "a condition in a loop": '{% for i in items %}<p class="{% if i.on %}a{% else %}b{% endif %}">x</p>{% endfor %}',
    "a condition on the loop": '{% for i in items %}<p{% if loop.first %} class="a"{% endif %}>x</p>{% endfor %}',
    "a conditional element": '{% if f %}<p class="a">x</p>{% else %}<b class="b">y</b>{% endif %}<p>z</p>',
    "a conditional table row": "<table>{% if f %}<tr><td class=a>x</td></tr>{% endif %}</table>",
    "nested conditional elements": '<div class="w">{% if f %}<p>{% if g %}<b class="t">x</b>{% endif %}</p>{% endif %}</div>',
    "a macro in two contexts with one result": (
        '{% macro m(t) %}<b class="a">{{ t }}</b>{% endmacro %}<div class="w">{{ m(x) }}</div>{{ m("<i>") }}'
    ),
    "a macro in a macro": (
        '{% macro m(t) %}<b class="a">{{ t }}</b>{% endmacro %}'
        '{% macro n(t) %}<p class="b">{{ m(t) }}</p>{% endmacro %}{{ n(x) }}'
    ),
    "a macro of words in an expression": (
        "{% macro m() %}{% if f %}one & two{% else %}{{ x }}{% endif %}{% endmacro %}"
        '<p class="a" title="{{ m() }}">{{ [m(), x]|select|join(" · ") }}{{ m()|upper }}</p>'
    ),
    "a call block": (
        '{% macro m() %}<div class="w">{{ caller() }}</div>{% endmacro %}{% call m() %}<b class="t">{{ x }}</b>{% endcall %}'
    ),
    "a call block with arguments": (
        '{% macro m() %}{% for i in items %}<p class="w">{{ caller(i) }}</p>{% endfor %}{% endmacro %}'
        '{% call(i) m() %}<b class="t{% if i.on %} a{% endif %}">{{ i.k }}</b>{% endcall %}'
    ),
    "a call block, the caller an argument": (
        "{% macro m(k, caller=none) %}<div class='w'>{{ k }}{{ caller() }}</div>{% endmacro %}"
        "{% call m(x) %}<b class='t'>x</b>{% endcall %}"
    ),
    "a call block of words": "{% macro m() %}<p class='a'>{{ caller() }}</p>{% endmacro %}{% call m() %}one{% endcall %}",
    "a set block": '{% set s %}<b class="t">{{ x }}</b>{% endset %}<div class="w">{{ s }}</div>',
    "a set block of words": '{% set s %}{{ x }} & more{% endset %}<p class="a" title="{{ s }}">{{ s|upper }}</p>',
    "a set block of words with filter": '{% set s | upper %}{{ x }}{% endset %}<p class="a">{{ s }}</p>',
    "markup handed to a macro": (
        '{% macro m(s) %}<div class="w">{{ s }}</div>{% endmacro %}{% set s %}<b class="t">x</b>{% endset %}{{ m(s) }}'
    ),
    "one macro or the other": (
        '{% macro m() %}<b class="a">1</b>{% endmacro %}{% macro n() %}<i class="b">2</i>{% endmacro %}'
        "{{ m() if f else n() }}"
    ),
    "with": '{% with y = x %}<p class="a">{{ y }}</p>{% endwith %}',
    "an uppercase tag": '<P CLASS="a">x</P><TABLE><TR><TD>y</TD></TR></TABLE>',
    "a table without tbody": '<table class="w"><tr><td class="t">x</td></tr></table>',
    "an unquoted attribute that is constant": "<p class=a>x</p><br class=b>",
    "a void element closed with a slash": '<img class="a" src="https://a.example/"/><br class=\'b\' />',
    "entities": '<p class="a" title="&lt;&quot;&#39;">&nbsp;&amp;&#8199;&eacute;</p>',
    "a comment for Outlook": '<!--[if mso]><p class="a">{{ x }}<![endif]--><p class="a">y</p>',
    "a comment for all but Outlook": '<!--[if !mso]><!--><p class="a">y</p><!--<![endif]-->',
    "a condition around a comment": '{% if f %}<!-- x -->{% endif %}<p class="a">y</p>',
    "a condition in a comment": '<!-- x {% if f %} y {% endif %} z --><p class="a">y</p>',
    "a template comment in a tag": '<p {# why #}class="a"{# x #}>y</p>',
    "a value in a style attribute that no rule meets": '<b style="width:{{ n }}%">x</b>',
    "a value in an attribute": '<p class="a" title="{{ x }}" lang=\'{{ x }}\'>x</p>',
    "a value beside text that looks like a tag": '<p class="a">1 < 2 {{ x }} > 3 & {{ x }};</p>',
    "inline style against rule": '<p class="a" style="color:blue;font-size:1px">x</p>',
    "style that is one word": '<p style="p">x</p>',
    "trimmed blocks": '<p class="a">\n  {%- if f -%}\n  x\n  {%- endif -%}\n</p>',
    "a filter block that trims": '{% filter trim %} <p class="a">x</p> {% endfilter %}',
    "an id": '<p id="i" class="w"><b class="u">x</b></p>',
    "a filtered loop": '{% for i in items|selectattr("on") %}<p class="{% if i.k %}a{% endif %}">x</p>{% endfor %}',
    "a namespace": '{% set ns = namespace(c=0) %}{% for i in items %}{% set ns.c = ns.c + 1 %}<p class="a">{{ ns.c }}</p>{% endfor %}',
    "a title": '<p class="a">x</p>',
}


@pytest.mark.parametrize("body", ONCE.values(), ids=ONCE)
def test_inlined_once_it_is_as_premailer_makes_each_message(body):
    assert differences(page(body, head="<title>{{ x }} & {% if f %}more{% endif %}</title>")) == []


STYLES = {
    "important": "p { color: red !important; top: 1px } .a { color: blue }",
    "ties of specificity": ".a { color: red } .b { color: blue } .a { top: 1px } p.a { top: 2px }",
    "duplicate selectors": ".a { color: red } .a { color: blue } .a, .a { left: 0 }",
    "a comma list": "h1,p , .b,\n.a { color: red }",
    "the universal selector": "* { color: red } .w * { color: blue } .a { top: 0 }",
    "fonts": "@font-face { font-family: X; src: url(https://a.example/x) } .a { font-family: X }",
    "supports": "@supports (display: grid) { .a { color: red } } .a { color: blue }",
    "media": ".a { color: red } @media (max-width: 9px) { .a { color: blue } .b { top: 0 } }",
    "dark mode": "@media (prefers-color-scheme: dark) { .a { color: #fff } } .a { color: #000 }",
    "hover": "a:hover, .a { color: red } .a:hover { color: blue } p::first-line { color: green }",
    "var": ":root { --ink: red } .a { color: var(--ink) }",
    "colours with alpha": ".a { background-color: #11223344; color: #0000001a }",
    "calc": ".a { width: calc(100% - 2px); padding: calc(1px + 2px) }",
    "an attribute selector": "p[title] { color: red } [class] { top: 0 } [lang=en] { left: 0 }",
    "uppercase selectors": "P { color: red } .A { color: blue } TD.a { top: 0 }",
    "unset": ".a { color: unset } p { width: unset }",
    "an Outlook rule": ".a { mso-line-height-rule: exactly; -webkit-text-size-adjust: 100% }",
    "quotes": ".a { font-family: \"Segoe UI\", 'X Y' } .b { background: url('https://a.example/?a=1&b=2') }",
    "nothing": "",
    "comments": "/* .a { color: red } */ .b { color: /* x */ blue }",
    "child selectors": "body > div > p { color: red } div div > .t { color: blue } td p { top: 0 }",
    "broken rules": ".a { color: red; ; top } .b { } .c } .a { left: 0 }",
    "imports": "@import url(https://a.example/x.css); @charset 'utf-8'; .a { color: red }",
}
PARTS = (
    '<div><p class="a" title="x" lang="en">{{ x }}</p><div class="w"><p class="t b">x</p></div></div>'
    '<table><tr>{% if f %}<td class="a" width="5">x</td>{% endif %}</tr></table>'
    '{% for i in items %}<p class="b{% if i.on %} a{% endif %}" style="left:1px">{{ i.k }}</p>{% endfor %}'
)


@pytest.mark.parametrize("css", STYLES.values(), ids=STYLES)
def test_styles_come_out_as_premailer_makes_them(css):
    assert differences(page(PARTS, css=css)) == []


EACH = {
    "a dynamic class": (
        '\n<p class="t-{{ x }}">x</p>',
        "x.html.j2:{line}: a class that is built from a value; write if and elif with whole class names",
    ),
    "a conditional wrapper": (
        '\n{% if f %}<div class="w">{% endif %}<b class="t">x</b>{% if f %}</div>{% endif %}',
        "x.html.j2:{line}: <div> is not closed in the condition or loop that opens it",
    ),
    "an end tag in a condition": (
        "<div>\n{% if f %}</div><div>{% endif %}</div>",
        "x.html.j2:{line}: </div> in a condition or loop that did not open it; write both in one branch",
    ),
    "a macro in two contexts": (
        '{% macro m() %}\n<b class="t">x</b>{% endmacro %}<div class="w">{{ m() }}</div>{{ m() }}',
        "x.html.j2:{line}: <b> is styled differently in two places where this is used;",
    ),
    "safe markup": (
        "\n{{ x|safe }}",
        "x.html.j2:{line}: the filter safe: what |safe prints may hold any tags",
    ),
    "a dynamic tag name": ("\n<h{{ n }}>x</h{{ n }}>", "x.html.j2:{line}: a value outside quotes in a tag"),
    "a tag name by condition": (
        "\n<h{% if f %}1{% else %}2{% endif %} class=a>x</h1>",
        "x.html.j2:{line}: ",
    ),
    "an unquoted value": ("\n<p title={{ x }}>x</p>", "x.html.j2:{line}: a value outside quotes in a tag"),
    "a value in a style attribute": (
        '\n<p class="a" style="left:{{ n }}px">x</p>',
        "x.html.j2:{line}: a value in the style attribute of a <p> that a rule matches",
    ),
    "a value in a style attribute, and unset": (
        '\n<i style="{{ x }}">x</i>',
        "x.html.j2:{line}: a value in the style attribute of a <i> that a rule matches",
    ),
    "a value in an attribute that a rule sets": (
        '\n<p class="a" width="{{ n }}">x</p>',
        "x.html.j2:{line}: a value in width, which a rule sets too; remove one of the two",
    ),
    "an unclosed tag": (
        "<p>x\n<div>y</div>",
        "x.html.j2:{line}: </body> where <p> is open; write its end tag",
    ),
    "a tag that closes another": ("<p>\n<div>y</div></p>", "x.html.j2:{line}: <div> cannot stand in <p>"),
    "a self-closed tag": ("\n<div/>", "x.html.j2:{line}: <div/> is read differently by mail clients"),
    "a set block with filter": (
        "{% set s | striptags %}{{ x }}{% endset %}\n{{ s }}",
        "x.html.j2:{line}: the filter striptags over a block may change markup",
    ),
    "unbalanced branches": (
        "\n{% if f %}<div>{% else %}<p>{% endif %}x</div>",
        "x.html.j2:{line}: <div> is not closed in the condition or loop that opens it",
    ),
    "a conditional class that rules reach through": (
        '\n<div class="{% if f %}w{% endif %}"><b class="t">x</b></div>',
        "x.html.j2:{line}: a rule for tags inside depends on .w, which this <div> has only sometimes;",
    ),
    "half an attribute by a constant": (
        """\n<p class="a" {% if f %}style{% else %}title{% endif %}="{{ 'left:0' if g else 'top:0' }}">x</p>""",
        "x.html.j2:{line}: an attribute here is one thing or another by a condition",
    ),
    "a cycle of classes": (
        """\n{% for i in items %}<p class="{{ loop.cycle('a', 'b') }}">x</p>{% endfor %}""",
        "x.html.j2:{line}: a class that is built from a value",
    ),
    "a tag that is closed with a slash or not": (
        '\n<br class="a"{% if f %}/{% endif %}>',
        "x.html.j2:{line}: a condition decides where this tag ends",
    ),
    "a no-break space in a tag": ("\n<p\u00a0class=a>x</p>", "x.html.j2:{line}: "),
    "a macro argument as class": (
        '{% macro m(kind) %}\n<b class="b-{{ kind }}">x</b>{% endmacro %}{{ m("primary") }}',
        "x.html.j2:{line}: a class that is built from a value",
    ),
    "a loop in a tag": (
        '\n<p title="{% for i in items %}x{% endfor %}">x</p>',
        "x.html.j2:{line}: only values and",
    ),
    "one name for two pieces": (
        "{% if f %}{% set s %}<b class=a>x</b>{% endset %}{% else %}{% set s %}<i>y</i>{% endset %}{% endif %}\n{{ s }}",
        "x.html.j2:{line}: 's' is set in two places, and holds markup; use two names",
    ),
    "markup in an expression": (
        "{% macro m() %}<b>x</b>{% endmacro %}\n{{ m() ~ x }}",
        "x.html.j2:{line}: markup is used inside an expression; print it by itself",
    ),
    "a comment that a value could end": (
        "\n<!-- -{{ x }}->",
        "x.html.j2:{line}: a comment could end here or not",
    ),
    "a comment that a condition could end": (
        "\n<!-- -{% if f %}-{% endif %}->",
        "x.html.j2:{line}: a comment could end here or not",
    ),
    "a call in a condition of a tag": (
        '{% set c = cycler("a", "") %}\n<p{% if c.next() %} class="a"{% endif %}>x</p>',
        "x.html.j2:{line}: a condition inside a tag that calls something",
    ),
    "a call beside a condition in a tag": (
        '{% set c = cycler("a", "") %}\n<p title="{{ c.next() }}"{% if c.current %} class="a"{% endif %}>x</p>',
        "x.html.j2:{line}: a call in a tag with a condition, which is asked twice",
    ),
    "a filtered list asked twice": (
        '{% set l = items|select %}\n<p{% if l|first %} class="a"{% endif %}>x</p>',
        "x.html.j2:{line}: a condition inside a tag that calls something",
    ),
    "autoescape off": (
        "\n{% autoescape false %}{{ x }}{% endautoescape %}",
        "x.html.j2:{line}: autoescape is not",
    ),
    "half an attribute": (
        '\n<p class="a" {% if f %}style{% else %}title{% endif %}="left:0">x</p>',
        "x.html.j2:{line}: an attribute here is one thing or another by a condition",
    ),
    "an attribute twice": (
        '\n<p class="a" class="b">x</p>',
        "x.html.j2:{line}: <p> has two attributes class",
    ),
    "a tag that is cut by a macro": (
        '{% macro m() %}<p class="a"{% endmacro %}\n{{ m() }}>x</p>',
        "x.html.j2:1: a tag or style element begins in one template or macro and ends in another",
    ),
    "endless recursion": ("{% macro m() %}{{ m() }}{% endmacro %}\n{{ m() }}", "x.html.j2:"),
    "text after a style element": (
        "\n<style>.a { top: 0 }</style> words",
        "x.html.j2:{line}: text after a style",
    ),
    "a script": ("\n<script>x</script>", "x.html.j2:{line}: <script> is not understood"),
    "seven conditions in one tag": (
        "<p" + "{% if f %} {% endif %}" * 7 + ">x</p>",
        "x.html.j2: more than 64 combinations of conditions in one tag",
    ),
    "self": (
        "{% block b %}<p>x</p>{% endblock %}\n{{ self.b() }}",
        "x.html.j2:{line}: self.… is not understood; move the words into a macro",
    ),
    "a dynamic include": ("\n{% include x %}", "x.html.j2:{line}: which template is used depends on a value"),
    "urlize": ("\n{{ x|urlize }}", "x.html.j2:{line}: the filter urlize: may print markup, or is unknown"),
    "a mapped safe": ('\n{{ items|map("safe")|join }}', "x.html.j2:{line}: the filter map"),
    "an indent of markup": ('\n{{ x|e|indent("<b>") }}', "x.html.j2:{line}: the filter indent"),
    "a method of what a macro prints": (
        "{% macro m() %}one{% endmacro %}\n{{ m().translate({111: '<b class=a>'}) }}",
        "x.html.j2:{line}: a field or method of what a macro prints",
    ),
    "a method of what a macro prints, by way of a list": (
        "{% macro m() %}one{% endmacro %}\n{{ ([m()]|map(attribute='translate')|first)({111: '<b class=a>'}) }}",
        "x.html.j2:{line}: what is called here is not understood",
    ),
    "a method of what a macro prints, by way of a loop": (
        "{% macro m() %}one{% endmacro %}{% for k in [m()] %}\n{{ k['translate']({111: '<b>'}) }}{% endfor %}",
        "x.html.j2:{line}: what is called here is not understood",
    ),
    "a filtered list in a namespace": (
        '{% set ns = namespace(k=0) %}\n{% set ns.k = items|select %}<p{% if ns.k|first %} class="a"{% endif %}>x</p>',
        "x.html.j2:{line}: what a macro or filter returns is kept in a namespace",
    ),
    "a call block that is printed nowhere": (
        "{% macro m() %}x{% endmacro %}\n{% call m() %}<b>x</b>{% endcall %}",
        "x.html.j2:{line}: what stands in this call block is printed nowhere",
    ),
    "a method of text escaped in a list": (
        "{% set l = [x]|map('e') %}{% for k in l %}\n{{ k.translate({97: '<b>'}) }}{% endfor %}",
        "x.html.j2:{line}: a field or method of what a macro prints",
    ),
    "a method of escaped text": (
        "\n{{ (x|e).translate({97: '<b>'}) }}",
        "x.html.j2:{line}: a field or method of what a macro prints",
    ),
    "what a macro prints in a namespace": (
        "{% macro m() %}one{% endmacro %}{% set ns = namespace(k='') %}\n{% set ns.k = m() %}{{ ns.k }}",
        "x.html.j2:{line}: what a macro or filter returns is kept in a namespace",
    ),
    "a caller handed on": (
        "{% macro m() %}{{ caller() }}{% endmacro %}{% macro n() %}{% call m() %}{{ caller() }}{% endcall %}{% endmacro %}"
        "\n{% call n() %}<b>x</b>{% endcall %}",
        "x.html.j2:1: caller() inside a call block is not understood",
    ),
}


@pytest.mark.parametrize(("body", "said"), EACH.values(), ids=EACH)
def test_what_cannot_be_told_goes_per_message_and_says_why(body, said):
    css = CSS.replace("\n", " ") + " i { width: unset }"
    found = reasons(page(body, css=css))
    assert any(reason.startswith(said.format(line=2)) for reason in found), found


SELECTORS = {
    ".a:first-child": "",
    "td:last-child": "",
    ".a + .b": "neighbours",
    "h1 ~ p": "neighbours",
    "[title='a,b']": "cannot be read",
    "[title=x]": "a value in title",
    "#i": "a value in id",
}


@pytest.mark.parametrize("selector", SELECTORS)
def test_selectors_that_depend_on_more_than_the_tags_around_are_reported_in_the_stylesheet(selector):
    html = page('<p id="{{ x }}" title="{{ x }}">y</p>', css='{% include "s.css" %}')
    found = reasons(html, s_css=f"b {{ top: 0 }}\n{selector} {{ color: red }}\n")
    value, unreadable = "value" in SELECTORS[selector], "read" in SELECTORS[selector]
    place = "x.html.j2:1: " if value else "s.css:1: " if unreadable else "s.css:2: "
    assert any(one.startswith(place) and SELECTORS[selector] in one for one in found), found


@pytest.mark.parametrize(
    ("style", "said"),
    [
        ("{% if f %}.a { color: red }{% endif %}", "a condition or loop in a style element"),
        (".a { color: {{ x }} }", "a value in a style element"),
        (
            "@media screen { @media print { p { color: red } } }",
            "the styles could not be inlined: a media query stands inside another; write them one after the other",
        ),
    ],
)
def test_styles_that_differ_by_message_are_reported(style, said):
    (found,) = reasons(page("<p>x</p>", css=f"\n{style}"))
    assert found.startswith(f"x.html.j2:2: {said}")


@pytest.mark.parametrize(
    ("style", "said"),
    [
        ("{% if f %}<style>p { top: 0 }</style>{% endif %}", "a style element in or with a condition"),
        (
            "<style {% if f %}media='print'{% endif %}>p { top: 0 }</style>",
            "a style element in or with a condition",
        ),
        ("<style media='{{ x }}'>p { top: 0 }</style>", "a value in a style element's own tag"),
        (
            "{% for i in items %}<style>p { top: 0 }</style>{% endfor %}",
            "a style element in or with a condition",
        ),
    ],
)
def test_style_elements_that_some_messages_lack_are_reported(style, said):
    found = reasons(page("<i>x</i>", css="b { top: 0 }", head=style))
    assert any(one.startswith(f"x.html.j2:1: {said}") for one in found), found


@pytest.mark.parametrize(
    "html",
    [
        "<style>p { top: 0 }</style><p>x</p>",
        "<html><body><p>x</p></body></html>",
        "<html>{% if f %}<head><title>x</title></head>{% endif %}<body><p>x</p></body></html>",
        "<html><head></head>{% for i in items %}<body><p>x</p></body>{% endfor %}</html>",
        "",
    ],
)
def test_a_page_without_head_or_body_is_reported(html):
    assert any("write <html>, <head> and <body>" in one or "empty" in one for one in reasons(html))
