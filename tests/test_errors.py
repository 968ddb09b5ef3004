"""Errors say where, and come back whole from other processes."""

from __future__ import annotations

import pickle

import pytest

from recmail.errors import (
    ConfigError,
    Problem,
    RecipientRefused,
    RecmailError,
    RenderError,
    StorageError,
    TemporaryFailure,
)


@pytest.mark.parametrize(
    "error",
    [
        ConfigError([Problem("a.yaml", 2, 3, "bad", "x: y"), Problem("a.yaml", 1, 1, "worse")]),
        RenderError("no title", template="card.html.j2", line=7, user_id="u1"),
        StorageError("locked"),
        RecipientRefused("550 5.1.1", dead=True),
        TemporaryFailure("421", retry_after_s=3.0),
    ],
)
def test_an_error_survives_pickling(error: RecmailError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert (str(copy), vars(copy)) == (str(error), vars(error))


def test_problems_are_in_file_order_with_the_line_and_a_caret() -> None:
    error = ConfigError([Problem("a.yaml", 2, 4, "bad", "x: y"), Problem("a.yaml", 1, 1, "worse")])
    assert str(error) == "a.yaml:1:1: worse\na.yaml:2:4: bad\n    2 | x: y\n      |    ^"


def test_a_render_error_names_template_line_and_person() -> None:
    error = RenderError("no title", template="card.html.j2", line=7, user_id="u1")
    assert str(error) == "card.html.j2:7: no title (for user u1)"
