"""How compiled templates print: straight to text, refusing what would print as a hole or as Python."""

from __future__ import annotations

from functools import lru_cache

from jinja2 import StrictUndefined, nodes
from jinja2.compiler import CodeGenerator, Frame
from markupsafe import Markup, escape

_REMEMBERED_CHARS = 300  # of the longest value that is kept escaped, so that many stay small


def printable_only(value: object) -> object:
    """Return a value that may be printed.

    Raises:
        ValueError: it is None, a list, a dict or a method.
    """
    if value is None:
        raise ValueError("the value to print is None; write {{ … or '' }}, or an {% if %} around it")
    if isinstance(value, str | int | float | StrictUndefined):
        return value
    raise ValueError(f"cannot print a {type(value).__name__}; print one of its values")


def printed(value: object) -> str:
    """Return a value as plain text has it."""
    return value if type(value) is str else str(printable_only(value))


def escaped(value: object) -> str:
    """Return a value as HTML has it."""
    if type(value) is str:
        return _escaped_before(value) if len(value) <= _REMEMBERED_CHARS else escape(value)
    return value if type(value) is Markup else escape(printable_only(value))


# To make a Markup takes five times as long as to escape; titles and addresses stand in an email repeatedly.
_escaped_before = lru_cache(maxsize=16_384)(escape)


class Printing(CodeGenerator):
    """Jinja's compiler, with one call for each value printed where Jinja makes three."""

    def _output_child_pre(
        self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo
    ) -> None:
        if frame.eval_ctx.volatile:  # an autoescape block whose value is not known yet
            self.write("(environment.escaped if context.eval_ctx.autoescape else environment.printed)(")
        else:
            self.write("environment.escaped(" if frame.eval_ctx.autoescape else "environment.printed(")

    def _output_child_post(
        self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo
    ) -> None:
        self.write(")")
