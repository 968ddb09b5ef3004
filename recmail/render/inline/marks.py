"""Runs premailer over an expanded page whose tags are marked, and says what it did to each tag."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from lxml import etree
from lxml.cssselect import CSSSelector

from recmail.errors import RenderError
from recmail.render.inline.page import VALUE, Page
from recmail.render.inline.premailing import applied_selectors, inline_tree, parse_page
from recmail.render.inline.same import MARK, words
from recmail.render.inline.selectors import Looked, look
from recmail.render.inline.tokens import Attribute, Tag
from recmail.render.inline.writer import Report

WRITTEN = ("style", "align", "valign", "bgcolor", "width")
"""The attributes that premailer writes, in the order in which they are written back."""


@dataclass
class Marked:
    """One expanded page, as premailer left it.

    Attributes:
        tree: with the styles inlined.
        changes: for each tag, by number: the attributes that premailer wrote.
        before: for each tag, its attributes as the author wrote them.
        styles: for each style element, by the number of its tag: what is left in it; None if it was removed.
    """

    page: Page
    tags: list[Tag]
    tree: etree._Element
    before: list[dict[str, str]]
    changes: list[dict[str, str]]
    styles: dict[int, str | None] = field(default_factory=dict)
    looked: Looked = field(default_factory=Looked)


def run_premailer(page: Page, tags: list[Tag], report: Report) -> Marked:
    """Inline the styles of a page, and check that all that happened can be told tag by tag.

    Raises:
        RenderError: the page or its styles cannot be read.
    """
    tree = parse_page(_with_marks(page, tags))
    marks = Marks(page, tags, tree, report)
    marked = Marked(page, tags, tree, marks.attributes(), [])
    if not marks.stand_as_written():
        return marked
    try:
        marked.looked = look(applied_selectors(tree), marks.selector_is_wrong)
        if marked.looked.unreadable:
            return marked
        marks.check_values(marked.looked)
        texts = _texts(tree)
        inline_tree(tree)
    except RenderError as error:
        origin = page.origin(marks.stylesheet())
        raise RenderError(error.message, template=origin.file, line=origin.line) from error
    marked.changes = marks.changes(marked.before)
    for tag, element in zip(tags, marks.elements, strict=True):
        if tag.name == "style" and element is not None:
            marked.styles[tag.number] = None if element.getparent() is None else element.text or ""
    marks.check_texts(texts)
    return marked


def _with_marks(page: Page, tags: Sequence[Tag]) -> str:
    pieces, at = [], 0
    for tag in tags:
        pieces += [page.text[at : tag.name_end], f' {MARK}="{tag.number}"']
        at = tag.name_end
    return "".join([*pieces, page.text[at:]])


def _texts(
    tree: etree._Element,
) -> list[tuple[etree._Element, str | None, str | None, etree._Element | None]]:
    return [(one, one.text, one.tail, one.getparent()) for one in tree.iter()]


class Marks:
    """The tags as written beside the elements that libxml2 made of them."""

    def __init__(self, page: Page, tags: list[Tag], tree: etree._Element, report: Report) -> None:
        self.page, self.tags, self.tree, self._report = page, tags, tree, report
        found = {
            element.get(MARK): element
            for element in tree.iter()
            if isinstance(element.tag, str) and element.get(MARK)
        }
        self.elements = [found.get(str(tag.number)) for tag in tags]

    def report(self, message: str, at: int) -> None:
        """Keep a reason, at a place of the page."""
        origin = self.page.origin(at)
        self._report(message, origin.file, origin.line)

    def attributes(self) -> list[dict[str, str]]:
        """Return the attributes of each tag, without the mark."""
        return [
            {str(k): str(v) for k, v in element.attrib.items() if k != MARK} if element is not None else {}
            for element in self.elements
        ]

    def stand_as_written(self) -> bool:
        """Whether each element has the name, attributes and parent that its tag has, and none is added."""
        added = [
            element for element in self.tree.iter() if isinstance(element.tag, str) and not element.get(MARK)
        ]
        for name in dict.fromkeys(str(element.tag) for element in added):
            self.report(f"mail clients would add <{name}> here; write it", 0)
        good = not added
        for tag, element in zip(self.tags, self.elements, strict=True):
            message = self._misplaced(tag, element)
            if message:
                self.report(message, tag.at)
                good = False
        always = {tag.name for tag in self.tags if not tag.optional}
        if not {"html", "head", "body"} <= always:
            self.report("write <html>, <head> and <body>, outside of conditions", 0)
            good = False
        return good

    def _misplaced(self, tag: Tag, element: etree._Element | None) -> str:
        if element is None:
            return f"mail clients would leave <{tag.name}> out here"
        parent = element.getparent()
        mark = parent.get(MARK) if parent is not None else "-1"
        if mark != str(tag.parent):
            outer = f"<{self.tags[tag.parent].name}>" if tag.parent >= 0 else "the page"
            return f"<{tag.name}> cannot stand in {outer}: mail clients close that first; write its end tag"
        names = {attribute.name for attribute in tag.attributes} | {MARK}
        if element.tag != tag.name or names != set(element.attrib):
            return f"<{tag.name}> is read differently by mail clients; are all its quotes in place?"
        return ""

    def stylesheet(self) -> int:
        """Return where the first stylesheet begins."""
        for tag in self.tags:
            if tag.name == "style":
                content = self.page.text[tag.end : tag.content_end]
                return tag.end + len(content) - len(content.lstrip())
        return 0

    def selector_is_wrong(self, message: str, selector: str) -> None:
        """Report a selector where the stylesheet has it."""
        styles = [tag for tag in self.tags if tag.name == "style"]
        found = [self.page.text.find(selector, tag.end, tag.content_end) for tag in styles]
        self.report(message, max(found) if max(found) >= 0 else self.stylesheet())

    def value(self, attribute: Attribute) -> str:
        """Return an attribute's value as written."""
        return self.page.text[slice(*attribute.value)]

    def check_values(self, looked: Looked) -> None:
        """Report values in attributes by which rules are chosen or that they change."""
        for tag in self.tags:
            for attribute in tag.attributes:
                if VALUE not in self.value(attribute):
                    continue
                if tag.name == "style":
                    self.report("a value in a style element's own tag; write it out", attribute.start)
                elif attribute.name == "class":
                    self.report(
                        "a class that is built from a value; write if and elif with whole class names",
                        attribute.start,
                    )
                elif attribute.name in looked.at_values_of:
                    self.report(
                        f"a value in {attribute.name}, by which the stylesheet chooses; use a class",
                        attribute.start,
                    )
        styled = [
            tag
            for tag in self.tags
            for one in tag.attributes
            if one.name == "style" and VALUE in self.value(one)
        ]
        matched = self._matched() if styled else set()
        for tag in styled:
            if str(tag.number) in matched:
                self.report(
                    f"a value in the style attribute of a <{tag.name}> that a rule matches;"
                    " put it on a tag of its own inside",
                    tag.at,
                )

    def _matched(self) -> set[str | None]:
        """Return the marks of all elements that some rule matches."""
        return {
            element.get(MARK)
            for selector in applied_selectors(self.tree)
            for element in CSSSelector(selector)(self.tree)
        }

    def changes(self, before: Sequence[dict[str, str]]) -> list[dict[str, str]]:
        """Return what premailer wrote into each tag."""
        every = []
        for tag, old, new in zip(self.tags, before, self.attributes(), strict=True):
            changed = {name: value for name, value in new.items() if old.get(name) != value}
            if set(changed) - set(WRITTEN) or set(old) - set(new):
                self.report(f"<{tag.name}> gets more than styles", tag.at)
            for attribute in tag.attributes:
                if attribute.name in changed and VALUE in self.value(attribute):
                    self.report(
                        f"a value in {attribute.name}, which a rule sets too; remove one of the two",
                        attribute.start,
                    )
            if any(VALUE in value for value in changed.values()):
                self.report(f"a value of this <{tag.name}> would be copied into another attribute", tag.at)
            every.append(changed)
        return every

    def check_texts(
        self, texts: Sequence[tuple[etree._Element, str | None, str | None, etree._Element | None]]
    ) -> None:
        """Report what premailer moved, dropped or changed beside attributes."""
        for element, text, tail, parent in texts:
            style = element.tag == "style"
            removed = style and element.getparent() is None
            if removed and words(tail):
                self.report(f"text after a style element is lost: {words(tail)[:40]!r}", self._at(element))
            elif not removed and (element.tail != tail or element.getparent() is not parent):
                self.report("text or a tag is lost", self._at(element))
            elif not style and element.text != text:
                self.report("text is lost", self._at(element))
        if len(texts) != sum(1 for _ in self.tree.iter()) + sum(
            1 for element, *_ in texts if element.tag == "style" and element.getparent() is None
        ):
            self.report("tags would be added", 0)

    def _at(self, element: etree._Element) -> int:
        mark = element.get(MARK) if isinstance(element.tag, str) else None
        return self.tags[int(mark)].at if mark else 0


