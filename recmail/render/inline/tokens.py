"""Reads HTML piece by piece, as browsers and libxml2 do, and refuses what they may understand differently."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from jinja2 import nodes

from recmail.render.inline.page import Undecided

VOID = frozenset(
    {
        *("area", "base", "basefont", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param"),
        *("source", "track", "wbr"),
    }
)
# Their content is not read as HTML, or not by every parser; none has a place in an email.
_REFUSED = frozenset(
    {
        *("script", "textarea", "xmp", "iframe", "noembed", "noframes", "noscript", "plaintext"),
        *("template", "svg", "math", "select", "frameset"),
    }
)
# What HTML calls space is less than what Python does: a no-break space is part of a name.
_RAW = {
    name: re.compile(rf"</{name}(?=[ \t\n\f\r/>])", re.IGNORECASE | re.ASCII) for name in ("style", "title")
}
_NAME, _ATTRIBUTE = re.compile(r"[^ \t\n\f\r/>]+"), re.compile(r"[^ \t\n\f\r/>=]+")
_SPACE, _UNQUOTED = re.compile(r"[ \t\n\f\r]+"), re.compile(r"[^ \t\n\f\r>]+")
_COMMENT_END = re.compile(r"--!?>")
_IN_TAG = frozenset(
    {"name", "space", "attribute", "after_attribute", "before_value", "unquoted", "after_value", "slash"}
)


@dataclass
class Attribute:
    """An attribute as written; places on the page, `value` empty where there is none."""

    name: str
    start: int
    end: int
    value: tuple[int, int]


@dataclass
class Tag:
    """A start tag as written.

    Attributes:
        parent: the number of the tag that it stands in; -1 for none.
        optional: it stands in a condition or a loop.
        content_end: of a style or title element.
        decisions: the conditions inside the tag with the branch taken on this page.
        calls: something is called inside the tag.
    """

    number: int
    name: str
    at: int
    parent: int
    optional: bool
    name_end: int = 0
    end: int = 0
    content_end: int = 0
    close_end: int = 0
    attributes: list[Attribute] = field(default_factory=list)
    decisions: list[tuple[nodes.If | nodes.CondExpr, int]] = field(default_factory=list)
    calls: bool = False


class Tokens:
    """The tokenizer: `feed` it pieces of a page; it knows in what it stands and which tags are open."""

    def __init__(self) -> None:
        self.state = "text"
        self.tags: list[Tag] = []
        self.open: list[Tag] = []
        self.floor = 0  # tags below were opened outside the part that is being read
        self.optional = 0
        self.fed = 0
        self.tag: Tag | None = None
        self._held = ""  # what was read of a name, comment or raw text
        self._quote = ""
        self._lt = 0
        self._after_boundary = False

    @property
    def where(self) -> str:
        """Return text, title, style, comment, value (of an attribute, in quotes), tag, or syntax."""
        if self.state == "raw":
            return self.open[-1].name
        if self.state in _IN_TAG:
            return "tag"
        return {"text": "text", "comment": "comment", "quoted": "value"}.get(self.state, "syntax")

    def feed(self, text: str) -> None:
        """Read a piece.

        Raises:
            Undecided: something that parsers may understand differently, or a tag that is closed wrongly.
        """
        at = 0
        while at < len(text):
            at = getattr(self, f"_{self.state}")(text, at)
        self.fed += len(text)

    def boundary(self) -> None:
        """Say that at this place messages may differ: a value, or the start or end of a condition or loop."""
        if self.state != "comment":
            return
        if not self._held or self._held[-1] in "-!":
            self._fail("a comment could end here or not; write a space before this", 0)
        self._after_boundary = True

    def finish(self) -> None:
        """Say that the page ends here.

        Raises:
            Undecided: a tag or comment is still open.
        """
        if self.open:
            self._fail(
                f"<{self.open[-1].name}> is never closed; write its end tag", self.open[-1].at - self.fed
            )
        if self.state != "text":
            self._fail("the page ends inside a tag or comment", -1)

    def _fail(self, message: str, at: int) -> None:
        raise Undecided(message, self.fed + at)

    # Each method reads from a place in a piece and returns the place where reading goes on.

    def _text(self, text: str, at: int) -> int:
        found = text.find("<", at)
        if found < 0:
            return len(text)
        self.state, self._lt = "less", self.fed + found
        return found + 1

    def _less(self, text: str, at: int) -> int:
        character = text[at]
        if character.isascii() and character.isalpha():
            parent = self.open[-1].number if self.open else -1
            self.tag = Tag(len(self.tags), "", self._lt, parent, self.optional > 0)
            self.state = "name"
            return at
        if character == "?":
            self._fail("<? is read differently by mail clients; leave it out", at)
        self._held = ""
        self.state = {"/": "close", "!": "bang"}.get(character, "text")
        return at + 1 if self.state != "text" else at

    def _name(self, text: str, at: int) -> int:
        assert self.tag
        found = _NAME.match(text, at)
        if found:
            self.tag.name += found.group().lower()
            self.tag.name_end = self.fed + found.end()
            return found.end()
        self.state = "space"
        return at

    def _space(self, text: str, at: int) -> int:
        assert self.tag
        found = _SPACE.match(text, at)
        if found:
            return found.end()
        if text[at] == ">":
            return self._start(at)
        if text[at] == "/":
            self.state = "slash"
            return at + 1
        self.tag.attributes.append(Attribute("", self.fed + at, 0, (0, 0)))
        self.state = "attribute"
        return at

    def _slash(self, text: str, at: int) -> int:
        assert self.tag
        self.state = "space"
        if text[at] == ">" and self.tag.name not in VOID:
            name = self.tag.name
            self._fail(f"<{name}/> is read differently by mail clients; write <{name}></{name}>", at)
        return at

    def _attribute(self, text: str, at: int) -> int:
        assert self.tag
        attribute = self.tag.attributes[-1]
        found = _ATTRIBUTE.match(text, at)
        if found:
            attribute.name += found.group().lower()
            attribute.end = self.fed + found.end()
            if re.search("[\"'<]", attribute.name):
                self._fail("a quote or < where the name of an attribute should be", at)
            return found.end()
        if not attribute.name:
            self._fail("an attribute without a name", at)
        self.state = "after_attribute"
        return at

    def _after_attribute(self, text: str, at: int) -> int:
        found = _SPACE.match(text, at)
        if found:
            return found.end()
        self.state = "before_value" if text[at] == "=" else "space"
        return at + 1 if text[at] == "=" else at

    def _before_value(self, text: str, at: int) -> int:
        assert self.tag
        found = _SPACE.match(text, at)
        if found:
            return found.end()
        if text[at] == ">":
            self._fail("an attribute without a value after its =", at)
        quoted = text[at] in "\"'"
        self.state, self._quote = ("quoted", text[at]) if quoted else ("unquoted", "")
        start = self.fed + at + quoted
        self.tag.attributes[-1].value = (start, start)
        return at + quoted

    def _quoted(self, text: str, at: int) -> int:
        assert self.tag
        found = text.find(self._quote, at)
        if found < 0:
            return len(text)
        attribute = self.tag.attributes[-1]
        attribute.value = (attribute.value[0], self.fed + found)
        attribute.end = self.fed + found + 1
        self.state = "after_value"
        return found + 1

    def _unquoted(self, text: str, at: int) -> int:
        assert self.tag
        found = _UNQUOTED.match(text, at)
        if not found:
            self.state = "space"
            return at
        if re.search("[\"'<=`]", found.group()):
            self._fail('a value that needs quotes; write attribute="value"', at)
        attribute = self.tag.attributes[-1]
        attribute.end = self.fed + found.end()
        attribute.value = (attribute.value[0], attribute.end)
        return found.end()

    def _after_value(self, text: str, at: int) -> int:
        if text[at] not in "/> \t\n\f\r":
            self._fail("two attributes without a space between them", at)
        self.state = "space"
        return at

    def _start(self, at: int) -> int:
        """End a start tag."""
        assert self.tag
        tag, self.tag = self.tag, None
        tag.end = self.fed + at + 1
        names = [attribute.name for attribute in tag.attributes]
        double = next((name for name in names if names.count(name) > 1), None)
        if double:
            self._fail(f"<{tag.name}> has two attributes {double}", at)
        if tag.name in _REFUSED:
            self._fail(f"<{tag.name}> is not understood", at)
        self.tags.append(tag)
        self.state = "text"
        if tag.name not in VOID:
            self.open.append(tag)
        if tag.name in _RAW:
            self.state, self._held = "raw", ""
        return at + 1

    def _raw(self, text: str, at: int) -> int:
        tag = self.open[-1]
        before = len(self._held)
        self._held += text[at:]
        found = _RAW[tag.name].search(self._held, max(before - 8, 0))
        if tag.name == "title" and "<" in self._held[: found.start() if found else -7]:
            self._fail("< in a title; write &lt;", at)
        if not found:
            return len(text)
        tag.content_end = self.fed + at + found.start() - before
        end = at + found.end() - before
        self._held, self.state = tag.name, "close_rest"
        return end

    def _close(self, text: str, at: int) -> int:
        found = _NAME.match(text, at)
        if found:
            self._held += found.group().lower()
            return found.end()
        if not self._held or not self._held[0].isalpha():
            self._fail("</ without a name", at)
        self.state = "close_rest"
        return at

    def _close_rest(self, text: str, at: int) -> int:
        found = _SPACE.match(text, at)
        if found:
            return found.end()
        if text[at] != ">":
            self._fail(f"more than a name in </{self._held}>", at)
        self.state = "text"
        self._end(self._held, at)
        return at + 1

    def _end(self, name: str, at: int) -> None:
        """Close the tag that was opened last, if it has this name and was opened in this part."""
        if not self.open or self.open[-1].name != name:
            still = f"<{self.open[-1].name}> is open; write its end tag" if self.open else "nothing is open"
            self._fail(f"</{name}> where {still}", at)
        if len(self.open) <= self.floor:
            self._fail(f"</{name}> in a condition or loop that did not open it; write both in one branch", at)
        self.open.pop().close_end = self.fed + at + 1

    def _bang(self, text: str, at: int) -> int:
        self._held += text[at]
        if self._held == "--":
            self.state, self._held = "comment", ""
        elif self._held != "-":
            self.state = "bogus"
            return at
        return at + 1

    def _bogus(self, text: str, at: int) -> int:
        found = text.find(">", at)
        self.state = "text" if found >= 0 else "bogus"
        return found + 1 if found >= 0 else len(text)

    def _comment(self, text: str, at: int) -> int:
        if self._after_boundary and text[at] in "->!":
            self._fail("a comment could end here or not; write a space before this", at)
        self._after_boundary = False
        before = len(self._held)
        self._held += text[at:]
        if self._held.startswith((">", "->")):
            self._fail("a comment that ends at once", at)
        found = _COMMENT_END.search(self._held, max(before - 3, 0))
        if not found:
            return len(text)
        self.state = "text"
        return at + found.end() - before
