"""What an expression of a template may print: one plain value, or markup that the templates themselves hold.

A plain value is text that autoescape makes harmless. Whatever is not on the lists below is Unknown: a filter
such as `safe` prints markup that no template shows, and then nothing can be said about the page.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jinja2 import nodes

from recmail.render.format import FILTERS

Scope = ChainMap[str, "Value"]

# None of these makes markup of what is none: no safe, tojson, xmlattr, urlize, indent, attr.
_SAFE_FILTERS = frozenset(
    {
        *FILTERS,
        *("abs", "capitalize", "center", "count", "d", "default", "dictsort", "e", "escape"),
        *("filesizeformat", "first", "float", "format", "groupby", "int", "join", "last", "length", "list"),
        *("lower", "max", "min", "random", "replace", "round", "sort", "string", "striptags", "sum", "title"),
        *("trim", "truncate", "upper", "urlencode", "wordcount", "wordwrap"),
    }
)
# These return what can be gone through only once.
_LAZY_FILTERS = frozenset(
    ("batch", "items", "map", "reject", "rejectattr", "reverse", "select", "selectattr", "slice", "unique")
)
_TRANSPARENT = (
    *(nodes.BinExpr, nodes.UnaryExpr, nodes.And, nodes.Or, nodes.Concat, nodes.List, nodes.Tuple),
    *(nodes.Dict, nodes.Pair, nodes.Keyword, nodes.Slice, nodes.CondExpr, nodes.Getitem, nodes.Compare),
    *(nodes.Operand, nodes.Test),
)
_MARKUP = re.compile("[<>\"']")


@dataclass(frozen=True)
class Plain:
    """Words that hold no tag when they are printed.

    Attributes:
        lazy: going through it uses it up.
        escaped: it may be, or hold, text that is escaped already and not again: what a macro of words prints.
            No field of it may be asked for, since some of its methods make markup: translate.
    """

    lazy: bool = False
    escaped: bool = False


@dataclass(frozen=True)
class Unknown:
    """What cannot be told; `why` says it to the author."""

    why: str


@dataclass(frozen=True, eq=False)
class Text:
    """Statements whose output is printed elsewhere: a set block, the body of a call, a macro with arguments.

    Attributes:
        source: the macro or block, by which endless recursion is noticed.
    """

    body: Sequence[nodes.Node]
    file: str
    scope: Scope
    source: nodes.Node


@dataclass(frozen=True, eq=False)
class Macro:
    """A macro, or what a call block hands to one as `caller`."""

    node: nodes.Macro | nodes.CallBlock
    file: str
    scope: Scope


@dataclass(frozen=True, eq=False)
class Super:
    """What `super()` prints in a block: the next definition up the inheritance, with the rest above it."""

    definitions: Sequence[tuple[nodes.Block, str]]
    scope: Scope


@dataclass(frozen=True)
class Module:
    """An imported template."""

    names: dict[str, Value]


@dataclass(frozen=True, eq=False)
class Either:
    """One of two values, by a condition."""

    values: Sequence[Value]


Value = Plain | Unknown | Text | Macro | Super | Module | Either
PLAIN, ESCAPED = Plain(), Plain(escaped=True)


def value_of(node: nodes.Node | None, scope: Scope) -> Value:
    """Return what an expression may print, in the names of its place."""
    match node:
        case None | nodes.Const() | nodes.TemplateData():
            return PLAIN
        case nodes.Name():
            return _name(node, scope)
        case nodes.Getattr():
            return _field(node, scope)
        case nodes.Call():
            return _call(node, scope)
        case nodes.Filter():
            return _filter(node, scope)
        case nodes.CondExpr():
            sides = [value_of(node.expr1, scope), value_of(node.expr2, scope)]
            if all(isinstance(side, Text | Super | Either | Plain) for side in sides):
                return _all_plain(sides) or Either(sides)
        case nodes.Not():
            return PLAIN
    if isinstance(node, _TRANSPARENT):
        parts = plain_parts(node.iter_child_nodes(), scope)
        if (
            isinstance(parts, Plain)
            and parts.lazy
            and isinstance(node, nodes.List | nodes.Tuple | nodes.Dict)
        ):
            return Unknown("a filtered list in a list; add |list to it")
        if isinstance(node, nodes.Getitem):
            return _without_fields(parts)
        return parts
    return Unknown(f"{type(node).__name__} is not understood")


def _all_plain(values: Sequence[Value]) -> Plain | None:
    plain = [value for value in values if isinstance(value, Plain)]
    if len(plain) < len(values):
        return None
    return Plain(any(value.lazy for value in plain), any(value.escaped for value in plain))


def plain_parts(parts: Iterable[nodes.Node], scope: Scope) -> Plain | Unknown:
    """Return Plain if all parts are, or what is wrong with the first that is not."""
    values = [value_of(part, scope) for part in parts]
    plain = _all_plain(values)
    if plain:
        return plain
    unknown = next((value for value in values if isinstance(value, Unknown)), None)
    return unknown or Unknown("markup is used inside an expression; print it by itself: {{ … }}")


def _name(node: nodes.Name, scope: Scope) -> Value:
    if node.name in scope:
        return scope[node.name]
    if node.name == "self":
        return Unknown("self.… is not understood; move the words into a macro")
    if node.name == "lipsum":
        return Unknown("lipsum() prints markup")
    return PLAIN  # the person's own names, which `printable` keeps plain, and functions


def _field(node: nodes.Getattr, scope: Scope) -> Value:
    owner = value_of(node.node, scope)
    if isinstance(owner, Module):
        return owner.names.get(node.attr, PLAIN)  # a missing one fails when it is printed
    return _without_fields(plain_parts([node.node], scope))


def _without_fields(value: Plain | Unknown) -> Plain | Unknown:
    if isinstance(value, Plain) and value.escaped:
        return Unknown("a field or method of what a macro prints; use the value itself")
    return value


def _call(node: nodes.Call, scope: Scope) -> Value:
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        return Unknown("a call with * or ** is not understood; write its arguments out")
    called = value_of(node.node, scope)
    if isinstance(called, Macro):
        text = bind_call(called, node, scope)
        return ESCAPED if isinstance(text, Text) and is_words(text.body, text.scope) else text
    if isinstance(called, Super):
        return called
    if isinstance(called, Plain) and isinstance(node.node, nodes.Name) and node.node.name == "loop":
        return Unknown("a recursive loop is not understood")
    if not isinstance(node.node, nodes.Name | nodes.Getattr):
        return Unknown("what is called here is not understood; call a macro or a method by its name")
    if isinstance(called, Plain) and called.escaped:
        return _without_fields(called)
    return plain_parts([node.node, *node.args, *(pair.value for pair in node.kwargs)], scope)


def bind_call(macro: Macro, call: nodes.Call, scope: Scope, caller: Macro | None = None) -> Text | Unknown:
    """Return a macro's body in a scope that holds the arguments of a call."""
    inner = macro.scope.new_child()
    inner["caller"] = caller or PLAIN
    if isinstance(macro.node, nodes.CallBlock):
        inner["caller"] = Unknown("caller() inside a call block is not understood")
    names = [argument.name for argument in macro.node.args]
    given = dict(zip(names, call.args, strict=False)) | {pair.key: pair.value for pair in call.kwargs}
    rest = [*call.args[len(names) :], *(value for name, value in given.items() if name not in names)]
    beyond = plain_parts(rest, scope)
    if isinstance(beyond, Unknown):
        return beyond
    inner["varargs"] = inner["kwargs"] = beyond
    defaults = dict(zip(reversed(names), reversed(macro.node.defaults), strict=False))
    for name in names:
        if name in given:
            inner[name] = value_of(given[name], scope)
        elif name != "caller" or caller is None:
            inner[name] = value_of(defaults.get(name), inner)
    return Text(macro.node.body, macro.file, inner, macro.node)


