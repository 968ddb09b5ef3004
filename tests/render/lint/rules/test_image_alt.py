"""What stands in an image's place."""

from __future__ import annotations

import pytest

from recmail.render.bundle import TemplateBundle
from recmail.render.lint import lint_templates
from tests.render.lint.messages import body_found

IMG = '<img src="https://acme.example/a.png" width="10"'


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (f"<p>Words {IMG}></p>", ["image-alt"]),
        (f'<p>Words {IMG} alt=""></p>', []),
        (f'<p>Words {IMG} alt="A loaf"></p>', []),
        (f'<a href="https://acme.example">{IMG} alt=""></a>', ["image-alt"]),
        (f'<a href="https://acme.example">{IMG} alt=""> Read on</a>', []),
        (f'<a href="https://acme.example">{IMG} alt="A loaf"></a>', []),
        ('<a href="https://acme.example" style="background:url(a.png)"></a>', ["image-alt"]),
    ],
)
def test_an_empty_one_is_a_decision_unless_a_link_holds_nothing_else(body, expected):
    assert body_found(body, rule="image-alt") == expected


def test_in_templates_the_line_is_said():
    way_out = "{{ links.unsubscribe }} {{ sender.postal_address }}"
    html = f'<p>\n<img src="{{{{ courses[0].image_url or "" }}}}">\n<img src="a.png" alt="">{way_out}</p>'
    bundle = TemplateBundle({"a.html.j2": html, "a.txt.j2": way_out})
    found = [finding for finding in lint_templates(bundle, "a") if finding.rule == "image-alt"]
    assert [(finding.template, finding.line) for finding in found] == [("a.html.j2", 2)]
