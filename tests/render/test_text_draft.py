"""Drafts of text parts: what HTML says is there, in order, and the draft is a good template."""

from __future__ import annotations

from pathlib import Path

import pytest

from recmail.render.bundle import TemplateBundle, load_bundle
from recmail.render.check import check_templates
from recmail.render.email import Renderer
from recmail.render.text_draft import draft_text
from tests.render.contexts import edge, full, sparse

SHIPPED = load_bundle(Path(__file__).parents[2] / "templates")
WITHOUT = TemplateBundle({name: text for name, text in SHIPPED.files.items() if not name.endswith(".txt.j2")})


def drafted(html: str) -> str:
    return draft_text(TemplateBundle({"x.html.j2": html}), "x")["x.txt.j2"]


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One &amp; two</p><p>Three&nbsp;x<br>y</p>", "One & two\n\nThree x\ny\n"),
        ('<a class="b" href="{{ course.url }}">Enroll <b>now</b></a>', "Enroll now: {{ course.url }}\n"),
        ('<a href="mailto:help@a.example">Ask us</a>', "Ask us: help@a.example\n"),
        ('<a href="{{ course.url }}"><img src="x" alt="X"></a>Words', "Words\n"),
        ('<img src="x" alt="{{ sender.name }}">', "{{ sender.name }}\n"),
        ("<h1>News</h1><ul><li>One</li><li>Two</li></ul>", f"News\n{'_' * 40}\n\n* One\n\n* Two\n"),
        ("<head><title>x</title></head><style>p {}</style><!-- <p>x</p> --><p>Words</p>", "Words\n"),
        ("{# note #}{% if user.country %}<img>{% endif %}<p>Words</p>", "Words\n"),
        ("{% if because %}A{% else %}B{% endif %}<br>C", "{% if because %}A{% else %}B{% endif %}\n\nC\n"),
    ],
)
def test_words_links_and_jinja_stay_and_layout_goes(html: str, text: str) -> None:
    assert drafted(html) == text


def test_the_files_that_a_template_uses_are_drafted_too() -> None:
    used = ["card.txt.j2", "weekly.txt.j2", "words.txt.j2"]
    assert sorted(draft_text(WITHOUT, "weekly")) == sorted(["layout.txt.j2", *used])
    layout = TemplateBundle({**WITHOUT.files, "layout.txt.j2": SHIPPED.files["layout.txt.j2"]})
    assert sorted(draft_text(layout, "weekly")) == used


def test_a_template_with_text_and_one_without_html_need_none() -> None:
    assert draft_text(SHIPPED, "weekly") == {}
    assert draft_text(SHIPPED, "wekly") == {}


def test_the_draft_of_a_shipped_template_says_what_its_html_says() -> None:
    bundle = TemplateBundle({**WITHOUT.files, **draft_text(WITHOUT, "weekly")})
    assert check_templates(bundle, template="weekly", subject="Hello", preheader=None) == []
    renderer = Renderer(bundle, template="weekly", subject="Hello", preheader=None, inline=False)
    for values in (full(), sparse(), edge()):
        text = renderer.render(values, user_id="u1").text
        assert "<t" not in text
        assert "Unsubscribe: https://acme.example/u/3yQ\n" in text
        assert values["sender"]["name"] in text
        for course in values["courses"]:
            assert course["title"] in text
            assert not course["reason"] or course["reason"] in text
            assert f"Enroll now: {course['url']}\n" in text
