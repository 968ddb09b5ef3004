"""What one rendered message shows; made for 100,000 of them, of which most look alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from recmail.render.bundle import TemplateBundle
from recmail.render.email import Email
from recmail.render.lint.finding import Finding
from recmail.render.lint.message import Message
from recmail.render.lint.page import Page, Path, Reader, Tag
from recmail.render.lint.rule import ask
from recmail.render.lint.sources import Sources, own_words, places_of_classes


class MessageLint:
    """Looks at the messages of one campaign; one for each thread, since it keeps what they have in common.

    Args:
        bundle: the templates; without them nothing tells in which file and line a thing stands, and words
            of the template itself ("None of these?") may be taken for a value that is missing.
        lines: the campaign's subject and preheader in Jinja, of all languages, for the same reason.
        templates: the names of those that the campaign's emails are made of, in all languages; without them
            any in the bundle may be, and a place may be said that is another template's.
    """

    def __init__(
        self,
        bundle: TemplateBundle | None = None,
        lines: Iterable[str] = (),
        *,
        templates: Iterable[str] = (),
    ) -> None:
        self._places = places_of_classes(bundle) if bundle else {}
        self._written = _written(bundle, templates) if bundle else {}
        self._own_words = own_words([*(bundle.files.values() if bundle else ()), *lines])
        self._reader = Reader()
        self._of_tag = lru_cache(maxsize=16_384)(self._ask_tag)
        self._of_style = lru_cache(maxsize=64)(self._ask_style)
        self._of_path: dict[Path, list[Finding]] = {}

    def findings(self, email: Email, context: Mapping[str, Any]) -> list[Finding]:
        """Return what is wrong with a message, errors first, each once.

        Args:
            context: of which it was rendered, links included.
        """
        return self.look(email, context)[0]

    def look(self, email: Email, context: Mapping[str, Any]) -> tuple[list[Finding], int]:
        """Return what `findings` does, and the size of the HTML in bytes as Gmail counts it."""
        page = self._reader.read(email.html)
        size = size_bytes(email)
        found = self._known(ask("of_message", Message(email, context, page, size, self._own_words)))
        found += self._lasting(page)
        return sorted(set(found)) if found else [], size

    def _lasting(self, page: Page) -> list[Finding]:
        """Return what is found in tags, styles and paths, which are asked about once."""
        found = list(self._of_style(page.sheet)) if page.sheet else []
        for tag in page.tags:
            found += self._of_tag(tag)
        for path in page.written:
            if path not in self._of_path:
                if len(self._of_path) > Reader.MOST_PATHS:
                    self._of_path.clear()
                self._of_path[path] = self._placed(path.tag, ask("of_words", path))
            found += self._of_path[path]
        return found

    def _ask_tag(self, tag: Tag) -> list[Finding]:
        return self._placed(tag, ask("of_tag", tag))

    def _ask_style(self, css: str) -> list[Finding]:
        return self._known(ask("of_style", css))

    def _known(self, found: list[Finding]) -> list[Finding]:
        """Return findings as the template lint has them, with their places."""
        return [self._written.get((one.rule, one.found), one) for one in found]

    def _placed(self, tag: Tag, found: list[Finding]) -> list[Finding]:
        """Say where findings stand in the templates.

        That is where the template lint finds the same, or where one of the tag's classes stands once.
        """
        if not found:
            return found
        found = self._known(found)
        for name in tag.attributes.get("class", "").split():
            if name in self._places:
                file, line = self._places[name]
                return [one if one.template else replace(one, template=file, line=line) for one in found]
        return found


def _written(bundle: TemplateBundle, templates: Iterable[str]) -> Mapping[tuple[str, str], Finding]:
    """Return what messages will show once more of the templates, where it stands in one place."""
    found: set[Finding] = set()
    for template in list(templates) or [""]:
        sources = Sources(bundle, template)
        found.update(ask("of_written_styles", sources), ask("of_templates", sources))
    times = Counter((one.rule, one.found) for one in found)
    return {(one.rule, one.found): one for one in found if one.line and times[one.rule, one.found] == 1}


def size_bytes(email: Email) -> int:
    """Return the size of the HTML as mail clients see it, after decoding."""
    return len(email.html) if email.html.isascii() else len(email.html.encode(errors="surrogatepass"))
