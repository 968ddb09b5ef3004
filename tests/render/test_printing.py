"""What templates print, and what they call: the short ways give what Jinja's long ones give."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment, StrictUndefined, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from recmail.errors import RenderError
from recmail.render.bundle import TemplateBundle
from recmail.render.environment import load_template, make_environment, run
from recmail.render.printing import escaped, printed

VALUES = {"user": {"first_name": "<Ana>"}, "courses": [{"title": "R&D", "price_minor": 0}], "on": True}


def print_it(source: str) -> str:
    environment = make_environment(TemplateBundle({"x.html.j2": source}))
    return run(load_template(environment, "x.html.j2"), VALUES, user_id="u1")


@given(st.one_of(st.text(), st.text(alphabet="<>&'\"a", min_size=250, max_size=350)))
def test_texts_are_escaped_as_ever_and_markup_is_left_alone(text: str) -> None:
    assert escaped(text) == str(escape(text))
    assert escaped(Markup(text)) == printed(text) == text


@pytest.mark.parametrize("value", [0, 1.5, True, 10**20])
def test_numbers_are_printed(value: float) -> None:
    assert escaped(value) == printed(value) == str(value)


@pytest.mark.parametrize("write", [escaped, printed])
def test_a_missing_value_fails_where_it_is_printed(write) -> None:
    with pytest.raises(UndefinedError):
        write(StrictUndefined(name="usr"))


@pytest.mark.parametrize("write", [escaped, printed])
@pytest.mark.parametrize("value", [None, [], {}, (), b"x", print])
def test_what_would_print_as_python_is_refused(write, value: object) -> None:
    with pytest.raises(ValueError, match=r"to print is None|cannot print a"):
        write(value)


@pytest.mark.parametrize(
    "source",
    [
        "{{ user.first_name }}{{ courses[0].title|safe }}{{ courses[0].price_minor }}",
        "{% autoescape on %}{{ user.first_name }}{% endautoescape %}",
        "{% autoescape not on %}{{ user.first_name }}{% endautoescape %}",
        "{% macro a(x) %}<b>{{ x }}</b>{% endmacro %}{{ a('<') }}{{ a(x='<') }}{{ a(a('<')) }}",
        "{% macro a(x, y='&') %}{{ x }}{{ y }}{% endmacro %}{{ a(1) }}{{ a(1, 2) }}{{ a(1, y=3) }}",
        "{% macro a(x) %}{{ varargs|join }}{{ kwargs.b }}{% endmacro %}{{ a(1, 2, 3, b='<') }}",
        "{% macro a(x) %}{{ caller(x) }}{% endmacro %}{% call(y) a('<') %}<b>{{ y }}</b>{% endcall %}",
        "{% macro a(x) %}{{ x }}{% endmacro %}{% for c in courses %}{{ a(c.title) }}{% endfor %}",
        "{% macro a() %}<{% endmacro %}{% set b %}{{ a() }}>{% endset %}{{ b }}{{ [a(), '<']|join('>') }}",
    ],
)
def test_templates_print_what_they_print_in_jinjas_own_sandbox(source: str) -> None:
    jinja: Environment = ImmutableSandboxedEnvironment(autoescape=True)
    assert print_it(source) == jinja.from_string(source).render(VALUES)


def test_a_field_is_found_before_a_dicts_methods() -> None:
    assert print_it("{{ {'items': 3}.items }}{{ {'pop': 3}.pop }}") == "33"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{% macro a(x) %}{% endmacro %}{{ a(1, 2) }}", "takes not more than 1 argument"),
        ("{% macro a(x) %}{% endmacro %}{{ a(y=1) }}", "takes no keyword argument 'y'"),
        ("{% macro a(x) %}{{ x }}{% endmacro %}{{ a() }}", "parameter 'x' was not provided"),
        ("{{ {'a': 1}.pop('a') }}", "not allowed in a template"),
        ("{{ user.__class__ }}", "not allowed in a template"),
        ("{{ '{0.__class__}'.format(user) }}", "not allowed in a template"),
        ("{{ {'f': '{0.__class__}'.format}.f(user) }}", "not allowed in a template"),
        ("{{ courses[0].title() }}", "'str' object is not callable"),
    ],
)
def test_what_is_called_is_checked_as_ever(source: str, said: str) -> None:
    with pytest.raises(RenderError, match=r"x\.html\.j2:1: ") as caught:
        print_it(source)
    assert said in caught.value.message
