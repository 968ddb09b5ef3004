"""Writes an expanded page, and stops where a value, a condition or a loop stands where it must not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from jinja2 import nodes

from recmail.errors import RenderError
from recmail.render.inline.choices import Choices
from recmail.render.inline.page import VALUE, Origin, Page, Undecided
from recmail.render.inline.tokens import Tag, Tokens
from recmail.render.inline.values import Scope, Unknown, Value, is_pure

Report = Callable[[str, str, int], None]
"""Keeps a reason why a template goes per message: what is the matter, the file, the line."""


@dataclass
class Writer:
    """One page that is being written, with the tags that are open at its end.

    Attributes:
        choices: the conditions inside tags, by the number of the tag; the same for all pages.
        file: the template that is being walked.
    """

    report: Report
    choices: dict[int, Choices]
    page: Page = field(default_factory=Page)
    tokens: Tokens = field(default_factory=Tokens)
    file: str = ""
    _tag: Tag | None = None
    _decided: dict[int, int] = field(default_factory=dict)  # in that tag

    def stop(self, message: str, node: nodes.Node) -> RenderError:
        """Return the error that ends the walk."""
        return RenderError(message, template=self.file, line=node.lineno)

    def unknown(self, value: Value, node: nodes.Node) -> None:
        """Report a value that may be anything."""
        why = value.why if isinstance(value, Unknown) else "markup is used where a plain value is needed"
        self.report(why, self.file, node.lineno)

    def write(self, text: str, origin: Origin) -> None:
        """Add a piece to the page."""
        self.page.add(text, origin)
        self.tokens.feed(text)

    def value(self, node: nodes.Node) -> None:
        """Write the character that stands for a value."""
        if self.tokens.where == "style":
            raise self.stop("a value in a style element; write two classes instead", node)
        if self.tokens.where not in ("text", "title", "comment", "value"):
            raise self.stop("a value in the middle of a tag's name or an end tag", node)
        self.tokens.boundary()
        self.write(VALUE, Origin(self.file, node.lineno, None, 0))
        self.tokens.boundary()

    def escapes(self, node: nodes.Node) -> None:
        """Stop where values are printed without being escaped."""
        if not self.file.endswith(".html.j2"):
            raise self.stop("only files named ….html.j2 escape what they print; rename this one", node)

    def edge(self, node: nodes.Node) -> None:
        """Check that no tag is cut in two by the edge of a macro, block or include."""
        if self.tokens.where not in ("text", "title", "comment"):
            raise self.stop(
                "a tag or style element begins in one template or macro and ends in another", node
            )

    @contextmanager
    def part(self, node: nodes.Node) -> Iterator[None]:
        """Walk what a message may have or not have: it opens and closes its own tags."""
        tokens, where = self.tokens, self.tokens.where
        if where == "style":
            raise self.stop("a condition or loop in a style element; write two classes instead", node)
        if where not in ("text", "title", "comment"):
            raise self.stop("a condition or loop in the middle of a tag's name or an end tag", node)
        before = tokens.floor, len(tokens.open)
        tokens.boundary()
        tokens.floor = len(tokens.open)
        tokens.optional += 1
        yield
        if len(tokens.open) > before[1]:
            tag = tokens.open[-1]
            raise Undecided(f"<{tag.name}> is not closed in the condition or loop that opens it", tag.at)
        if tokens.where != where:
            raise self.stop("this condition or loop ends inside a tag or comment, or closes one", node)
        tokens.boundary()
        tokens.optional -= 1
        tokens.floor = before[0]

    def decide(self, node: nodes.If | nodes.CondExpr, tests: Sequence[nodes.Node], scope: Scope) -> int:
        """Return the branch that a condition inside a tag takes on this page."""
        tag = self.tokens.tag
        assert tag
        if tag is not self._tag:
            self._tag, self._decided = tag, {}
        # In the second walk: what was written back asks the tag's conditions again, at its end.
        known = self._decided.get(id(tests[0]))
        if known is not None:
            return known
        if not all(is_pure(test, scope) for test in tests):
            self.report("a condition inside a tag that calls something", self.file, node.lineno)
        choice = self.choices.setdefault(tag.number, Choices()).next(len(tests) + 1)
        self._decided[id(tests[0])] = choice
        tag.decisions.append((node, choice))
        return choice
