"""The sender's postal address in both parts."""

from __future__ import annotations

from recmail.render.bundle import TemplateBundle
from recmail.render.lint import lint_templates
from tests.render.lint.messages import ADDRESS, FOOTER, TEXT, email, findings, found, one_course


def test_both_parts_need_it():
    assert found(email(html=FOOTER.replace(ADDRESS, "elsewhere"))) == ["postal-address!"]
    assert found(email(text=TEXT.replace(ADDRESS, ""))) == ["postal-address!"]


def test_an_address_in_several_lines_is_the_same():
    values = one_course() | {"sender": {"name": "Acme", "postal_address": "Acme & Sons,\n12 Road"}}
    html = FOOTER.replace(ADDRESS, "Acme &amp; Sons,<br>12&nbsp;Road")
    assert found(email(html=html, text=TEXT.replace(ADDRESS, "Acme & Sons,\n  12 Road")), values) == []


def test_without_one_in_the_settings_they_are_named():
    values = one_course() | {"sender": {"name": "Acme", "postal_address": None}}
    (finding,) = findings(email(), values)
    assert "recmail.toml" in finding.fix


def test_templates_show_it_without_anybody():
    way_out = "{{ links.unsubscribe }}"
    files = {"a.html.j2": way_out + "{{ sender.name }}", "a.txt.j2": way_out + "{{ sender.postal_address }}"}
    (finding,) = lint_templates(TemplateBundle(files), "a")
    assert (finding.rule, finding.template) == ("postal-address", "a.html.j2")
