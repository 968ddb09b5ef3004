"""Follows values that may be None through templates: which expression prints one that nobody asked about.

This is the walk of the template check with shapes that remember, beside what fields there are, which of them
may be None, and with what is known in each place: what an {% if %} around it has asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from jinja2 import nodes

from recmail.render.check import Macro, Scope, Walk, bind
from recmail.render.lint.known import dotted, if_false, if_true
from recmail.render.names import DOCUMENTED, IN_TEMPLATES, Name

# What these make of None is nothing, and no word.
NONE_IS_WELL = frozenset({"price", "date", "number", "duration", "truncate_words", "paragraphs"})


@dataclass(frozen=True)
class Value:
    """A plain value, or any other of which it is only known that it may be None."""

    maybe_none: bool


ANYTHING = Value(maybe_none=False)


class Fields(dict[str, object]):
    """Fields by name."""

    maybe_none = False


@dataclass(frozen=True, order=True)
class Bare:
    """A place where None is printed, or used as if it were a value.

    Attributes:
        written: the value as it is written there.
    """

    template: str
    line: int
    written: str
    found: str


@dataclass
class Nullable(Walk):
    """One pass over a template set."""

    known: frozenset[str] = frozenset()  # what is not None here, as written: "course.subtitle"
    bare: set[Bare] = field(default_factory=set)

    def line(self, source: str, *, name: str) -> None:
        """Walk through a line of the campaign."""
        tree = self.parse(source, name)
        if tree:
            self.body(tree, name, Scope({}, _shapes(DOCUMENTED)))

    def part(self, name: str) -> None:
        """Walk through the template of a part, with all that it uses."""
        self.template(name, Scope({}, _shapes((*DOCUMENTED, *IN_TEMPLATES))), line=0)

    def finish_bare(self) -> list[Bare]:
        """Walk through what nothing has reached, and return all that was found."""
        self.finish()
        return sorted(self.bare)

    @contextmanager
    def knowing(self, known: Iterable[str], forgotten: Iterable[str] = ()) -> Iterator[None]:
        """Know that some values are not None, and no longer what names stood for that mean others now."""
        before = self.known
        gone = frozenset(forgotten)
        kept = frozenset(one for one in before if one.partition(".")[0] not in gone)
        self.known = kept | frozenset(known)
        yield
        self.known = before

    def print_none(self, node: nodes.Node, found: str) -> None:
        """Keep a place."""
        written = dotted(node) or "the value"
        self.bare.add(Bare(self.name, node.lineno, written, f"{written} may be None, {found}"))

    # Statements

    def on_output(self, node: nodes.Output, scope: Scope) -> None:
        """Look at what is printed."""
        for printed in node.nodes:
            if _maybe_none(self.shape(printed, scope)):
                self.print_none(printed, "and the emails of these people then fail")

    def on_if(self, node: nodes.If, scope: Scope) -> None:
        """Know in each branch what its condition and those before it say."""
        self.shape(node.test, scope)
        with self.knowing(if_true(node.test)):
            self.statements(node.body, scope)
        with self.knowing(if_false(node.test)):
            if node.elif_:
                first, *others = node.elif_
                rest = nodes.If(first.test, first.body, others, node.else_, lineno=first.lineno)
                self.on_if(rest, scope)
            else:
                self.statements(node.else_, scope)

    def on_for(self, node: nodes.For, scope: Scope) -> None:
        """Know in a loop what its condition says, and no longer what its names were before."""
        items = self.shape(node.iter, scope)
        inner = scope.new_child({"loop": ANYTHING})
        bind(node.target, items[0] if isinstance(items, list) else ANYTHING, inner)
        with self.knowing((), forgotten=_names(node.target)):
            if node.test:
                self.shape(node.test, inner)
            with self.knowing(if_true(node.test) if node.test else ()):
                self.statements(node.body, inner)
        self.statements(node.else_, scope.new_child())

    def on_assign(self, node: nodes.Assign, scope: Scope) -> None:
        """Forget what a name was before it was set."""
        super().on_assign(node, scope)
        with self.knowing((), forgotten=_names(node.target)):
            after = self.known
        self.known = after

    # Expressions

    def shape(self, node: nodes.Node, scope: Scope) -> object:
        """Return the shape of an expression; what is known not to be None is sure."""
        shape = super().shape(node, scope)
        written = dotted(node)
        if written and any(one == written or one.startswith(f"{written}.") for one in self.known):
            return _sure(shape)
        return shape

    def of_getattr(self, node: nodes.Getattr, scope: Scope) -> object:
        """Look whether what the field is of may be None."""
        owner = self.shape(node.node, scope)
        if _maybe_none(owner):
            self.print_none(node.node, f"and then has no {node.attr}: emails fail")
        return self.field_of(owner, node.attr, node.lineno)

    def of_condexpr(self, node: nodes.CondExpr, scope: Scope) -> object:
        """Know on each side what the condition says."""
        self.shape(node.test, scope)
        with self.knowing(if_true(node.test)):
            one = self.shape(node.expr1, scope)
        with self.knowing(if_false(node.test)):
            other = self.shape(node.expr2, scope) if node.expr2 else ANYTHING
        if _maybe_none(one) or _maybe_none(other):
            return Value(maybe_none=True)
        return one if one is other else ANYTHING

    def of_or(self, node: nodes.Or, scope: Scope) -> object:
        """Return the shape of what is printed where the left side is None."""
        left = self.shape(node.left, scope)
        with self.knowing(if_false(node.left)):
            right = self.shape(node.right, scope)
        return Value(maybe_none=True) if _maybe_none(right) else _sure(left)

    def of_and(self, node: nodes.And, scope: Scope) -> object:
        """Know on the right side what the left one says."""
        left = self.shape(node.left, scope)
        with self.knowing(if_true(node.left)):
            right = self.shape(node.right, scope)
        return Value(maybe_none=True) if _maybe_none(left) or _maybe_none(right) else ANYTHING

    def of_concat(self, node: nodes.Concat, scope: Scope) -> object:
        """Look at what is joined: None becomes a word."""
        for part in node.nodes:
            if _maybe_none(self.shape(part, scope)):
                self.print_none(part, 'and ~ makes the word "None" of it')
        return ANYTHING

    def of_filter(self, node: nodes.Filter, scope: Scope) -> object:
        """Look at what a filter is given."""
        made = super().of_filter(node, scope)
        if node.node is None or node.name in NONE_IS_WELL or not _maybe_none(self.shape(node.node, scope)):
            return made
        if node.name not in ("default", "d"):
            self.print_none(node.node, f"and |{node.name} then fails or makes a word of it")
            return made
        given = [*node.args[1:], *(pair.value for pair in node.kwargs if pair.key == "boolean")]
        if not given:
            self.print_none(
                node.node, f"and |{node.name} leaves None as it is without a second argument, true"
            )
        return ANYTHING

    def call(self, macro: Macro, node: nodes.Call | None, scope: Scope) -> None:
        """Know in a macro of its arguments what is known where it is called."""
        names = [argument.name for argument in macro.node.args]
        pairs = list(zip(names, node.args, strict=False)) if node else []
        pairs += [(pair.key, pair.value) for pair in node.kwargs] if node else []
        inside = {name + one[len(written) :] for name, value in pairs for one, written in self._about(value)}
        outer = {name.partition(".")[0] for name in self.known}
        gone = [name for name in outer if name in names or macro.scope.get(name) is not scope.get(name)]
        # The arguments are looked at outside, and the body with what is known there.
        with self.knowing(inside, forgotten=gone):
            super().call(macro, node, scope)

    def _about(self, value: nodes.Expr) -> list[tuple[str, str]]:
        """Return what is known of an argument or of its fields, with how the argument is written."""
        written = dotted(value)
        return [(one, written) for one in self.known if written and f"{one}.".startswith(f"{written}.")]


def _maybe_none(shape: object) -> bool:
    return isinstance(shape, Value | Fields) and shape.maybe_none


def _sure(shape: object) -> object:
    if isinstance(shape, Fields) and shape.maybe_none:
        return Fields(shape)
    return Value(maybe_none=False) if isinstance(shape, Value) else shape


def _names(target: nodes.Node) -> list[str]:
    return [name.name for name in [target, *target.find_all(nodes.Name)] if isinstance(name, nodes.Name)]


def _shapes(names: Iterable[Name]) -> dict[str, object]:
    """Return the documented names with what may be None."""
    shapes = Fields()
    for name in names:
        owner: object = shapes
        *owners, last = name.path.split(".")
        for part in owners:
            inner = owner[part.removesuffix("[]")] if isinstance(owner, Fields) else None
            owner = inner[0] if isinstance(inner, list) else inner
        assert isinstance(owner, Fields), f"{name.path} stands before what holds it"
        if name.kind == "courses":
            owner["courses"] = shapes["courses"]
            continue
        plain = name.kind in ("text", "number")
        shape: object = Value(name.may_be_none) if plain else Fields()
        if isinstance(shape, Fields):
            shape.maybe_none = name.may_be_none
        owner[last.removesuffix("[]")] = [shape] if last.endswith("[]") else shape
    return shapes
