"""A first draft of a text part, made from its HTML template: words, links and Jinja stay, layout goes."""

from __future__ import annotations

import re
from html import unescape

from recmail.render.bundle import TemplateBundle
from recmail.render.links import ATTRIBUTE, TAG, TEMPLATE_PARTS

_USES = re.compile(r"\{%-?\s*(?:extends|include|import|from)\b[^%]*%\}")
_HTML_NAME = re.compile(r"""(["'])([^"']+)\.html\.j2\1""")
# What nobody reads: the head, styles, comments (Outlook's with what is in them), and the line for inboxes.
_UNREAD = re.compile(
    r"""<!doctype[^>]*>|<head\b.*?</head>|<style\b.*?</style>|<!--.*?-->"""
    r"""|\{%\s*include\s+["'][^"']+\.css["'][^%]*%\}|<(div|span)[^>]*class="preheader".*?</\1>""",
    re.DOTALL | re.IGNORECASE,
)
_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
_LINK = re.compile(r"<a\b(?P<inside>(?:\{\{.*?\}\}|[^>])*)>(?P<words>.*?)</a>", re.DOTALL | re.IGNORECASE)
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_PARAGRAPHS = frozenset({"p", "table", "ul", "ol", "blockquote"})
_LINES = _PARAGRAPHS | {
    "br",
    "hr",
    "div",
    "tr",
    "td",
    "th",
    "center",
    "section",
    "article",
    "header",
    "footer",
}
_STATEMENT = re.compile(r"\{%.*?%\}", re.DOTALL)
_EMPTY_BRANCH = re.compile(r"\{%-?\s*if\b[^%]*%\}\s*\{%-?\s*endif\s*-?%\}")
_EMPTY_ELSE = re.compile(r"\{%-?\s*else\s*-?%\}\s*(\{%-?\s*endif\s*-?%\})")
_SEPARATOR = re.compile(r"[·•|—–-]+(?: [·•|—–-]+)*")
_UNDERLINE = "_" * 40


def draft_text(bundle: TemplateBundle, template: str) -> dict[str, str]:
    """Return the text templates that a template lacks, by file name, with those that it extends or uses.

    A template that has a text part already, and one without HTML, need none. A draft is to be read before it
    goes out: what HTML shows by place alone, as a price beside a button, it can only put on a line.
    """
    drafts: dict[str, str] = {}
    waiting = [template]
    while waiting:
        name = waiting.pop()
        html, text = f"{name}.html.j2", f"{name}.txt.j2"
        if text in bundle.files or text in drafts or html not in bundle.files:
            continue
        drafts[text] = _as_text(bundle.files[html])
        used = _USES.findall(bundle.files[html])
        waiting += [named[2] for statement in used for named in _HTML_NAME.finditer(statement)]
    return drafts


def _as_text(source: str) -> str:
    source = _UNREAD.sub("", _COMMENT.sub("", source))
    source = _USES.sub(lambda tag: _HTML_NAME.sub(r"\1\2.txt.j2\1", tag[0]), source)
    source = _LINK.sub(_written_link, source)
    parts = TEMPLATE_PARTS.split(
        TAG.sub(_written_tag, re.sub(r"</([a-zA-Z][\w:]*)\s*>", r"<\1 end>", source))
    )
    text = "".join(part if at % 2 else unescape(part).replace("\xa0", " ") for at, part in enumerate(parts))
    return _tidy(re.sub(r"[^\S\n]*\n[^\S\n]*", "\n", text))


def _tidy(text: str) -> str:
    """Leave out branches without words and needless empty lines, and keep lines that Jinja would join."""
    before = ""
    while before != text:
        before, text = text, _EMPTY_BRANCH.sub("", _EMPTY_ELSE.sub(r"\1", text))
    lines: list[str] = []
    for line in text.split("\n"):
        if _SEPARATOR.fullmatch(line):
            continue
        only_tags = line.endswith("%}") and not _STATEMENT.sub("", line).strip()
        if line or not lines or not lines[-1].endswith("%}"):
            lines.append(line)
        if line.endswith("%}") and not only_tags:
            lines.append("")  # the newline after a tag is not printed
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


def _written_link(link: re.Match[str]) -> str:
    """Return "words: address"; a picture's link has no words and goes."""
    words = " ".join(TAG.sub(" ", re.sub(r"</[^>]*>", " ", link["words"])).split())
    address = next((one[3] or one[4] for one in ATTRIBUTE.finditer(link["inside"]) if one[1] == "href"), "")
    if not words or not address or address.startswith("#"):
        return words
    return f"\n{words}: {address.removeprefix('mailto:')}\n"  # on a line of its own: clients find its end


def _written_tag(tag: re.Match[str]) -> str:
    name, ends = tag[1].lower(), tag[2].strip() == "end"
    if name == "img":
        return next((one[3] or one[4] or "" for one in ATTRIBUTE.finditer(tag[2]) if one[1] == "alt"), "")
    if name in _HEADINGS:
        return f"\n{_UNDERLINE if name < 'h3' else ''}\n" if ends else "\n\n"
    if name == "li":
        return "\n" if ends else "\n* "
    return "\n\n" if ends and name in _PARAGRAPHS else "\n" if name in _LINES else ""
