"""The way out of every email."""

from __future__ import annotations

import pytest

from recmail.render.bundle import TemplateBundle
from recmail.render.lint import lint_templates
from tests.render.lint.messages import ADDRESS, FOOTER, TEXT, email, found, one_course


def test_both_parts_need_it():
    assert found(email()) == []
    assert found(email(html=f"<p>Hello</p><p>{ADDRESS}</p>")) == ["unsubscribe-link!"]
    assert found(email(text=f"Hello, Unsubscribe\n{ADDRESS}")) == ["unsubscribe-link!"]


@pytest.mark.parametrize(
    "link",
    [
        '<a href="{}" style="display:none">Unsubscribe</a>',
        '<div style="display:none"><a href="{}">Unsubscribe</a></div>',
        '<a href="{}"><span style="visibility:hidden">Unsubscribe</span></a>',
        '<a href="{}"> &nbsp; </a>',
        '<a href="{}"></a>',
    ],
)
def test_a_link_that_nobody_sees_is_none(link):
    html = f"<p>{link.format('https://acme.example/u/3yQ')}</p><p>{ADDRESS}</p>"
    assert "unsubscribe-link!" in found(email(html=html))
    assert found(email(html=html + FOOTER)).count("unsubscribe-link!") == 0


def test_a_picture_with_words_is_seen():
    image = '<img src="https://acme.example/out.png" width="20" alt="Unsubscribe">'
    assert found(email(html=FOOTER.replace(">Unsubscribe<", f">{image}<"))) == []


def test_something_may_follow_the_address():
    assert found(email(html=FOOTER.replace("u/3yQ", "u/3yQ?lang=en"))) == []


def test_the_address_among_the_words_is_no_link():
    sent = email(
        html=FOOTER.replace('<a href="https://acme.example/u/3yQ">', "https://acme.example/u/3yQ<a>")
    )
    assert found(sent) == ["unsubscribe-link!"]


def test_another_persons_address_is_not_this_ones():
    values = one_course() | {"links": {"unsubscribe": "https://acme.example/u/other", "images": ""}}
    assert found(email(), values) == ["unsubscribe-link!", "unsubscribe-link!"]


def test_an_ampersand_is_written_as_html_wants_it():
    address = "https://acme.example/u?a=1&b=2"
    html = FOOTER.replace("https://acme.example/u/3yQ", "https://acme.example/u?a=1&amp;b=2")
    values = one_course() | {"links": {"unsubscribe": address, "images": ""}}
    assert found(email(html=html, text=TEXT.replace("https://acme.example/u/3yQ", address)), values) == []


def test_templates_show_it_without_anybody():
    html = '{% extends "base.html.j2" %}'
    base = '<a href="{{ links.unsubscribe }}">Unsubscribe</a> {{ sender.postal_address }}'
    files = {"a.html.j2": html, "base.html.j2": base, "a.txt.j2": "{{ sender.postal_address }}"}
    (finding,) = lint_templates(TemplateBundle(files), "a")
    assert (finding.rule, finding.template) == ("unsubscribe-link", "a.txt.j2")
    files["a.txt.j2"] += '{{ links["unsubscribe"] }}'
    assert lint_templates(TemplateBundle(files), "a") == []
