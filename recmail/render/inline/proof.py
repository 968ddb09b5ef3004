"""Compares messages of a template inlined once with the same messages inlined one by one; measures those."""

from __future__ import annotations

from collections.abc import Mapping
from time import thread_time

from jinja2 import Template

from recmail.errors import RenderError
from recmail.render.context import printable
from recmail.render.environment import run
from recmail.render.examples import example_contexts
from recmail.render.inline.premailing import inline_styles, inline_tree, parse_page
from recmail.render.inline.same import difference

_TIMES = 3


def differs(bare: Template, once: Template, values: Mapping[str, object], *, user_id: str) -> str:
    """Return the first difference between a message inlined once and by itself, in words; "" for none.

    Raises:
        RenderError: the message cannot be rendered.
    """
    expected = parse_page(run(bare, values, user_id=user_id))
    inline_tree(expected)
    return difference(parse_page(run(once, values, user_id=user_id)), expected)


def differs_on_examples(bare: Template, once: Template) -> str:
    """Return the first difference on made-up people; those for whom the template fails are left out."""
    for context in example_contexts():
        try:
            found = differs(bare, once, printable(context, user_id="example"), user_id="example")
        except RenderError:
            continue
        if found:
            return found
    return ""


def per_message_ms(bare: Template) -> float | None:
    """Return the CPU time that inlining one message takes, of a made-up person; None if it fails for them.

    Raises:
        RenderError: the styles cannot be inlined, for this person or any other.
    """
    for context in example_contexts():
        try:
            page = run(bare, printable(context, user_id="example"), user_id="example")
        except RenderError:
            continue
        inline_styles(page)  # what its caches hold for the others
        took = []
        for _ in range(_TIMES):
            start = thread_time()
            inline_styles(page)
            took.append(thread_time() - start)
        return min(took) * 1_000
    return None
