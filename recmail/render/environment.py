"""The sandbox that templates run in: strict about missing values, and precise about where one failed."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from types import CodeType, MappingProxyType
from typing import Any

from jinja2 import (
    BaseLoader,
    Environment,
    StrictUndefined,
    Template,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
    nodes,
)
from jinja2.exceptions import SecurityError
from jinja2.parser import Parser
from jinja2.runtime import Context, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from recmail.errors import RenderError, did_you_mean
from recmail.render.bundle import TemplateBundle
from recmail.render.format import FILTERS
from recmail.render.names import BODY_NAMES, NAMES
from recmail.render.printing import Printing, escaped, printable_only, printed

HTML = ".html.j2"  # what a template whose output is escaped is called
OUTPUT_LIMIT_CHARS = 1_000_000  # mail clients cut at about 100 kB; ten times that is a loop gone wild
# The shipped templates are 13 deep. Jinja and Python give up at 20 to 300, each kind of nesting with an
# error of its own: RecursionError, SyntaxError, MemoryError.
_DEEPEST = 100
_LARGEST_BITS = 1_024  # of a product: no price or count needs it, and repeated squaring never ends

# What a faulty template can raise while it runs, beside Jinja's own errors: a filter given the wrong type,
# a division by zero, an endless macro. Other exceptions are ours and must trace.
_TEMPLATE_FAULTS = (
    TemplateError,
    TypeError,
    ValueError,
    ArithmeticError,
    LookupError,
    AttributeError,
    RecursionError,
)


class SuggestingUndefined(StrictUndefined):
    """A missing value: using it in any way fails, with the name that was probably meant."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        message = super()._undefined_message
        if self._undefined_hint is not None or not isinstance(self._undefined_name, str):
            return message
        owner = self._undefined_obj
        if owner is missing:
            owner = NAMES | BODY_NAMES
        if isinstance(owner, dict):
            return f"{self._undefined_name!r} is not defined{did_you_mean(self._undefined_name, owner)}"
        return message


class _BundleLoader(BaseLoader):
    """Templates of a bundle, each under its own name, which tracebacks and messages show."""

    def __init__(self, bundle: TemplateBundle) -> None:
        self._files = bundle.files

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, None]:
        if template not in self._files:
            raise TemplateNotFound(template)
        return self._files[template], template, None

    def list_templates(self) -> list[str]:
        return sorted(self._files)


