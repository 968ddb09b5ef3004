"""What is said of an email that cannot be written holds nothing of the person whose it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recmail.errors import RenderError
from recmail.render.bundle import TemplateBundle
from recmail.render.email import Renderer
from recmail.render.urls import ONLY
from recmail.runs.faults import GENERIC, kind_of_fault
from tests.render.lint.messages import one_course


def fault(line: str, first_name: str = "Zoë") -> str:
    """Return what is said of a line that fails for a person."""
    bundle = TemplateBundle({"a.html.j2": line, "a.txt.j2": "Hello"})
    user = {"first_name": first_name, "last_name": None, "language": "en", "country": None}
    renderer = Renderer(bundle, template="a", subject="Hello", preheader=None, inline=False)
    with pytest.raises(RenderError) as caught:
        renderer.render(one_course() | {"user": user}, user_id="u1")
    return kind_of_fault(caught.value.message, line)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{{ nobody }}", "'nobody' is not defined"),
        ("{{ user.frist_name }}", "'frist_name' is not defined"),
        ("{{ courses[9] }}", "list object has no element 9"),
        ("{{ user }}", "cannot print a dict; print one of its values"),
        ("{{ user[user.first_name] }}", "… is not defined"),
        ("{{ user.last_name + 1 }}", "unsupported operand type(s) for +: 'NoneType' and 'int'"),
        ("{{ courses[user.first_name|length + 40] }}", "list object has no element …"),
        ("{% include user.first_name %}", "there is no template … in the templates folder"),
        ("{{ '%d' % user.first_name }}", GENERIC),
    ],
)
def test_the_kind_of_fault_is_said_and_no_value(line: str, said: str) -> None:
    assert fault(line) == said


def test_what_the_template_says_how_to_mend_is_kept() -> None:
    none = "the value to print is None; write {{ … or '' }}, or an {% if %} around it"
    assert fault("{{ user.last_name }}") == none


def test_an_address_that_is_refused_is_not_repeated() -> None:
    said = fault('<a href="{{ user.first_name }}">Out</a>', "javascript:ana")
    assert said == f"href is …; {ONLY}"


ODD = st.text("a'\"\\\n …;:()|", max_size=5)


@given(st.builds("{}Ana{}".format, ODD, ODD))
def test_no_name_gets_through(name: str) -> None:
    for message in (
        f"{name!r} is not defined",
        f"'dict object' has no attribute {name!r}",
        f"{name!r} is not defined; did you mean {name}?",
        f"invalid literal for int() with base 10: {name!r}",
        f"href is {name!r} (line 7 of the page)",
        name,
    ):
        assert "Ana" not in kind_of_fault(message, "{{ user[x] }}")