def _filter(node: nodes.Filter, scope: Scope) -> Value:
    if node.node is None:
        return Unknown("a filter over a block is not understood")
    applied = node.name
    if node.name == "map" and node.args:
        applied = node.args[0].value if isinstance(node.args[0], nodes.Const) else ""
    wrong = applied not in _SAFE_FILTERS | (_LAZY_FILTERS if applied == node.name else frozenset())
    if wrong or node.dyn_args is not None or node.dyn_kwargs is not None:
        what = (
            "what |safe prints may hold any tags"
            if node.name == "safe"
            else "may print markup, or is unknown"
        )
        return Unknown(f"the filter {node.name}: {what}")
    found = plain_parts([node.node, *node.args, *(pair.value for pair in node.kwargs)], scope)
    if isinstance(found, Unknown):
        return found
    return Plain(node.name in _LAZY_FILTERS, found.escaped or applied in ("e", "escape"))


def is_words(body: Iterable[nodes.Node], scope: Scope, depth: int = 0) -> bool:
    """Whether statements print only words and plain values: no tag, no quote that could end an attribute."""
    if depth > 20:
        return False
    for node in body:
        match node:
            case nodes.Output():
                for part in node.nodes:
                    if isinstance(part, nodes.TemplateData):
                        if _MARKUP.search(part.data):
                            return False
                    elif not isinstance(value_of(part, scope), Plain):
                        return False
            case nodes.If():
                parts = [node.body, *(other.body for other in node.elif_), node.else_]
                if not all(is_words(part, scope, depth + 1) for part in parts):
                    return False
            case _:
                return False
    return True


_PURE = (
    *(nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Const, nodes.List, nodes.Tuple),
    *(nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Test, nodes.Concat),
    *(nodes.BinExpr, nodes.UnaryExpr, nodes.CondExpr, nodes.Filter, nodes.Keyword),
)


def is_pure(test: nodes.Node, scope: Scope) -> bool:
    """Whether asking a condition twice gives the same answer twice, and changes nothing."""
    if not isinstance(test, _PURE):
        return False
    if isinstance(test, nodes.Filter) and (
        test.name == "random" or test.name not in _SAFE_FILTERS | _LAZY_FILTERS
    ):
        return False
    named = scope.get(test.name, PLAIN) if isinstance(test, nodes.Name) else PLAIN
    if not isinstance(named, Plain) or named.lazy:
        return False
    return all(is_pure(part, scope) for part in test.iter_child_nodes())


def is_constant(node: nodes.Node | None) -> bool:
    """Whether an expression is a constant, by conditions."""
    if isinstance(node, nodes.CondExpr):
        return is_constant(node.expr1) and is_constant(node.expr2)
    return isinstance(node, nodes.Const) and isinstance(node.value, str | int)


def bound_names(target: nodes.Node) -> list[str]:
    """Return the names that a loop or set binds."""
    found = [target] if isinstance(target, nodes.Name) else list(target.find_all(nodes.Name))
    return [name.name for name in found]