class _Sandbox(ImmutableSandboxedEnvironment):
    """The sandbox, which also refuses expressions that take all memory or time, when compiled or run.

    What is intercepted is not folded while compiling either: `{{ 999 ** 999 ** 999 }}` would never end.
    """

    intercepted_binops = frozenset({"*", "**"})
    code_generator_class = Printing
    escaped, printed = staticmethod(escaped), staticmethod(printed)
    trees: Mapping[str, nodes.Template] = MappingProxyType({})
    """Templates that were parsed and changed already, by name."""

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """Return what all templates may call, in one dict: Jinja's chain of two takes 13 µs to walk."""
        return {**self.globals, **(d or {})}

    def join_path(self, template: str, parent: str) -> str:
        """Return the name of a template that another one uses, unless it is one of the other part."""
        if why := other_part(template, in_html=parent.endswith(HTML)):
            raise SecurityError(why)
        return template

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return a field of a dict, or what Jinja's sandbox gives.

        It would ask for an attribute of that name first, which takes ten times as long; what stands in a dict
        may be had as `obj["field"]` anyway.
        """
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call a macro with its arguments in order, or what else Jinja's sandbox lets be called."""
        if type(obj) is Macro:
            kwargs.pop("_loop_vars", None)  # of the place that calls: a macro does not see them
            kwargs.pop("_block_vars", None)
            special = kwargs or obj.caller or obj.catch_kwargs or obj.catch_varargs
            if not special and len(args) == len(obj.arguments):
                return obj._invoke([*args], context.eval_ctx.autoescape)
        return super().call(context, obj, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Multiply, unless the product is beyond what an email can hold."""
        if operator == "**":
            raise SecurityError("powers (**)")
        if _too_large(left, right) or _too_large(right, left):
            raise SecurityError("a product as large as this")
        return super().call_binop(context, operator, left, right)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        if name is not None and name in self.trees:
            return self.trees[name]
        parser = Parser(self, source, name, filename)
        try:
            tree = parser.parse()
        except (RecursionError, ValueError) as error:  # ValueError: a number of more than 4,300 digits
            raise _too_deep(parser.stream.current.lineno, name, filename) from error
        level: list[nodes.Node] = [tree]
        for _ in range(_DEEPEST):
            level = [child for node in level for child in node.iter_child_nodes()]
        if level:
            raise _too_deep(level[0].lineno, name, filename)
        return tree

    def _compile(self, source: str, filename: str) -> CodeType:
        try:
            return super()._compile(source, filename)
        except (RecursionError, SyntaxError, MemoryError) as error:
            raise _too_deep(0, filename, filename) from error


def other_part(name: str, *, in_html: bool) -> str:
    """Say why a template cannot be used in the HTML, or in the text; "" when it can.

    What it prints is escaped by its own name, wherever it is used. Stylesheets print as they are.
    """
    if in_html and name.endswith(".j2") and not name.endswith(HTML):
        instead = name.removesuffix(".j2").removesuffix(".txt") + HTML
        why = "prints names as they are, and a < in one would become HTML"
        return f"{name!r} cannot be used in HTML: it {why}; write it as {instead!r} and use that"
    if not in_html and name.endswith(HTML):
        instead = name.removesuffix(HTML) + ".txt.j2"
        why = "prints names for HTML, and an & in one would be read as &amp;"
        return f"{name!r} cannot be used in plain text: it {why}; write it as {instead!r} and use that"
    return ""


def _too_large(one: object, other: object) -> bool:
    if not isinstance(other, int):
        return False
    if isinstance(one, int):
        return one.bit_length() + other.bit_length() > _LARGEST_BITS
    return isinstance(one, str | list | tuple) and len(one) * other > OUTPUT_LIMIT_CHARS


def _too_deep(line: int, name: str | None, filename: str | None) -> TemplateSyntaxError:
    return TemplateSyntaxError("too long or too deeply nested to be understood", line, name, filename)


def make_environment(
    bundle: TemplateBundle, *, trees: Mapping[str, nodes.Template] | None = None
) -> ImmutableSandboxedEnvironment:
    """Return the one kind of environment that emails are rendered in, over the files of a bundle.

    Args:
        trees: templates to use as they were parsed and changed, in place of the files of these names.
    """
    environment = _Sandbox(
        loader=_BundleLoader(bundle),
        autoescape=lambda name: name is not None and name.endswith((HTML, ".css")),
        undefined=SuggestingUndefined,
        finalize=printable_only,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
        cache_size=-1,
    )
    environment.filters.update(FILTERS)
    if trees:
        environment.trees = trees
        for tree in trees.values():
            tree.set_environment(environment)
    return environment


def compile_line(environment: Environment, source: str, *, name: str) -> Template:
    """Compile a line of a campaign (its subject or preheader): plain text, no escaping.

    Raises:
        RenderError: a syntax error or an unknown filter, with `name` as the template.
    """
    try:
        code = environment.compile(source, name=name, filename=name)
        return Template.from_code(environment, code, environment.make_globals(None))
    except TemplateSyntaxError as error:
        raise render_error(error) from error


def load_template(environment: Environment, name: str) -> Template:
    """Compile a template of the bundle.

    Raises:
        RenderError: there is no such file, or it has a syntax error. Files that it extends or includes are
            compiled when somebody is first rendered; `check_templates` finds their mistakes before.
    """
    try:
        return environment.get_template(name)
    except TemplateNotFound as error:
        advice = did_you_mean(name, environment.list_templates())
        raise RenderError(f"there is no template {name!r} in the templates folder{advice}") from error
    except TemplateSyntaxError as error:
        raise render_error(error) from error


def run(template: Template, values: Mapping[str, object], *, user_id: str) -> str:
    """Render a template for one person.

    Raises:
        RenderError: a missing or unprintable value, a forbidden operation, too much output; with the file and
            line where it happened, also inside includes and macros.
    """
    pieces: list[str] = []
    size = 0
    context = template.new_context(dict(values))
    try:
        for piece in template.root_render_func(context):
            pieces.append(piece)
            size += len(piece)
            if size > OUTPUT_LIMIT_CHARS:
                raise RenderError(
                    f"more than {OUTPUT_LIMIT_CHARS:,} characters of output; is a loop running away?",
                    template=template.name or "",
                    user_id=user_id,
                )
    except _TEMPLATE_FAULTS as error:
        raise render_error(error, user_id=user_id) from error
    return "".join(pieces)


def render_error(error: Exception, *, user_id: str = "") -> RenderError:
    """Translate what a template raised; the place is the innermost template in the traceback."""
    if isinstance(error, TemplateSyntaxError):
        return RenderError(_reason(error), template=error.name or "", line=error.lineno, user_id=user_id)
    name, line = "", 0
    trace = error.__traceback__
    while trace is not None:
        template = trace.tb_frame.f_globals.get("__jinja_template__")
        if template is not None:
            name, line = template.name, template.get_corresponding_lineno(trace.tb_lineno)
        trace = trace.tb_next
    return RenderError(_reason(error), template=name, line=line, user_id=user_id)


def _reason(error: Exception) -> str:
    if isinstance(error, TemplateNotFound):
        return f"there is no template {error.name!r} in the templates folder"
    if isinstance(error, SecurityError):
        return f"not allowed in a template: {error}"
    if isinstance(error, RecursionError):
        return "a macro or include calls itself without end"
    return str(error) or type(error).__name__
