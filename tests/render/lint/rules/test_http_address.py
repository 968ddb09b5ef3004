"""Addresses without encryption."""

from __future__ import annotations

from recmail.render.bundle import TemplateBundle
from recmail.render.lint import lint_templates
from tests.render.lint.messages import TEXT, body_found, email, found

WAY_OUT = "{{ links.unsubscribe }} {{ sender.postal_address }}"


def test_links_and_images_without_encryption_are_found():
    assert body_found('<a href="http://acme.example">Acme</a>') == ["http-address"]
    assert body_found('<img src="HTTP://acme.example/a.png" alt="A" width="9">') == ["http-address"]
    assert body_found('<a href="https://acme.example/?to=http://acme.example">Acme</a>') == []


def test_those_that_stand_in_templates_are_found_there():
    html = f'{WAY_OUT}\n<a\n href="http://acme.example/{{{{ date }}}}">A</a>\n<!-- <a href="http://a"> -->'
    (finding,) = lint_templates(TemplateBundle({"a.html.j2": html, "a.txt.j2": WAY_OUT}), "a")
    assert (finding.rule, finding.template, finding.line) == ("http-address", "a.html.j2", 2)


def test_the_text_part_is_looked_at():
    assert found(email(text=f"See HTTP://acme.example/a\n{TEXT}")) == ["http-address"]
    bundle = TemplateBundle(
        {"a.html.j2": WAY_OUT, "a.txt.j2": f"{WAY_OUT}\nhttp://acme.example/{{{{ date }}}}"}
    )
    (finding,) = lint_templates(bundle, "a")
    assert (finding.rule, finding.template, finding.line) == ("http-address", "a.txt.j2", 2)