def check_around(marked: Sequence[Marked], report: Report) -> None:
    """Report tags whose conditions decide about the tags inside them: which page shows both is not told."""
    number_of_tags = {len(one.tags) for one in marked}
    if len(number_of_tags) > 1:
        raise RenderError("a condition inside a tag changes which tags there are")
    parents = {tag.parent for tag in marked[0].tags}
    above = set().union(*(one.looked.above for one in marked))
    for number, tag in enumerate(marked[0].tags):
        if number not in parents or not any(one.tags[number].decisions for one in marked):
            continue
        varying = _varying([one.before[number] for one in marked])
        if varying & above:
            named = ", ".join(sorted(varying & above))
            origin = marked[0].page.origin(tag.at)
            report(
                f"a rule for tags inside depends on {named}, which this <{tag.name}> has only sometimes;"
                " put the condition around the whole tag, or a class on the tags inside",
                origin.file,
                origin.line,
            )


def _varying(tags: Sequence[dict[str, str]]) -> set[str]:
    """What selectors can ask about a tag and get different answers: classes, ids, attributes."""
    varying: set[str] = set()
    for name in {name for tag in tags for name in tag}:
        values = {tag.get(name) for tag in tags}
        if len(values) > 1:
            varying.add(f"[{name}]")
            if name == "id":
                varying |= {f"#{value}" for value in values}
    classes = [set(re.split("[ \t\n\r]+", tag.get("class", ""))) for tag in tags]
    always = classes[0].intersection(*classes)
    return varying | {f".{name}" for one in classes for name in one - always}
