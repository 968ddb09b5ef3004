"""Inlines the styles of a template once, for every message that it will print; or says why it cannot."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from jinja2 import Template, TemplateSyntaxError

from recmail.errors import RenderError
from recmail.render.bundle import TemplateBundle
from recmail.render.environment import load_template, make_environment, render_error
from recmail.render.inline.expand import expand
from recmail.render.inline.marks import Marked, check_around, run_premailer
from recmail.render.inline.page import VALUE
from recmail.render.inline.premailing import inline_styles, parse_page
from recmail.render.inline.proof import differs, differs_on_examples, per_message_ms
from recmail.render.inline.same import difference
from recmail.render.inline.trees import Trees
from recmail.render.inline.write_back import apply, collect

__all__ = ["Inlined", "differs", "inline_once", "inline_styles", "per_message_ms"]


@dataclass(frozen=True)
class Inlined:
    """What came of inlining a template once.

    Attributes:
        template: prints pages whose styles are inlined already; None if each message must be inlined.
        reasons: why, with file, line and what to write instead.
    """

    template: Template | None
    reasons: tuple[RenderError, ...]


@dataclass
class _Reasons:
    found: dict[tuple[str, int, str], RenderError] = field(default_factory=dict)

    def add(self, message: str, file: str, line: int) -> None:
        """Keep a reason, once for each place."""
        self.found.setdefault((file, line, message), RenderError(message, template=file, line=line))


@lru_cache(maxsize=64)
def inline_once(bundle: TemplateBundle, name: str) -> Inlined:
    """Inline the styles of a template and of all that it extends, includes and imports.

    The page that holds all it may print goes through premailer, and what that does to each tag is written
    into the tag. This is refused for whatever could make a message differ from that page. The result is kept
    for this process, by the bundle's content.
    """
    reasons = _Reasons()
    trees = Trees(bundle, make_environment(bundle))
    pages: list[Marked] = []
    try:
        if any(VALUE in text for text in bundle.files.values()):
            raise RenderError(f"the character U+{ord(VALUE):04X} is in a template", template=name)  # noqa: TRY301
        for page, tags in expand(trees, name, reasons.add):
            pages.append(run_premailer(page, tags, reasons.add))
        if not reasons.found:
            check_around(pages, reasons.add)
            edits = collect(pages, reasons.add)
        if not reasons.found:
            apply(edits, trees.known.values())
            _check(trees, name, pages, reasons)
    except RenderError as error:
        reasons.add(error.message, error.template or name, error.line)
    except TemplateSyntaxError as error:
        reasons.found["", 0, ""] = render_error(error)
    if reasons.found:
        return Inlined(None, tuple(reasons.found.values()))
    once = load_template(make_environment(bundle, trees=trees.known), name)
    found = differs_on_examples(load_template(make_environment(bundle), name), once)
    if found:
        reasons.add(f"an example inlined once is not as by itself: {found}", name, 0)
        return Inlined(None, tuple(reasons.found.values()))
    return Inlined(once, ())


def _check(trees: Trees, name: str, pages: list[Marked], reasons: _Reasons) -> None:
    """Walk the edited templates once more: each page must be what premailer made of it."""
    again = expand(trees, name, reasons.add)
    if len(again) != len(pages):
        reasons.add("what was written back has other conditions than the template", name, 0)
        return
    for (page, _), before in zip(again, pages, strict=True):
        found = difference(parse_page(page.text), before.tree)
        if found:
            reasons.add(f"what was written back differs: {found}", name, 0)
            return
