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


def test_an_address_may_stand_in_lines_without_commas():
    html = FOOTER.replace(ADDRESS, ADDRESS.replace(", ", "<br>"))
    assert found(email(html=html, text=TEXT.replace(ADDRESS, ADDRESS.upper().replace(", ", "\n")))) == []
    assert found(email(html=html.replace("560025", "560026"))) == ["postal-address!"]


def test_joiners_within_words_are_no_difference():
    address = "شرکت می\u200cخواهم، تهران"
    values = one_course() | {"sender": {"name": "Acme", "postal_address": address}}
    html = FOOTER.replace(ADDRESS, f"\u2068{address}\u2069")
    assert found(email(html=html, text=TEXT.replace(ADDRESS, address)), values) == []


def test_what_is_hidden_in_outlook_alone_is_seen():
    assert found(email(html=f'<div style="mso-hide:all">{FOOTER}</div>')) == []
    assert found(email(html=f'<div style="display:none">{FOOTER}</div>')) == [
        "postal-address!",
        "unsubscribe-link!",
    ]
