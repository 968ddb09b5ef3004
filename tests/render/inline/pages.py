"""Small template sets, inlined once and inlined per message, side by side."""

from __future__ import annotations

from itertools import product
from typing import Any

from jinja2 import Template

from recmail.errors import RenderError
from recmail.render.bundle import TemplateBundle
from recmail.render.context import printable
from recmail.render.environment import load_template, make_environment, run
from recmail.render.inline import Inlined, inline_once
from recmail.render.inline.premailing import inline_tree, parse_page
from recmail.render.inline.same import difference

NAME = "x.html.j2"
CSS = """
.a { color: red; width: 7px } .b { background-color: #abc; text-align: left } p { margin: 0 }
.w .t { color: green } .w > .u { color: blue } #i { top: 1px } td { vertical-align: top }
"""
VALUES = ("plain", "", "<b class=a>&amp;\"'>", "a -> --> } 7px")


def contexts() -> list[dict[str, Any]]:
    """Return contexts that take each branch with each kind of value."""
    found = []
    for (f, g), (x, size) in product(
        product((True, False), repeat=2), zip(VALUES, (2, 0, 3, 1), strict=True)
    ):
        items = [{"k": x, "on": at == 1} for at in range(size)]
        found.append({"f": f, "g": g, "x": x, "n": 3, "nothing": None, "items": items})
    return found


def page(body: str, *, css: str = CSS, head: str = "") -> str:
    """Return a whole page around a body."""
    return f"<html><head><style>{css}</style>{head}</head><body>{body}</body></html>"


def bundle(html: str, **files: str) -> TemplateBundle:
    """Return a bundle; part_html_j2="…" is the file part.html.j2."""
    named = {name.replace("_", "."): text for name, text in files.items()}
    return TemplateBundle({NAME: html, **named})


def inlined(html: str, **files: str) -> Inlined:
    """Inline a template set once."""
    return inline_once(bundle(html, **files), NAME)


def reasons(html: str, **files: str) -> list[str]:
    """Return why a template set goes per message."""
    return [str(reason) for reason in inlined(html, **files).reasons]


def differences(html: str, **files: str) -> list[str]:
    """Return where messages of a template inlined once are not as premailer makes each; it must be fast."""
    once = inlined(html, **files)
    assert once.template, [str(reason) for reason in once.reasons]
    return compare(bundle(html, **files), once.template)


def compare(files: TemplateBundle, once: Template, *, every: int = 1) -> list[str]:
    """Return where messages of a template inlined once differ from premailer's; in each n-th context."""
    bare = load_template(make_environment(files), NAME)
    found = []
    for context in contexts()[::every]:
        values = printable(context, user_id="u")
        try:
            written = run(bare, values, user_id="u")
        except RenderError as error:
            found += [] if _fails(once, values) else [f"{context}: printed, but should fail: {error}"]
            continue
        expected = parse_page(written)
        inline_tree(expected)
        differs = difference(parse_page(run(once, values, user_id="u")), expected)
        if differs:
            found.append(f"{context}: {differs}")
    return found


def _fails(once: Template, values: dict[str, Any]) -> bool:
    try:
        run(once, values, user_id="u")
    except RenderError:
        return True
    return False
