"""One course in two places of an email."""

from __future__ import annotations

from tests.render.contexts import block, context, course
from tests.render.lint.messages import email, found


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
