"""Finds mistakes in templates without rendering anybody: syntax, names, fields, filters, missing files."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from jinja2 import Environment, TemplateSyntaxError, nodes

from recmail.errors import RenderError, did_you_mean
from recmail.render.bundle import TemplateBundle
from recmail.render.environment import make_environment, other_part, render_error
from recmail.render.names import BODY_NAMES, NAMES

_ANYTHING = object()
"""The shape of what this walk knows nothing about; every use of it is allowed."""

_PLAIN_ATTRIBUTES = frozenset({*dir(str), *dir(int), *dir(float)})
# Filters that keep a list's items, and filters that return one: what comes out of them stays checked.
_SAME = frozenset({"list", "sort", "reverse", "unique", "select", "reject", "selectattr", "rejectattr"})
_ITEM = frozenset({"first", "last", "random"})
# Filters that name a field of each item: in their first argument, or in `attribute=`.
_FIELD_FIRST = frozenset({"selectattr", "rejectattr", "groupby"})
_FIELD_KEYWORD = frozenset({"map", "sort", "sum", "min", "max", "unique", "join", "groupby"})

Scope = ChainMap[str, object]


@dataclass(frozen=True, eq=False)
class Macro:
    """A macro, with the template and the names around it."""

    node: nodes.Macro
    template: str
    scope: Scope


def check_templates(
    bundle: TemplateBundle, *, template: str, subject: str, preheader: str | None
) -> list[RenderError]:
    """Return every mistake in a campaign's two lines and in its templates, with all that they include.

    Found are syntax errors, names and fields that the documented context does not have, unknown filters and
    tests, and missing files; also in branches that nobody reaches. What `is defined` or `default` asks about
    is no mistake. In file order: the subject, the preheader, then each template as it is met, by line.
    """
    walk = Walk(bundle)
    walk.line(subject, name="subject")
    walk.line(preheader or "", name="preheader")
    for kind in ("html", "txt"):
        walk.in_html = kind == "html"
        walk.template(f"{template}.{kind}.j2", Scope({}, dict(NAMES | BODY_NAMES)), line=0)
    return walk.finish()


def check_line(source: str, *, name: str) -> list[RenderError]:
    """Return every mistake in one line of a campaign, by line; `name` stands for its template."""
    walk = Walk(TemplateBundle({}))
    walk.line(source, name=name)
    return walk.finish()


@dataclass
class Walk:
    """One pass over a template set: each statement with the names it sees, each expression with its shape."""

    bundle: TemplateBundle
    sources: dict[str, str] = field(default_factory=dict)  # what was met, in that order
    trees: dict[str, nodes.Template | None] = field(default_factory=dict)
    errors: dict[tuple[str, int, str], RenderError] = field(default_factory=dict)
    macros: dict[Macro, bool] = field(default_factory=dict)  # whether it was called
    scoped_blocks: dict[str, Scope] = field(default_factory=dict)
    under_way: list[object] = field(default_factory=list)
    name: str = ""
    in_html: bool = False  # else in the text, or in a line of the campaign

    @cached_property
    def environment(self) -> Environment:
        """The environment that renders, for its syntax, filters, tests and globals."""
        return make_environment(self.bundle)

    def report(self, message: str, line: int, *, template: str | None = None) -> None:
        """Keep a mistake, once for each place."""
        name = self.name if template is None else template
        self.errors.setdefault((name, line, message), RenderError(message, template=name, line=line))

    def line(self, source: str, *, name: str) -> None:
        """Check a line of the campaign."""
        tree = self.parse(source, name)
        if tree:
            self.body(tree, name, Scope({}, dict(NAMES)))

    def template(self, name: str, scope: Scope, *, line: int) -> None:
        """Check a template in the names that `scope` gives it; its own names are added to `scope`."""
        if name not in self.bundle.files:
            advice = did_you_mean(name, self.bundle.files)
            self.report(f"there is no template {name!r} in the templates folder{advice}", line)
        elif name not in self.under_way:
            tree = self.trees[name] if name in self.trees else self.parse(self.bundle.files[name], name)
            if tree:
                self.body(tree, name, scope)

    def parse(self, source: str, name: str) -> nodes.Template | None:
        """Parse a template once."""
        self.sources[name] = source
        self.trees[name] = None
        try:
            self.trees[name] = self.environment.parse(source, name, name)
        except TemplateSyntaxError as error:
            found = render_error(error)
            self.report(found.message, found.line, template=name)
        return self.trees[name]

    def body(self, tree: nodes.Template, name: str, scope: Scope) -> None:
        """Check a template's statements: a child's own first, then its parent, then the blocks it fills."""
        before, self.name = self.name, name
        self.under_way.append(name)
        extends = [node for node in tree.body if isinstance(node, nodes.Extends)]
        blocks = [node for node in tree.body if isinstance(node, nodes.Block) and extends]
        self.statements([node for node in tree.body if node not in extends and node not in blocks], scope)
        for node in extends:
            self.other(node.template, scope, node.lineno)
        self.statements(blocks, scope)
        self.under_way.pop()
        self.name = before

    def finish(self) -> list[RenderError]:
        """Check what no walk has reached, and return everything found in file order."""
        for macro in [macro for macro, called in self.macros.items() if not called]:
            self.call(macro, None, macro.scope)
        for name, source in self.sources.items():
            if any(template == name for template, _, _ in self.errors):
                continue
            try:
                self.environment.compile(source, name, name)
            except TemplateSyntaxError as error:  # what only the compiler sees: a block defined twice
                found = render_error(error)
                self.report(found.message, found.line, template=name)
        order = ["", *self.sources]
        return sorted(self.errors.values(), key=lambda error: (order.index(error.template), error.line))

    # Statements. One without a method here is checked part by part.

    def statements(self, body: Iterable[nodes.Node], scope: Scope) -> None:
        """Check statements one after the other."""
        for node in body:
            getattr(self, f"on_{type(node).__name__.lower()}", self.parts)(node, scope)

    def parts(self, node: nodes.Node, scope: Scope) -> None:
        """Check the expressions and statements that a node consists of."""
        for child in node.iter_child_nodes():
            if isinstance(child, nodes.Expr):
                self.shape(child, scope)
            else:
                self.statements([child], scope)

    def on_for(self, node: nodes.For, scope: Scope) -> None:
        """Bind what a loop runs over to the shape of its items."""
        items = self.shape(node.iter, scope)
        inner = scope.new_child({"loop": _ANYTHING})
        bind(node.target, items[0] if isinstance(items, list) else _ANYTHING, inner)
        if node.test:
            self.shape(node.test, inner)
        self.statements(node.body, inner)
        self.statements(node.else_, scope.new_child())

    def on_assign(self, node: nodes.Assign, scope: Scope) -> None:
        """Bind a name that is set."""
        bind(node.target, self.shape(node.node, scope), scope)

    def on_assignblock(self, node: nodes.AssignBlock, scope: Scope) -> None:
        """Bind a name that is set to a piece of text."""
        self.statements(node.body, scope.new_child())
        bind(node.target, None, scope)

    def on_with(self, node: nodes.With, scope: Scope) -> None:
        """Bind names for a part of a template."""
        inner = scope.new_child()
        for target, value in zip(node.targets, node.values, strict=True):
            bind(target, self.shape(value, scope), inner)
        self.statements(node.body, inner)

    def on_block(self, node: nodes.Block, scope: Scope) -> None:
        """Check a block; one that fills a scoped block sees the names around that."""
        if node.scoped:
            self.scoped_blocks.setdefault(node.name, scope)
        outer = self.scoped_blocks.get(node.name, scope)
        self.statements(node.body, outer.new_child({"super": _ANYTHING, "self": _ANYTHING}))

    def on_macro(self, node: nodes.Macro, scope: Scope) -> None:
        """Keep a macro until it is called, since only then its arguments have shapes."""
        macro = Macro(node, self.name, scope)
        self.macros.setdefault(macro, False)
        scope[node.name] = macro

    def on_callblock(self, node: nodes.CallBlock, scope: Scope) -> None:
        """Check a call and the text handed to it."""
        inner = scope.new_child()
        for argument in node.args:
            bind(argument, _ANYTHING, inner)
        self.shape(node.call, scope)
        self.statements(node.body, inner)

    def on_include(self, node: nodes.Include, scope: Scope) -> None:
        """Check an included template in the names of this place."""
        named = node.template
        optional = (
            node.ignore_missing and isinstance(named, nodes.Const) and named.value not in self.bundle.files
        )
        if not optional:
            self.other(named, scope.new_child() if node.with_context else Scope(), node.lineno)

    def on_import(self, node: nodes.Import, scope: Scope) -> None:
        """Bind a template's macros and names under one name."""
        scope[node.target] = self.exports(node, scope)

    def on_fromimport(self, node: nodes.FromImport, scope: Scope) -> None:
        """Bind some of a template's macros and names."""
        exported = self.exports(node, scope)
        for wanted in node.names:
            name, alias = wanted if isinstance(wanted, tuple) else (wanted, wanted)
            scope[alias] = self.field_of(exported, name, node.lineno)

    def exports(self, node: nodes.Import | nodes.FromImport, scope: Scope) -> object:
        """Check an imported template and return the names it makes."""
        inner = scope.new_child() if node.with_context else Scope()
        known = self.other(node.template, inner, node.lineno)
        return dict(inner.maps[0]) if known else _ANYTHING

    def other(self, named: nodes.Expr, scope: Scope, line: int) -> bool:
        """Check another template that this one uses; return whether it could be read."""
        constants = [named] if isinstance(named, nodes.Const) else [*named.find_all(nodes.Const)]
        for name in (one.value for one in constants):  # each one of a list or a choice
            if isinstance(name, str) and (why := other_part(name, in_html=self.in_html)):
                self.report(why, line)
        if not isinstance(named, nodes.Const) or not isinstance(named.value, str):
            self.shape(named, scope)
            return False
        self.template(named.value, scope, line=line)
        return self.trees.get(named.value) is not None

    # Expressions. Each method returns the shape of its value: fields by name, [the shape of items], None for
    # a plain value, a macro, or _ANYTHING.

    def shape(self, node: nodes.Node, scope: Scope) -> object:
        """Check an expression and return the shape of its value."""
        method = getattr(self, f"of_{type(node).__name__.lower()}", None)
        if method:
            return method(node, scope)
        self.parts(node, scope)
        return _ANYTHING

    def of_name(self, node: nodes.Name, scope: Scope) -> object:
        """Find a name."""
        if node.name in scope:
            return scope[node.name]
        if node.name not in self.environment.globals:
            hint = _inside(node.name, scope) or did_you_mean(node.name, scope)
            self.report(f"{node.name!r} is not defined{hint}", node.lineno)
        return _ANYTHING

    def of_getattr(self, node: nodes.Getattr, scope: Scope) -> object:
        """Find a field: `user.first_name`."""
        return self.field_of(self.shape(node.node, scope), node.attr, node.lineno)

    def of_getitem(self, node: nodes.Getitem, scope: Scope) -> object:
        """Find a field or an item: `user["first_name"]`, `courses[0]`, `courses[:2]`."""
        owner = self.shape(node.node, scope)
        self.shape(node.arg, scope)
        if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
            return self.field_of(owner, node.arg.value, node.lineno)
        if isinstance(owner, list):
            return owner if isinstance(node.arg, nodes.Slice) else owner[0]
        return _ANYTHING

    def of_condexpr(self, node: nodes.CondExpr, scope: Scope) -> object:
        """Check both sides; the shape is known when they agree."""
        self.shape(node.test, scope)
        one = self.shape(node.expr1, scope)
        other = self.shape(node.expr2, scope) if node.expr2 else _ANYTHING
        return one if one is other else _ANYTHING

    def of_test(self, node: nodes.Test, scope: Scope) -> object:
        """Check a test; `is defined` may ask about anything, and what it asked about may then be used."""
        if node.name in ("defined", "undefined"):
            if isinstance(node.node, nodes.Name):
                scope.setdefault(node.node.name, _ANYTHING)
            return None
        if node.name not in self.environment.tests:
            self.report(
                f"there is no test {node.name!r}{did_you_mean(node.name, self.environment.tests)}",
                node.lineno,
            )
        self.parts(node, scope)
        return None

    def of_filter(self, node: nodes.Filter, scope: Scope) -> object:
        """Check a filter, and the fields that its arguments name."""
        if node.name not in self.environment.filters:
            advice = did_you_mean(node.name, self.environment.filters)
            self.report(f"there is no filter {node.name!r}{advice}", node.lineno)
        for argument in [*node.args, *(pair.value for pair in node.kwargs)]:
            self.shape(argument, scope)
        if node.node is None or node.name in ("default", "d"):
            return _ANYTHING
        held = self.shape(node.node, scope)
        if not isinstance(held, list):
            return _ANYTHING
        for named in _field_arguments(node):
            self.field_of(held[0], named.split(".")[0], node.lineno)
        return held if node.name in _SAME else held[0] if node.name in _ITEM else _ANYTHING

    def of_call(self, node: nodes.Call, scope: Scope) -> object:
        """Check a call; a macro is checked with the shapes that it is called with."""
        called = self.shape(node.node, scope)
        if isinstance(called, Macro):
            self.call(called, node, scope)
        else:
            for argument in [*node.args, *(pair.value for pair in node.kwargs)]:
                self.shape(argument, scope)
        return _ANYTHING

    def call(self, macro: Macro, node: nodes.Call | None, scope: Scope) -> None:
        """Check a macro's body for one call; without a call its arguments may be anything."""
        self.macros[macro] = True
        inner = macro.scope.new_child(dict.fromkeys(("caller", "varargs", "kwargs"), _ANYTHING))
        names = [argument.name for argument in macro.node.args]
        inner.update(dict.fromkeys(names, _ANYTHING))
        for name, value in zip(names, node.args if node else (), strict=False):
            inner[name] = self.shape(value, scope)
        for pair in node.kwargs if node else ():
            inner[pair.key] = self.shape(pair.value, scope)
        if macro in self.under_way:
            return
        before, self.name = self.name, macro.template
        self.under_way.append(macro)
        for default in macro.node.defaults:
            self.shape(default, inner)
        self.statements(macro.node.body, inner)
        self.under_way.pop()
        self.name = before

    def field_of(self, owner: object, name: str, line: int) -> object:
        """Return the shape of a field, or report that there is none."""
        if isinstance(owner, dict):
            if name in owner:
                return owner[name]
            if not hasattr(dict, name):
                self.report(f"{name!r} is not defined{did_you_mean(name, owner)}", line)
        elif isinstance(owner, list) and not hasattr(list, name):
            self.report(f"{name!r} is not defined: this is a list; use one of its items, or a for loop", line)
        elif owner is None and name not in _PLAIN_ATTRIBUTES:
            self.report(f"{name!r} is not defined: this is a plain value", line)
        return _ANYTHING


def bind(target: nodes.Node, shape: object, scope: Scope) -> None:
    """Give a name, or each name of a tuple, its shape."""
    if isinstance(target, nodes.Name):
        scope[target.name] = shape
    elif isinstance(target, nodes.Tuple):
        for item in target.items:
            bind(item, _ANYTHING, scope)


def _inside(name: str, scope: Scope) -> str:
    """Say where a name is to be found that lacks what stands before its dot."""
    for owner, shape in scope.items():
        one = f"{owner}[0]" if isinstance(shape, list) else owner
        fields = shape[0] if isinstance(shape, list) else shape
        if isinstance(fields, dict) and name in fields:
            return f"; did you mean {one}.{name}?"
    return ""


def _field_arguments(node: nodes.Filter) -> list[str]:
    values = node.args[:1] if node.name in _FIELD_FIRST else []
    if node.name in _FIELD_KEYWORD:
        values = values + [pair.value for pair in node.kwargs if pair.key == "attribute"]
    constants = [value.value for value in values if isinstance(value, nodes.Const)]
    return [constant for constant in constants if isinstance(constant, str)]
