"""The text part beside the HTML."""

from __future__ import annotations

from tests.render.lint.messages import TEXT, email, findings, found


def test_there_is_one():
    assert found(email(text=" \n")) == ["text-part!"]


def test_it_shows_the_courses_that_the_html_shows():
    sent = email("<h3>Bread at Home</h3>")
    assert [finding.found for finding in findings(sent)] == [
        "the text part leaves out courses that the HTML shows"
    ]
    assert found(email("<h3>Bread at Home</h3>", text="Bread at\nHome\n" + TEXT)) == []
    assert found(email("<h3>Something else</h3>")) == []


def test_it_says_a_third_of_what_the_html_says_at_least():
    assert found(email(f"<p>{'word ' * 100}</p>")) == ["text-part"]
    assert found(email(f"<p>{'word ' * 30}</p>")) == []
