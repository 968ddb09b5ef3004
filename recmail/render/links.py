"""The links that a template's author wrote: what is wrong with them, and marks for web analytics."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import unescape
from urllib.parse import quote

from jinja2 import Environment, TemplateSyntaxError, meta

from recmail.errors import RenderError
from recmail.render.bundle import TemplateBundle
from recmail.render.urls import ADDRESSES, ALLOWED, ONLY

_JINJA = r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}"
TAG = re.compile(rf"""<([a-zA-Z][\w:]*)((?:{_JINJA}|"[^"]*"|'[^']*'|[^<>"'])*)>""", re.DOTALL)
ATTRIBUTE = re.compile(r"""(?<![\w:-])([a-zA-Z]+)(\s*=\s*)(?:"([^"]*)"|'([^']*)')""")
TEMPLATE_PARTS = re.compile(f"({_JINJA})", re.DOTALL)
_BARE_LINK = re.compile(r"""https?://[^\s<>"'{}|\\^`\[\]]*[^\s<>"'{}|\\^`\[\].,;:!?)]""", re.IGNORECASE)
_WEB = re.compile("https?://", re.IGNORECASE)
_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
_FRAGMENTS = {"&": re.compile("#"), "&amp;": re.compile("(?<!&)#")}  # in HTML not that of &#38;


def with_marks(url: str, marks: Mapping[str, str], *, ampersand: str = "&") -> str:
    """Return a web address with parameters before its fragment; the rest stays as it is, letter by letter.

    Parameters of these names must not be there already.

    Args:
        ampersand: as it is written where the address stands: & or &amp;.
    """
    cut = _FRAGMENTS[ampersand].search(url)
    address, fragment = (url[: cut.start()], url[cut.start() :]) if cut else (url, "")
    joint = "?" if "?" not in address else "" if address.endswith(("?", ampersand)) else ampersand
    added = ampersand.join(f"{name}={quote(value, safe='')}" for name, value in marks.items())
    return f"{address}{joint if added else ''}{added}{fragment}"


def mark_links(bundle: TemplateBundle, marks: Mapping[str, str]) -> TemplateBundle:
    """Return templates whose own web links carry marks: in HTML those of a, area and Outlook's shapes.

    A mark that the author wrote into a link stays, and so do addresses with values in them: those of
    courses have their marks already, and those to unsubscribe never get any. No line moves.
    """
    files = dict(bundle.files)
    for name, text in bundle.files.items():
        if name.endswith(".html.j2"):
            files[name] = TAG.sub(lambda tag: _marked_tag(tag, marks), text)
        elif name.endswith(".txt.j2"):
            files[name] = "".join(_marked_text(text, marks))
    return TemplateBundle(files)


def _marked_tag(tag: re.Match[str], marks: Mapping[str, str]) -> str:
    kind = tag[1].lower()
    if kind not in ("a", "area") and not kind.startswith("v:"):
        return tag[0]

    def marked(attribute: re.Match[str]) -> str:
        value = attribute[3] if attribute[3] is not None else attribute[4]
        if attribute[1].lower() != "href" or not _WEB.match(value) or "{" in value:
            return attribute[0]
        new = with_marks(value, _missing(unescape(value), marks), ampersand="&amp;")
        return attribute[0].replace(value, new)

    return ATTRIBUTE.sub(marked, tag[0])


def _marked_text(text: str, marks: Mapping[str, str]) -> Iterator[str]:
    parts = TEMPLATE_PARTS.split(text)
    for at, part in enumerate(parts):
        if at % 2:
            yield part
            continue
        goes_on = len(part) if at + 1 < len(parts) and parts[at + 1].startswith("{{") else -1

        def marked(link: re.Match[str], goes_on: int = goes_on) -> str:
            return link[0] if link.end() == goes_on else with_marks(link[0], _missing(link[0], marks))

        yield _BARE_LINK.sub(marked, part)


def _missing(url: str, marks: Mapping[str, str]) -> dict[str, str]:
    query = url.partition("#")[0].partition("?")[2]
    there = {part.partition("=")[0].lower() for part in query.split("&")}
    return {name: value for name, value in marks.items() if name not in there}


def link_mistakes(bundle: TemplateBundle, template: str) -> list[RenderError]:
    """Return what is wrong with the addresses written in a template and those that it uses, in file order."""
    mistakes = []
    for name in used_by(bundle, f"{template}.html.j2", suffix=".html.j2"):
        text = _COMMENT.sub(lambda comment: re.sub(r"[^\n]", " ", comment[0]), bundle.files[name])
        for tag in TAG.finditer(text):
            for attribute in ATTRIBUTE.finditer(tag[2]):
                value = attribute[3] if attribute[3] is not None else attribute[4]
                if attribute[1].lower() not in ADDRESSES or ALLOWED.match(unescape(value)) or "{" in value:
                    continue
                line = text.count("\n", 0, tag.start(2) + attribute.start()) + 1
                mistakes.append(
                    RenderError(f"{attribute[1]} is {value[:80]!r}; {ONLY}", template=name, line=line)
                )
    return mistakes


def used_by(bundle: TemplateBundle, name: str, *, suffix: str) -> list[str]:
    """Return a template and all that it extends, includes and imports, as far as they can be read."""
    environment, used, waiting = Environment(autoescape=True), list[str](), [name]
    while waiting:
        one = waiting.pop()
        if one in used or one not in bundle.files or not one.endswith(suffix):
            continue
        used.append(one)
        try:
            tree = environment.parse(bundle.files[one])
        except TemplateSyntaxError:  # the check of templates reports it
            continue
        waiting += [other for other in meta.find_referenced_templates(tree) if other]
    return used
