"""Values that are printed without quotes."""

from __future__ import annotations

import pytest

from recmail.render.bundle import TemplateBundle
from recmail.render.lint import lint_templates

WAY_OUT = "{{ links.unsubscribe }} {{ sender.postal_address }}"


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("<p title={{ date }}>", 1),
        ('<p class="a" title = {{ "a" ~ date }} id={{ date }}>', 2),
        ('<p title="{{ date }}">', 0),
        ("<p title='{{ date or \"x\" }}'>", 0),
        ('<p title="a={{ date }}" {% if date %}id="x"{% endif %}>', 0),
        ("<p title=date>{{ date }}</p>", 0),
        ("x = {{ date }}", 0),
    ],
)
def test_quotes_stand_around_what_is_printed(tag, expected):
    bundle = TemplateBundle({"a.html.j2": f"{WAY_OUT}\n{tag}", "a.txt.j2": WAY_OUT})
    found = lint_templates(bundle, "a")
    assert [(one.rule, one.template, one.line) for one in found] == [
        ("unquoted-value", "a.html.j2", 2)
    ] * expected
