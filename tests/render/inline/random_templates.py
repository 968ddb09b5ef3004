"""Random template sets: what people write, what they get wrong, and soup of the pieces of both languages."""

# ruff: noqa: E501 - pieces of templates read better in one line

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from tests.render.inline.pages import NAME

CLASSES = ("a", "b", "w", "t", "u", "a w", "b t", "w u")
CONDITIONS = ("f", "g", "not f", "x", "f and g", "items", "x == 'plain'", "nothing", "loop is defined")
VALUES = ("x", "n", "x|upper", "x or 'y'", "'a' if f else 'b'", "x ~ n", "items|length", "words()")
TAGS = ("div", "div", "div", "p", "b", "b", "a", "span", "span", "td", "ul", "li", "h1", "center", "P")
WORDS = (
    "x",
    "one two",
    "&amp;",
    " ",
    "\n  ",
    "1 < 2",
    "&nbsp;",
    "a & b",
    "&lt;b>",
    "<!-- x -->",
    "<!-- {{ x }} -->",
)
SELECTORS = (
    *(".a", ".b", ".t", "p", "td", "b", ".w .t", ".w > .u", "div .a", "div > p", "table td", "#i", "body .u"),
    *(".a.b", "p.a", ".w p .t", "li", "[title]", "[width]", ".w .w", "a, .u", ".t:hover", "*"),
)
RARE_SELECTORS = (".a + .b", "li:first-child", "[title=x]", "[class~=a]", ".a ~ .t", "[dir=left]")
DECLARATIONS = (
    *("color: red", "width: 7px", "width: unset", "text-align: left", "background-color: #abc", "margin: 0"),
    *(
        "vertical-align: top",
        "color: blue !important",
        "left: 1px",
        "height: 2px",
        "padding: calc(1px + 2px)",
    ),
)
CALLS = (
    *("{{ card(x) }}", "{{ card('<b>') }}", "{% include 'part.html.j2' %}", "{{ lib.row(x) }}", "{{ s }}"),
    *("{{ card(x) if f else words() }}", "{{ card(lib.row(n)) }}"),
)
SOUP = (
    *(
        "<",
        ">",
        "</",
        "/>",
        "<p>",
        "</p>",
        "<div>",
        "</div>",
        "<b class=t>",
        "</b>",
        "<li>",
        "</li>",
        "<a",
        '"',
        "'",
    ),
    *(
        "=",
        " ",
        "class=",
        "class='a'",
        "style=",
        "<!--",
        "-->",
        "-",
        "!",
        "&",
        "<br>",
        "<td>",
        "x",
        "<!-- -",
        "<style>",
    ),
    *(
        "{% if f %}",
        "{% else %}",
        "{% endif %}",
        "{% if g %}",
        "{% endif %}",
        "{{ x }}",
        "{{ words() }}",
        "</style>",
    ),
    *(
        "{% for i in items %}",
        "{% endfor %}",
        "{# x #}",
        "{{ card(x) }}",
        "<title>",
        "</title>",
        "<p/>",
        "<img/>",
    ),
    *(
        "{% include 'part.html.j2' %}",
        "{% set s %}",
        "{% endset %}",
        "{{ s }}",
        "{% elif g %}",
        "<!DOCTYPE html>",
        "{{ x|safe }}",
    ),
)
WORDS_MACRO = "{% macro words() %}{% if f %}one & two{% else %}{{ x }}{% endif %}{% endmacro %}"


