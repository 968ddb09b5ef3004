"""What a condition of a template says about which values are not None."""

from __future__ import annotations

from jinja2 import nodes

Known = frozenset[str]
"""Values as they are written: "course.subtitle"."""

_NOTHING: Known = frozenset()


def dotted(node: nodes.Node) -> str:
    """Return a value as it is written, `courses[0]["title"]` as courses.0.title; "" for what is no path."""
    match node:
        case nodes.Name():
            return str(node.name)
        case nodes.Getattr():
            owner = dotted(node.node)
            return f"{owner}.{node.attr}" if owner else ""
        case nodes.Getitem(arg=nodes.Const(value=field)):
            owner = dotted(node.node)
            return f"{owner}.{field}" if owner else ""
    return ""


def if_true(test: nodes.Node) -> Known:
    """Return which values are not None where a condition is true."""
    match test:
        case nodes.And():
            return if_true(test.left) | if_true(test.right)
        case nodes.Or():
            return if_true(test.left) & if_true(test.right)
        case nodes.Not():
            return if_false(test.node)
        case nodes.Test(name="string" | "number" | "mapping" | "iterable" | "sequence" | "true"):
            return _just(test.node)
        case nodes.Compare():
            return _compared(test)
    return _just(test)


def if_false(test: nodes.Node) -> Known:
    """Return which values are not None where a condition is false."""
    match test:
        case nodes.And():
            return if_false(test.left) & if_false(test.right)
        case nodes.Or():
            return if_false(test.left) | if_false(test.right)
        case nodes.Not():
            return if_true(test.node)
        case nodes.Test(name="none"):
            return _just(test.node)
        case nodes.Compare(ops=[nodes.Operand(op="eq")]) if _is_none(test.ops[0].expr):
            return _just(test.expr)
    return _NOTHING


def _compared(test: nodes.Compare) -> Known:
    """Return what a comparison says that is true: equal to a constant, not equal to None, larger than."""
    if len(test.ops) != 1:
        return _NOTHING
    (operand,) = test.ops
    constant = isinstance(operand.expr, nodes.Const)
    if operand.op == "ne":
        return _just(test.expr) if _is_none(operand.expr) else _NOTHING
    if operand.op == "eq":
        return _just(test.expr) if constant and not _is_none(operand.expr) else _NOTHING
    return _just(test.expr) if operand.op in ("gt", "gteq", "lt", "lteq") else _NOTHING


def _is_none(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Const) and node.value is None


def _just(node: nodes.Node) -> Known:
    written = dotted(node)
    return frozenset({written}) if written else _NOTHING
