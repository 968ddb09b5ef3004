"""One course in two places of an email."""

from __future__ import annotations

import pytest

from recmail.render.lint import Severity
from tests.render.contexts import block, context, course
from tests.render.lint.messages import email, findings, found


def test_the_same_course_twice_is_an_error():
    twice = [block("a", [course("bread")]), block("b", [course("bread", title="Bread")])]
    assert found(email(), context(twice)) == ["equal-courses!"]


def test_two_courses_of_one_title_look_the_same():
    values = context(
        [block("a", [course("one", title="Bread at Home"), course("two", title="Bread at  home")])]
    )
    assert found(email(), values) == ["equal-courses"]


def test_two_courses_are_two():
    assert found(email(), context([block("a", [course("bread"), course("sql")])])) == []


def linked(course_id, title, kind=' class="title-link"'):
    return f'<a{kind} href="https://learn.acme.example/{course_id}?utm_source=recmail">{title}</a>'


def printed_twice(body, courses):
    said = findings(email(body), context([block("a", courses)]))
    return [one.severity for one in said if one.rule == "equal-courses"]


BREAD, OTHER = course("bread", title="Bread at Home"), course("other", title="Bread at Home")
ROW, BARE = linked("bread", "Bread at Home"), linked("bread", "Bread at Home", "")


@pytest.mark.parametrize(
    "body",
    [
        f"<h2>{ROW}</h2><h3>{ROW}</h3>",  # a large card and a small one
        f"<p>{BARE}</p><p>{BARE}</p>",
    ],
)
def test_a_template_that_prints_a_course_twice_is_found(body):
    assert printed_twice(body, [BREAD, course("sql")]) == [Severity.ERROR]


@pytest.mark.parametrize(
    "body",
    [
        f"<h3>{ROW}</h3>",
        # A list of what is to come, and a card with a picture, a title and a button.
        f"<li>{BARE}</li>"
        + linked("bread", '<img src="https://acme.example/a.png" width="9" alt="Bread at Home">', "")
        + f"<h3>{ROW}</h3>"
        + linked("bread", "Enroll now", ' class="button"'),
        # A label of many cards that is called like a course.
        '<a class="label" href="https://acme.example/labels/1">Bread at Home</a>' * 2,
        '<p class="category">Bread at Home</p>' * 2,
    ],
)
def test_a_course_that_is_linked_to_repeatedly_is_shown_once(body):
    assert printed_twice(body, [BREAD, course("sql")]) == []


def test_two_courses_of_one_title_are_not_one_that_is_printed_twice():
    body = f"<h3>{ROW}</h3><h3>{linked('other', 'Bread at Home')}</h3>"
    assert printed_twice(body, [BREAD, OTHER]) == [Severity.WARNING]
    assert printed_twice(body + f"<h3>{ROW}</h3>", [BREAD, OTHER]) == [Severity.ERROR, Severity.WARNING]
