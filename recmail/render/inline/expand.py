"""Walks the templates of an email, without running them, and writes the page that holds all they may print.

Every branch of a condition stands on the page after the other, the body of a loop once, macros, includes and
blocks at each place where they are used. Conditions inside a tag need a page for each combination.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from jinja2 import TemplateSyntaxError, nodes
from markupsafe import escape

from recmail.errors import RenderError
from recmail.render.environment import OUTPUT_LIMIT_CHARS, render_error
from recmail.render.inline.choices import MOST_PAGES, Choices
from recmail.render.inline.page import Origin, Page, Undecided
from recmail.render.inline.tokens import Tag
from recmail.render.inline.trees import Trees
from recmail.render.inline.values import (
    ESCAPED,
    PLAIN,
    Either,
    Macro,
    Module,
    Plain,
    Scope,
    Super,
    Text,
    Unknown,
    Value,
    bind_call,
    bound_names,
    is_constant,
    is_words,
    value_of,
)
from recmail.render.inline.writer import Report, Writer

_DEEPEST = 8


def expand(trees: Trees, name: str, report: Report) -> list[tuple[Page, list[Tag]]]:
    """Return the pages of a template, one for each combination of the conditions inside a tag.

    Raises:
        RenderError: nothing can be said about the rest of the template from this place on.
    """
    choices: dict[int, Choices] = {}
    pages: list[tuple[Page, list[Tag]]] = []
    while not pages or not all(one.done for one in choices.values()):
        if len(pages) == MOST_PAGES:
            raise RenderError(f"more than {MOST_PAGES} combinations of conditions in one tag", template=name)
        walk = _Walk(report, choices, trees=trees)
        walk.whole(name)
        pages.append((walk.page, walk.tokens.tags))
        for one in choices.values():
            one.advance()
    return pages


@dataclass
class _Walk(Writer):
    """The walk that writes one page."""

    trees: Trees = field(kw_only=True)
    blocks: dict[str, list[tuple[nodes.Block, str]]] = field(default_factory=dict)
    top: Scope = field(default_factory=lambda: Scope({}))
    held: dict[int, tuple[str, int]] = field(default_factory=dict)  # of call blocks: where they are
    under_way: list[int] = field(default_factory=list)  # ids: equal nodes may stand in two places

    def whole(self, name: str) -> None:
        """Walk the template that a campaign names."""
        try:
            self.template(name, Scope({}))
            self.tokens.finish()
            for file, line in self.held.values():
                self.report("what stands in this call block is printed nowhere; remove it", file, line)
        except Undecided as error:
            origin = self.page.origin(error.at)
            raise RenderError(error.message, template=origin.file or name, line=origin.line) from error
        except TemplateSyntaxError as error:
            raise render_error(error) from error
        except RecursionError as error:
            raise RenderError("a macro calls itself without end", template=self.file or name) from error

    # Templates

    def template(self, name: str, scope: Scope) -> None:
        """Walk a template and those that it extends."""
        before, depth = (self.file, self.blocks, self.top), len(self.under_way)
        self.blocks, self.top = {}, scope
        parent: str | None = name
        while parent is not None:
            self.file = parent
            tree = self.trees[parent]
            if id(tree) in self.under_way:
                raise self.stop("extends or includes itself", tree)
            self.under_way.append(id(tree))
            for block in tree.find_all(nodes.Block):
                self.blocks.setdefault(block.name, []).append((block, parent))
            parent = self.layer(tree, scope)
        del self.under_way[depth:]
        self.file, self.blocks, self.top = before

    def layer(self, tree: nodes.Template, scope: Scope) -> str | None:
        """Walk one template of an inheritance; return the name of the one that it extends."""
        extends = list(tree.find_all(nodes.Extends))
        if not extends:
            self.statements(tree.body, scope)
            return None
        if len(extends) > 1 or extends[0] not in tree.body:
            raise self.stop("extends in a condition, or more than once", extends[0])
        at = tree.body.index(extends[0])
        self.statements(tree.body[:at], scope)
        self.bindings(tree.body[at + 1 :], scope)
        return self.constant(extends[0].template, extends[0])

    def constant(self, named: nodes.Expr, node: nodes.Node) -> str:
        """Return the name of another template."""
        if not isinstance(named, nodes.Const) or not isinstance(named.value, str):
            raise self.stop("which template is used depends on a value; write its name", node)
        return self.known(named.value, node)

    def known(self, name: str, node: nodes.Node) -> str:
        """Return a template's name if there is one."""
        if name not in self.trees:
            raise self.stop(f"there is no template {name!r} in the templates folder", node)
        return name

    def bindings(self, body: Sequence[nodes.Node], scope: Scope) -> None:
        """Take the names from statements whose output is not printed."""
        for node in body:
            match node:
                case nodes.Output() | nodes.Block():
                    pass
                case (
                    nodes.Macro() | nodes.Assign() | nodes.AssignBlock() | nodes.Import() | nodes.FromImport()
                ):
                    self.statements([node], scope)
                case _:
                    raise self.stop("only blocks, macros, set and import are understood here", node)

    # Statements

    def statements(self, body: Sequence[nodes.Node], scope: Scope) -> None:
        """Walk statements one after the other."""
        for node in body:
            if self.page.size > OUTPUT_LIMIT_CHARS:
                raise self.stop("macros and includes print too much in all", node)
            method = getattr(self, f"on_{type(node).__name__.lower()}", None)
            if method is None:
                raise self.stop(f"{type(node).__name__} is not understood", node)
            if self.tokens.where in ("tag", "value") and not isinstance(node, nodes.Output | nodes.If):
                raise self.stop("only values and conditions are understood inside a tag", node)
            method(node, scope)

    def body(self, text: Text) -> None:
        """Walk a macro, block or include: as a whole, never across the edge of a tag."""
        if self.under_way.count(id(text.source)) == _DEEPEST:  # a macro may stand in itself: call blocks do
            raise self.stop("calls itself without end", text.source)
        before, self.file = self.file, text.file
        self.held.pop(id(text.source), None)
        self.under_way.append(id(text.source))
        self.edge(text.source)
        self.statements(text.body, text.scope.new_child())
        self.edge(text.source)
        self.under_way.pop()
        self.file = before

    def on_if(self, node: nodes.If, scope: Scope) -> None:
        """Walk all branches; inside a tag, one."""
        branches = [node.body, *(other.body for other in node.elif_), node.else_]
        if self.tokens.where in ("tag", "value"):
            tag = self.tokens.tag
            tests: list[nodes.Node] = [node.test, *(other.test for other in node.elif_)]
            self.statements(branches[self.decide(node, tests, scope)], scope)
            if self.tokens.tag is not tag:
                raise self.stop("this condition begins inside a tag and ends outside of it", node)
            return
        for branch in branches:
            with self.part(node):
                self.statements(branch, scope)

    def on_for(self, node: nodes.For, scope: Scope) -> None:
        """Walk the body once, and what is printed when there is nothing to go through."""
        items = value_of(node.iter, scope)
        if not isinstance(items, Plain):
            self.unknown(items, node)
            items = PLAIN
        if node.recursive:
            raise self.stop("a recursive loop is not understood", node)
        inner = scope.new_child({"loop": PLAIN})
        one = Plain(items.lazy and not isinstance(node.iter, nodes.Filter), items.escaped)
        for name in bound_names(node.target):
            inner[name] = one
        with self.part(node):
            self.statements(node.body, inner)
        with self.part(node):
            self.statements(node.else_, scope.new_child())

    def on_block(self, node: nodes.Block, scope: Scope) -> None:
        """Walk a block as the templates that extend this one have it."""
        known = self.blocks.get(node.name, [])
        if not any(node is one for one, _ in known):
            raise self.stop("a block inside a macro or set is not understood", node)
        self.definition(Super(known, scope if node.scoped else self.top))

    def definition(self, block: Super) -> None:
        """Walk the first definition of a block; the others are what super() prints in it."""
        (node, file), *rest = block.definitions
        inner = block.scope.new_child()
        inner["super"] = Super(rest, block.scope) if rest else PLAIN
        self.body(Text(node.body, file, inner, node))

    def on_include(self, node: nodes.Include, scope: Scope) -> None:
        """Walk another template in the names of this place."""
        named = node.template.value if isinstance(node.template, nodes.Const) else ""
        if node.ignore_missing and named and named not in self.trees:
            return
        name = self.constant(node.template, node)
        tree = self.trees[name]
        plain = all(isinstance(part, nodes.Output) for part in tree.body)
        if self.tokens.where == "style" and plain:  # a stylesheet
            self.template(name, Scope({}))
            if self.tokens.where != "style":
                raise self.stop("the stylesheet ends the style element", node)
            return
        self.edge(node)
        self.template(name, scope.new_child() if node.with_context else Scope({}))
        self.edge(node)

    def on_import(self, node: nodes.Import, scope: Scope) -> None:
        """Bind the macros of another template under one name."""
        self.bind(node.target, Module(self.exports(node, scope)), scope)

    def on_fromimport(self, node: nodes.FromImport, scope: Scope) -> None:
        """Bind some macros of another template."""
        names = self.exports(node, scope)
        for wanted in node.names:
            name, alias = wanted if isinstance(wanted, tuple) else (wanted, wanted)
            self.bind(alias, names.get(name, PLAIN), scope)

    def exports(self, node: nodes.Import | nodes.FromImport, scope: Scope) -> dict[str, Value]:
        """Return the names that an imported template has at its top."""
        name = self.constant(node.template, node)
        tree = self.trees[name]
        if id(tree) in self.under_way:
            raise self.stop("imports itself", node)
        inner = scope.new_child() if node.with_context else Scope({})
        before, self.file = self.file, name
        self.under_way.append(id(tree))
        self.bindings(tree.body, inner)
        self.under_way.pop()
        self.file = before
        return {key: value for key, value in inner.maps[0].items() if not key.startswith("_")}

    def on_macro(self, node: nodes.Macro, scope: Scope) -> None:
        """Bind a macro."""
        self.escapes(node)
        self.bind(node.name, Macro(node, self.file, scope), scope)

    def on_callblock(self, node: nodes.CallBlock, scope: Scope) -> None:
        """Walk a macro that prints the body of this call as caller()."""
        self.escapes(node)
        called = value_of(node.call.node, scope)
        if not isinstance(called, Macro):
            raise self.stop("what is called here is not a macro of these templates", node)
        if not is_words(node.body, scope):
            self.held[id(node)] = (self.file, node.lineno)
        self.print(bind_call(called, node.call, scope, Macro(node, self.file, scope)), node)

    def on_assign(self, node: nodes.Assign, scope: Scope) -> None:
        """Bind a name, or the names of a tuple."""
        value = value_of(node.node, scope)
        if isinstance(node.target, nodes.Name):
            self.bind(node.target.name, value, scope)
            return
        if not isinstance(value, Plain):
            self.unknown(value, node)
        elif (value.escaped or value.lazy) and isinstance(node.target, nodes.NSRef):
            message = "what a macro or filter returns is kept in a namespace; use a name of its own"
            self.report(message, self.file, node.lineno)
        for name in bound_names(node.target):
            self.bind(name, value if isinstance(value, Plain) else PLAIN, scope)

    def on_assignblock(self, node: nodes.AssignBlock, scope: Scope) -> None:
        """Bind a name to what statements print."""
        self.escapes(node)
        value: Value = Text(node.body, self.file, scope, node)
        if is_words(node.body, scope):
            value = ESCAPED
        if node.filter is not None:
            value = self.filtered(value, node.filter)
        if isinstance(node.target, nodes.Name):
            self.bind(node.target.name, value, scope)
        else:
            self.report("text is kept in a namespace; use a name of its own", self.file, node.lineno)

    def on_filterblock(self, node: nodes.FilterBlock, scope: Scope) -> None:
        """Walk statements whose output goes through a filter."""
        inner = scope.new_child()
        value: Value = ESCAPED if is_words(node.body, inner) else Text(node.body, self.file, inner, node)
        self.print(self.filtered(value, node.filter), node)

    def filtered(self, value: Value, by: nodes.Filter) -> Value:
        """Return what a filter over printed text makes of it: text that is not escaped again."""
        names = []
        node: nodes.Expr | None = by
        while isinstance(node, nodes.Filter):
            names += [node.name] + ["…"] * bool(node.args or node.kwargs or node.dyn_args or node.dyn_kwargs)
            node = node.node
        allowed = {"trim", "upper", "lower"} if isinstance(value, Plain) else {"trim"}
        wrong = next((name for name in names if name not in allowed), None)
        return Unknown(f"the filter {wrong} over a block may change markup") if wrong else value

    def on_scope(self, node: nodes.Scope, scope: Scope) -> None:
        """Stop at {% autoescape %}, which Jinja reads as a scope."""
        raise self.stop("autoescape is not understood; leave it out", node.body[0])

    def on_with(self, node: nodes.With, scope: Scope) -> None:
        """Bind names for some statements."""
        inner = scope.new_child()
        for target, value in zip(node.targets, node.values, strict=True):
            found = value_of(value, scope)
            if isinstance(target, nodes.Name):
                inner[target.name] = found
            elif not isinstance(found, Plain):
                self.unknown(found, node)
        self.statements(node.body, inner)

    def bind(self, name: str, value: Value, scope: Scope) -> None:
        """Bind a name; which of two pieces of markup it would print later depends on the person."""
        before = scope.maps[0].get(name)
        if isinstance(before, Plain) and isinstance(value, Plain):
            value = Plain(before.lazy or value.lazy, before.escaped or value.escaped)
        elif before is not None:
            value = Unknown(f"{name!r} is set in two places, and holds markup; use two names")
        scope[name] = value

    # What is printed

    def on_output(self, node: nodes.Output, scope: Scope) -> None:
        """Walk the pieces of text and the values between them."""
        for part in node.nodes:
            if isinstance(part, nodes.TemplateData):
                self.write(part.data, Origin(self.file, part.lineno, part, 0))
            else:
                self.escapes(part)
                self.printed(part, scope)

    def printed(self, node: nodes.Node, scope: Scope) -> None:
        """Walk one {{ … }}."""
        value = value_of(node, scope)
        if self.tokens.where not in ("tag", "value"):
            self.print(value, node)
        elif self.tokens.where == "tag":
            raise self.stop('a value outside quotes in a tag; write attribute="{{ … }}"', node)
        elif not isinstance(value, Plain):
            self.unknown(value, node)
        elif is_constant(node):
            self.constants(node, scope, node)
        else:
            self.value(node)
            assert self.tokens.tag
            self.tokens.tag.calls |= isinstance(node, nodes.Call) or node.find(nodes.Call) is not None

    def constants(self, node: nodes.Node | None, scope: Scope, printed: nodes.Node) -> None:
        """Walk {{ "a" }} inside a tag as text, and {{ "a" if x else "b" }} as the condition that it is."""
        if isinstance(node, nodes.CondExpr):
            sides = [node.expr1, node.expr2]
            self.constants(sides[self.decide(node, [node.test], scope)], scope, printed)
        elif isinstance(node, nodes.Const):
            self.write(str(escape(str(node.value))), Origin(self.file, node.lineno, None, 0, printed))

    def print(self, value: Value, node: nodes.Node) -> None:
        """Walk what a value prints outside of tags."""
        match value:
            case Plain():
                self.value(node)
            case Text():
                if isinstance(node, nodes.Name):  # it may not be set after all: then it is a plain value
                    self.value(node)
                self.body(value)
            case Super():
                self.definition(value)
            case Either():
                for side in value.values:
                    with self.part(node):
                        self.print(side, node)
            case _:
                self.unknown(value, node)
                self.value(node)
