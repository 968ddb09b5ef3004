"""Halves of characters, which an escape in a template or a broken import may bring."""

from __future__ import annotations

from recmail.render.bundle import TemplateBundle
from recmail.render.email import Renderer
from recmail.render.lint import MessageLint
from tests.render.lint.messages import TEXT, body_found, email, found, one_course


def test_a_half_character_in_any_part_is_found():
    half = "\ud83d"
    assert body_found(f"<p>Hello {half}</p>") == ["half-character!"]
    assert found(email(text=TEXT + half)) == ["half-character!"]
    assert found(email(preheader=f"Each course with the reason why you see it here {half}")) == [
        "half-character!"
    ]
    assert body_found("<p>Hello</p>", style=f".a {{ content: '{half}' }}") == ["half-character!"]


def test_a_template_may_print_one():
    bundle = TemplateBundle({"a.html.j2": "<p>Hello</p>", "a.txt.j2": '{{ "\\ud83d" }}'})
    sent = Renderer(bundle, template="a", subject="Hello", preheader=None).render(one_course(), user_id="u1")
    assert "half-character" in {one.rule for one in MessageLint(bundle).findings(sent, one_course())}


def test_whole_characters_are_none():
    assert body_found("<p>Hello \U0001f600, grüß dich</p>") == []