class _Author:
    """Somebody who writes templates as the dice say."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw

    def pick(self, options: Sequence[str]) -> str:
        return self.draw(st.sampled_from(options))

    def once_in(self, times: int) -> bool:
        return self.draw(st.integers(1, times)) == times

    def rules(self, selectors: Sequence[str], at_most: int) -> str:
        rules = range(self.draw(st.integers(0, at_most)))
        return "".join(
            f"{self.pick(selectors)} {{ {self.pick(DECLARATIONS)}; {self.pick(DECLARATIONS)} }}\n"
            for _ in rules
        )

    def stylesheet(self) -> str:
        rare = self.rules(RARE_SELECTORS, 1) if self.once_in(6) else ""
        return f"{self.rules(SELECTORS, 7)}{rare}@media (max-width: 9px) {{ {self.rules(SELECTORS[:8], 2)} }}"

    def attribute(self, name: str) -> str:
        """An attribute of this name, or another in its place."""
        one, other, condition = self.pick(CLASSES), self.pick(CLASSES), self.pick(CONDITIONS)
        if self.once_in(60):
            return f' {name}="{one} {{{{ {self.pick(VALUES)} }}}}"'
        if name == "class":
            return self.pick(
                (
                    *(f' class="{one}"', f" class='{one}'", f' CLASS="{one}"'),
                    f' class="{one}{{% if {condition} %}} {other}{{% endif %}}"',
                    f' class="{{% if {condition} %}}{one}{{% else %}}{other}{{% endif %}}"',
                    f" class=\"{{{{ '{one}' if {condition} else '{other}' }}}}\"",
                )
            )
        if name == "style":
            guarded = f' style="left:3px{{% if {condition} %}};color:red{{% endif %}}"'
            either = f" style=\"{{{{ 'left:1px' if {condition} else 'color:red' }}}}\""
            return self.pick(
                (' style="left:2px"', ' style="color:blue;width:3px"', ' style="p"', guarded, either)
            )
        if name == "width":
            aligned = f" align=\"{{{{ 'left' if {condition} else 'right' }}}}\""
            return self.pick((' width="5"', " width=7", ' bgcolor="#aabbcc"', ' valign="top"', aligned))
        printed = f' title="{{{{ {self.pick(VALUES)} }}}}"'
        link = " href='https://a.example/?a=1&b={{ x }}'"
        return self.pick(
            (printed, ' id="i"', " title=x", " hidden", " lang=en", ' dir="{{ x }}"', "{# x #}", link)
        )

    def attributes(self) -> str:
        """The attributes of a tag; seldom one twice."""
        names = ["class", self.pick(("style", "width", "other", "class" if self.once_in(8) else "other"))]
        names = [name for name in names if not self.once_in(3)]
        return "".join(self.sometimes(self.attribute(name)) for name in names)

    def sometimes(self, written: str) -> str:
        """The same, or with a condition around it, or in one of several."""
        if not self.once_in(3):
            return written
        one, other = self.pick(CONDITIONS), self.pick(CONDITIONS)
        return self.pick(
            (
                f"{{% if {one} %}}{written}{{% endif %}}",
                f"{{% if {one} %}}{{% elif {other} %}}{written}{{% else %}}{written}{{% endif %}}",
                f"{{% if {one} %}}{{% if {other} %}}{written}{{% endif %}}{{% endif %}}",
            )
        )

    def parts(self, depth: int, calls: Sequence[str]) -> str:
        """Some parts of a page, one after the other; `calls` are the macros that may be called there."""
        return "".join(self.part(depth, calls) for _ in range(self.draw(st.integers(0, 2))))

    def part(self, depth: int, calls: Sequence[str]) -> str:
        """One part: words, a value, an element, or a statement around some parts."""
        if not depth or self.once_in(5):
            single = f"<{self.pick(('br', 'img', 'hr', 'IMG'))}{self.attributes()}>"
            bold = f"<b{self.attributes()}>x</b>"
            return self.pick((self.pick(WORDS), f"{{{{ {self.pick(VALUES)} }}}}", single, bold, bold))
        if calls and self.once_in(4):
            return self.pick(calls)
        inner = self.parts(depth - 1, calls)
        if not self.once_in(3):
            tag = self.pick(TAGS)
            return f"<{tag}{self.attributes()}>{inner}</{tag}>"
        return self.statement(inner, self.parts(depth - 1, calls), bool(calls))

    def statement(self, inner: str, other: str, calls: bool) -> str:
        """A statement around some parts."""
        one, two, number = self.pick(CONDITIONS), self.pick(CONDITIONS), self.draw(st.integers(0, 99))
        statements = [
            f"<table><tr><td{self.attributes()}>{inner}</td></tr></table>",
            f"{{% if {one} %}}{inner}{{% endif %}}",
            f"{{% if {one} %}}{inner}{{% elif {two} %}}{other}{{% else %}}x{{% endif %}}",
            f"{{% for i in items %}}{inner}{{{{ i.k }}}}{{% else %}}{other}{{% endfor %}}",
            f"{{% for i in items if i.on %}}<p{{% if loop.first %}} class='a'{{% endif %}}></p>{inner}{{% endfor %}}",
            f"{{% set s{number} %}}{inner}{{% endset %}}{{{{ s{number} }}}}{other}",
            f"{{% with y = {self.pick(VALUES)} %}}{inner}{{{{ y }}}}{{% endwith %}}",
            f"{{% filter trim %}}{inner}{{% endfilter %}}",
            f"<!--[if mso]>{inner}<![endif]-->",
            f"{{% macro own{number}(z) %}}{inner}{{{{ z }}}}{{% endmacro %}}{{{{ own{number}(x) }}}}",
        ]
        if calls:
            statements += [
                f"{{% call wrap({self.pick(VALUES)}) %}}{inner}{{% endcall %}}",
                f"{{% call frame(k={self.pick(VALUES)}) %}}{inner}{{% endcall %}}{other}",
                f"{{% set s{number} %}}{inner}{{% endset %}}{{{{ wrap(s{number}) }}}}",
            ]
        return self.pick(statements)

    def soup(self) -> str:
        """Pieces in any order; mostly none."""
        return (
            "".join(self.pick(SOUP) for _ in range(self.draw(st.integers(1, 6)))) if self.once_in(8) else ""
        )

    def template_set(self) -> dict[str, str]:
        """A layout with blocks, a child or none, an include, two files with macros, a stylesheet."""
        macros = (
            f"{WORDS_MACRO}{{% macro card(z) %}}{self.parts(2, ())}{{{{ z }}}}{{% endmacro %}}{{% macro wrap(z) %}}"
            f'<div class="w">{self.parts(1, ())}{{{{ z }}}}</div>{{{{ caller() if caller else "" }}}}{{% endmacro %}}'
            f'{{% macro frame(k, caller=none) %}}<div class="t">{{{{ caller() }}}}{{{{ k }}}}</div>{{% endmacro %}}'
        )
        layout = (
            "{% import 'lib.html.j2' as lib with context %}<!DOCTYPE html><html><head><title>{{ x }}</title>"
            f"<style>{{% include 's.css' %}}</style></head><body{self.attributes()}>{{% block top %}}"
            f"{self.parts(2, CALLS)}{{% endblock %}}{self.soup()}<div{self.attributes()}>{{% block main %}}MAIN"
            f"{self.parts(1, ())}{{% endblock %}}</div></body></html>"
        )
        body = self.parts(3, CALLS) + self.soup() + self.part(3, CALLS)
        row = f"{WORDS_MACRO}{{% macro row(z) %}}{self.parts(2, ())}{{% endmacro %}}"
        files = {"s.css": self.stylesheet(), "part.html.j2": self.parts(2, ()), "lib.html.j2": row}
        if self.once_in(2):
            above = self.pick(("", "{{ super() }}", "<p class='t'>{{ super() }}</p>"))
            child = f"{{% extends 'layout.html.j2' %}}{macros}{{% block main %}}{above}{body}{{% endblock %}}"
            return files | {"layout.html.j2": layout.replace("MAIN", ""), NAME: child}
        return files | {NAME: macros + layout.replace("MAIN", body)}


@st.composite
def template_sets(draw: st.DrawFn) -> dict[str, str]:
    """Draw the files of a template set, by name."""
    return _Author(draw).template_set()
