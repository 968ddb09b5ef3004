"""Reads a message's HTML in one pass: which tags, which words in which of them, and what stayed empty.

A page is a tree, and two people's pages seldom have the same tree: one has a course more, another a subtitle
less. But each tag with the tags around it (a path) recurs in nearly every message of a campaign, so what
depends on a path alone is worked out once and kept there; words, addresses and alternative texts are no part
of it. Reading costs about as much as two searches of the page by a regular expression.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from html import unescape

from recmail.render.inline.tokens import VOID
from recmail.render.lint.css import Declarations, declarations_of

# Comments (with what they hide for Outlook), raw elements, and tags whose quoted values may hold a >; what is
# not closed goes on to the end, as in browsers.
_TOKEN = re.compile(
    r"""(<(?:/[^>]*(?:>|\Z)|!--(?:.*?-->|.*)"""
    r"""|(?i:style|script|title)\b[^>]*>(?:.*?</(?i:style|script|title)\s*>|.*)"""
    r"""|[a-zA-Z!?][^"'>]*+(?:(?:"[^"]*+"|'[^']*+')[^"'>]*+)*+>|[a-zA-Z!?][^>]*(?:>|\Z)))""",
    re.DOTALL,
)
_START = re.compile(r"""<[a-zA-Z](?:[^"'>]++|"[^"]*+"|'[^']*+')*+>|<[a-zA-Z][^>]*>""")
_NAME = re.compile(r"</?([a-zA-Z][^\s/>]*)")
_ATTRIBUTE = re.compile(r"""([^\s"'<>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""")
_STYLE_TEXT = re.compile(r"<style[^>]*>(.*?)(?:</style\s*>|\Z)", re.DOTALL | re.IGNORECASE)
# Nobody sees these: joiners, marks of direction, soft hyphens, and what fills the line after a preheader.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufeff]+"
)
# Of one person or one course; all else of a tag is how the page is built.
_PERSONAL = frozenset({"href", "src", "alt", "title", "aria-label", "content", "name"})
# Which open tags a start tag ends, for authors who leave end tags out.
_ENDS = {
    "li": frozenset({"li", "p"}),
    "p": frozenset({"p"}),
    "td": frozenset({"td", "th", "p", "li"}),
    "th": frozenset({"td", "th", "p", "li"}),
    "tr": frozenset({"tr", "td", "th", "p", "li"}),
    "dt": frozenset({"dt", "dd", "p"}),
    "dd": frozenset({"dt", "dd", "p"}),
}
# Something is seen in their place, whatever they hold.
_DRAWN = frozenset({"svg", "video", "input", "hr", "canvas", "iframe", "object", "textarea", "select"})
HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_SLOTS = HEADINGS | {"a", "button", "li", "p", "td", "th"}
NOTHING, SPACE, PICTURE, WORDS = range(4)
"""What a tag holds at most: SPACE is a no-break space, PICTURE an image without alternative text."""


@dataclass(frozen=True, eq=False, slots=True)
class Tag:
    """A start tag, an end tag, or None for `name` where it is a comment or declaration.

    Attributes:
        attributes: with lower-case names and character references resolved; "" for one without a value.
        shape: the tag without what may be of one person; equal shapes look the same.
        ends: which open tags it closes where their end tags were left out.
    """

    name: str
    closing: bool = False
    attributes: Mapping[str, str] = field(default_factory=dict)
    shape: str = ""
    void: bool = False
    ends: frozenset[str] = frozenset()

    @property
    def label(self) -> str:
        """The tag as a person would look for it: <td class="price">."""
        kind = self.attributes.get("class", "").split()
        return f'<{self.name} class="{kind[0]}">' if kind else f"<{self.name}>"

    @property
    def styles(self) -> Declarations:
        """What its style attribute declares."""
        return declarations_of(self.attributes.get("style", ""))


def read_tag(token: str) -> Tag:
    """Take a tag apart."""
    named = _NAME.match(token)
    if not named:
        return Tag("")
    name = named[1].lower()
    if token[1] == "/":
        return Tag(name, closing=True)
    start = _START.match(token)
    inside = start[0][named.end() : -1] if start else ""
    attributes: dict[str, str] = {}
    for key, *value in _ATTRIBUTE.findall(inside):
        attributes.setdefault(key.lower(), unescape("".join(value)))
    shape = "".join(f" {key}={'' if key in _PERSONAL else value}" for key, value in attributes.items())
    raw = name in ("style", "script", "title")
    return Tag(
        name,
        attributes=attributes,
        shape=name + shape,
        void=raw or name in VOID,
        ends=_ENDS.get(name, frozenset()),
    )


class Path:
    """A tag with the tags around it, up to the page.

    Attributes:
        tag: of one message; its addresses and alternative texts are not to be looked at.
        sheet: the text of the page's style elements.
        end: its end tag, as nearly everybody writes it; empty for the page.
        slot: it is one that was made to hold something.
        holds: what it holds without anything in it.
        named: it is, or stands in, a heading or a link, as the title of something does.
    """

    __slots__ = ("children", "end", "hidden", "holds", "named", "parent", "sheet", "slot", "tag")

    def __init__(self, tag: Tag, parent: Path | None, sheet: str) -> None:
        self.tag, self.parent, self.sheet = tag, parent, sheet
        self.end = f"</{tag.name}>" if tag.name else ""
        self.children: dict[str, Path] = {}
        self.hidden: bool = bool(parent and parent.hidden) or tag.styles.hidden
        self.named: bool = bool(parent and parent.named) or tag.name == "a" or tag.name in HEADINGS
        self.slot = tag.name in _SLOTS and not self.hidden
        self.holds = PICTURE if tag.styles.pictured or tag.name in _DRAWN else NOTHING


@dataclass
class Page:
    """What one pass over a page finds.

    Attributes:
        sheet: the text of its style elements.
        tags: its start tags.
        written: the paths in which words stand.
        words: the words, one text for each stretch between two tags.
        titles: the words in headings and links, with their path and, in a link, its address.
        alts: the alternative texts of its images.
        empty: tags that hold nothing, or a space only, with which of these.
        seen: the addresses of links that hold words or a picture and are not hidden.
        unnamed: links whose only content is a picture without words.
        bare: headings after which the next one comes at once, in another place.
    """

    sheet: str
    tags: list[Tag] = field(default_factory=list)
    written: set[Path] = field(default_factory=set)
    words: list[str] = field(default_factory=list)
    titles: list[tuple[str, Path, str]] = field(default_factory=list)
    alts: list[str] = field(default_factory=list)
    empty: list[tuple[Path, int]] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    unnamed: list[Path] = field(default_factory=list)
    bare: list[Path] = field(default_factory=list)

    @cached_property
    def links(self) -> list[Tag]:
        """The tags that lead somewhere."""
        return [tag for tag in self.tags if tag.name in ("a", "area") and "href" in tag.attributes]


def plain(text: str) -> str:
    """Return a text as it is read, in one line and without what nobody sees; so texts can be compared."""
    if not text.isascii():
        text = _UNSEEN.sub("", text)
    return " ".join(text.split())


@lru_cache(maxsize=16_384)
def visible(html: str) -> str:
    """Return the words of a stretch of HTML between two tags."""
    return plain(unescape(html))


class Reader:
    """Reads pages; one for each campaign, since it keeps what their pages have in common."""

    MOST_PATHS = 20_000  # a page has about 100; where classes or styles are values there is no end of them

    def __init__(self) -> None:
        self._roots: dict[str, Path] = {}
        self._paths = 0
        self.tag: Callable[[str], Tag] = lru_cache(maxsize=16_384)(read_tag)

    def read(self, html: str) -> Page:
        """Read a page."""
        parts = _TOKEN.split(html)
        walk = _Walk(self._root(parts), self._child)
        read_tag = self.tag
        walk.text(parts[0])
        for token, text in zip(parts[1::2], parts[2::2], strict=True):
            if token == walk.path.end:
                walk.close()
            else:
                tag = read_tag(token)
                if tag.closing:
                    walk.end(tag.name)
                elif tag.name:
                    walk.start(tag)
            if text and not text.isspace():
                walk.text(text)
        walk.end_all()
        return walk.page

    def _root(self, parts: list[str]) -> Path:
        sheets = [part for part in parts[1::2] if part[1] in "sS" and part[:6].lower() == "<style"]
        sheet = "\n".join(found[1] for part in sheets if (found := _STYLE_TEXT.match(part)))
        if self._paths > self.MOST_PATHS:
            self._roots, self._paths = {}, 0
        if sheet not in self._roots:
            self._roots[sheet] = Path(Tag(""), None, sheet)
            self._paths += 1
        return self._roots[sheet]

    def _child(self, parent: Path, tag: Tag) -> Path:
        self._paths += 1
        child = parent.children[tag.shape] = Path(tag, parent, parent.sheet)
        return child


class _Walk:
    """One pass over one page."""

    def __init__(self, root: Path, child: Callable[[Path, Tag], Path]) -> None:
        self.page = Page(sheet=root.sheet)
        self.path, self._child = root, child
        # What is open around this tag: its path, what it holds so far, and its number on the page.
        self._open: list[tuple[Path, int, int]] = []
        self._addresses: list[str] = []  # of the links that are open
        self._holds = NOTHING
        self._number = 0
        # The last heading with the number of the tag that it stands in, until words or pictures come.
        self._heading: tuple[Path, int] | None = None

    def start(self, tag: Tag) -> None:
        """Open a tag."""
        around = self.path
        if tag.ends:
            while around.tag.name in tag.ends:
                self.close()
                around = self.path
        self.page.tags.append(tag)
        path = around.children.get(tag.shape) or self._child(around, tag)
        if tag.void:
            if tag.name == "img" and not path.hidden:
                alt = tag.attributes.get("alt", "").strip()
                self._hold(WORDS if alt else PICTURE)
                self.page.alts.append(alt)
            elif tag.name in _DRAWN and not path.hidden:
                self._hold(PICTURE)
            elif tag.name == "area" and not path.hidden:
                self.page.seen.append(tag.attributes.get("href", "").strip())
            return
        if self._heading and tag.name in HEADINGS:
            before, place = self._heading
            if tag.name <= before.tag.name and place != self._number:
                self.page.bare.append(before)
        if tag.name == "a":
            self._addresses.append(tag.attributes.get("href", "").strip())
        self._open.append((around, self._holds, self._number))
        self.path, self._holds, self._number = path, path.holds, len(self.page.tags)

    def text(self, text: str) -> None:
        """Read what stands between two tags."""
        if self.path.hidden:
            return
        words = visible(text)
        if words:
            self.page.words.append(words)
            self.page.written.add(self.path)
            if self.path.named:
                address = self._addresses[-1] if self._addresses else ""
                self.page.titles.append((words, self.path, address))
        self._hold(WORDS if words else SPACE)

    def end(self, name: str) -> None:
        """Close the tag of this name that was opened last, with those in it; without one nothing."""
        if self.path.tag.name != name and all(path.tag.name != name for path, _, _ in self._open):
            return
        while self.path.tag.name != name:
            self.close()
        self.close()

    def end_all(self) -> None:
        """Close what is open."""
        while self._open:
            self.close()

    def _hold(self, what: int) -> None:
        if what > self._holds:
            self._holds = what
        if what >= PICTURE:
            self._heading = None

    def close(self) -> None:
        """Close the tag that was opened last."""
        path, holds = self.path, self._holds
        self.path, before, self._number = self._open.pop()
        self._holds = before if path.hidden or before > holds else holds
        if path.tag.name == "a":
            address = self._addresses.pop()
            if address and holds >= PICTURE and not path.hidden:
                self.page.seen.append(address)
        if path.slot:
            self._slot(path, holds)

    def _slot(self, path: Path, holds: int) -> None:
        if holds < PICTURE:
            self.page.empty.append((path, holds))
        elif path.tag.name in HEADINGS:
            self._heading = path, self._number
        elif path.tag.name == "a" and holds == PICTURE:
            self.page.unnamed.append(path)
