"""The files of a template set as their author wrote them, and where in them a thing stands."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from html import unescape

from jinja2 import Environment, TemplateSyntaxError, meta, nodes

from recmail.render.bundle import TemplateBundle
from recmail.render.environment import make_environment
from recmail.render.links import TAG
from recmail.render.lint.css import Declaration, read_sheet
from recmail.render.lint.page import Tag, plain, read_tag

_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_STYLE = re.compile(r"<style[^>]*>(.*?)</style", re.DOTALL | re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_NOT_WORDS = re.compile(rf"{_JINJA.pattern}|<!--.*?-->|<[^>]*>", re.DOTALL)
_CLASS = re.compile(r"""\bclass\s*=\s*["']([^"'>]*)["']""", re.IGNORECASE)


@dataclass(frozen=True)
class Sources:
    """A template set.

    Attributes:
        template: the name that a campaign gives; empty for all files of the bundle, whoever uses them.
        lines: the campaign's subject and preheader, by these names.
    """

    bundle: TemplateBundle
    template: str
    lines: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def html(self) -> Mapping[str, str]:
        """The files that the HTML part is made of, by name."""
        return self._used(f"{self.template}.html.j2")

    @cached_property
    def text(self) -> Mapping[str, str]:
        """The files that the text part is made of, by name."""
        return self._used(f"{self.template}.txt.j2")

    def parts_without(self, printed: re.Pattern[str]) -> Iterator[str]:
        """Yield html and txt, of the parts that there are, where no file prints what a pattern finds."""
        for kind, files in (("html", self.html), ("txt", self.text)):
            if files and not any(printed.search(text) for text in files.values()):
                yield kind

    def _used(self, first: str) -> Mapping[str, str]:
        """Return a template with all that it extends, includes and imports, as far as they can be read."""
        if not self.template:
            other = ".html.j2" if first.endswith(".txt.j2") else ".txt.j2"
            return {name: text for name, text in self.bundle.files.items() if not name.endswith(other)}
        environment = make_environment(self.bundle)
        used: dict[str, str] = {}
        waiting = [first]
        while waiting:
            name = waiting.pop(0)
            if name in used or name not in self.bundle.files:
                continue
            used[name] = self.bundle.files[name]
            try:
                named = list(meta.find_referenced_templates(environment.parse(used[name], name, name)))
            except TemplateSyntaxError:
                continue  # the check of templates reports it
            # A name that is worked out for each message may be any of them.
            waiting += list(self.bundle.files) if None in named else [other for other in named if other]
        return used

    def tag_texts(self) -> Iterator[tuple[str, str, int]]:
        """Yield each start tag of the HTML part as it is written, with its file and line."""
        for name, text in self.html.items():
            if not name.endswith(".css"):
                for found in TAG.finditer(_blanked(_COMMENT, text)):
                    yield found[0], name, text.count("\n", 0, found.start()) + 1

    def tags(self) -> Iterator[tuple[Tag, str, int]]:
        """Yield each start tag of the HTML part with its file and line; values in it are left as Jinja."""
        for text, name, line in self.tag_texts():
            yield read_tag(text), name, line

    def declarations(self) -> Iterator[tuple[Declaration, str]]:
        """Yield each declaration of stylesheets, style elements and style attributes, with its file."""
        for name, text in self.html.items():
            yield from ((declaration, name) for declaration in css_of(name, text))


def css_of(name: str, text: str) -> Iterator[Declaration]:
    """Yield the declarations in one file; values in them are left out, lines are those of the file."""
    if name.endswith(".css"):
        yield from read_sheet(_blanked(_JINJA, text))
        return
    text = _blanked(_COMMENT, text)
    for style in _STYLE.finditer(text):
        before = text.count("\n", 0, style.start(1))
        for found in read_sheet(_blanked(_JINJA, style[1])):
            yield Declaration(found.property, found.value, found.important, found.line + before, found.around)
    for tag in TAG.finditer(text):
        line = text.count("\n", 0, tag.start()) + 1
        styles = _JINJA.sub("", read_tag(tag[0]).attributes.get("style", ""))
        for found in read_sheet(styles):
            yield replace(found, line=line)


def own_words(texts: Iterable[str]) -> Sequence[str]:
    """Return what stands in templates word for word: between tags and values, and as constants in Jinja."""
    stretches: dict[str, None] = {}
    environment = make_environment(TemplateBundle({}))
    for text in texts:
        stretches.update(dict.fromkeys(_constants(environment, text)))
        stretches.update(dict.fromkeys(plain(unescape(part)) for part in _NOT_WORDS.split(text)))
    return [stretch for stretch in stretches if stretch]


def _constants(environment: Environment, text: str) -> Iterator[str]:
    """Yield the texts in a template's Jinja that may be printed: not what values are only compared with."""
    try:
        waiting: list[nodes.Node] = [environment.parse(text)]
    except TemplateSyntaxError:
        return  # the check of templates reports it
    while waiting:
        node = waiting.pop()
        match node:
            case nodes.Const(value=str(words)):
                yield plain(words)
            case nodes.Compare() | nodes.Test() | nodes.Getitem() | nodes.TemplateData():
                continue
            case nodes.CondExpr() | nodes.If():
                waiting += node.iter_child_nodes(exclude=["test"])
            case nodes.Filter(node=nodes.Node() as filtered) if node.name not in ("default", "d"):
                waiting.append(filtered)
            case _:
                waiting += node.iter_child_nodes()


def _blanked(what: re.Pattern[str], text: str) -> str:
    """Return a text without its comments or Jinja, in the same lines."""
    return what.sub(lambda found: "\n" * found[0].count("\n"), text)


def places_of_classes(bundle: TemplateBundle) -> Mapping[str, tuple[str, int]]:
    """Return where each class stands that stands in one tag of the templates only."""
    places: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for name, text in bundle.files.items():
        if name.endswith(".html.j2"):
            for found in _CLASS.finditer(text):
                line = text.count("\n", 0, found.start()) + 1
                for one in set(_JINJA.sub(" ", found[1]).split()):
                    places[one].append((name, line))
    return {name: found[0] for name, found in places.items() if len(found) == 1}
