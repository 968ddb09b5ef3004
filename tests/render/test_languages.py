"""Emails speak the reader's language where there is a template in it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recmail.errors import RenderError
from recmail.render.bundle import TemplateBundle
from recmail.render.editions import Editions
from recmail.render.languages import direction, editions, fallback_chain, nearest, spoken
from tests.render.contexts import full

FILES = {
    f"{name}.{kind}.j2": f"<p>{words} {{{{ user.first_name }}}}, {{{{ subject }}}}</p>"
    for name, words in (("x", "Hello"), ("x.hi", "नमस्ते"), ("x.pt-BR", "Olá"), ("xy.de", "Hallo"))
    for kind in ("html", "txt")
}
BUNDLE = TemplateBundle(FILES)


def test_tags_get_wider_part_by_part() -> None:
    assert list(fallback_chain("zh-Hant-TW")) == ["zh-Hant-TW", "zh-Hant", "zh"]


@pytest.mark.parametrize(
    ("person", "offered", "default", "expected"),
    [
        ("hi-IN", {"hi"}, "en", "hi"),
        ("HI-in", {"hi"}, "en", "hi"),
        ("pt", {"pt-BR"}, "en", "en"),
        ("pt-BR", {"pt", "pt-BR"}, "en", "pt-BR"),
        ("pt-PT", {"pt", "pt-BR"}, "en", "pt"),
        ("pt-BR", {"pt"}, "pt-BR", "pt-BR"),
        ("en-GB", {"hi"}, "en", "en"),
        ("fr", {"hi"}, "en-IN", "en-IN"),
        (None, {"hi"}, "en", "en"),
        (None, (), "en", "en"),
    ],
)
def test_the_nearest_language_is_spoken(person, offered, default, expected) -> None:
    assert spoken(person, offered, default) == expected


@given(st.none() | st.text(max_size=8), st.sets(st.text(max_size=5)), st.text(min_size=1, max_size=5))
def test_an_email_speaks_only_what_there_is(person, offered, default) -> None:
    assert spoken(person, offered, default) in {*offered, default}


def test_a_language_is_found_among_none() -> None:
    assert nearest("en", ()) is None


def test_templates_are_known_by_their_language() -> None:
    assert editions(BUNDLE, "x") == {"hi": "x.hi", "pt-BR": "x.pt-BR"}
    assert editions(TemplateBundle({"x.hi.txt.j2": "", "x.html.j2": "", "x.y.css": ""}), "x") == {
        "hi": "x.hi"
    }


def test_scripts_from_right_to_left() -> None:
    assert [direction(tag) for tag in ("ar-EG", "he", "ur", "en", "hi")] == [
        "rtl",
        "rtl",
        "rtl",
        "ltr",
        "ltr",
    ]


def written(language: str) -> tuple[str, str]:
    lines = {
        "en": ("{{ courses|length }} courses", None),
        "hi": ("कोर्स", "आपके लिए"),
        "pt-BR": ("Cursos", None),
    }
    values: dict[str, Any] = full()
    values["language"] = language
    email = Editions(BUNDLE, template="x", language="en", lines=lines).render(values, user_id="u1")
    return email.subject, email.text


def test_subject_and_text_are_of_one_language() -> None:
    assert written("en") == ("5 courses", "<p>Hello Ana, 5 courses</p>\n")
    assert written("hi") == ("कोर्स", "<p>नमस्ते Ana, कोर्स</p>\n")
    assert written("pt-BR") == ("Cursos", "<p>Olá Ana, Cursos</p>\n")


def test_a_language_without_template_fails_for_that_person() -> None:
    with pytest.raises(RenderError, match="there is no template in 'de'"):
        written("de")


def test_a_language_without_a_text_part_is_refused() -> None:
    files = {name: text for name, text in FILES.items() if name != "x.hi.txt.j2"}
    lines = dict.fromkeys(("en", "hi", "pt-BR"), ("Hello", None))
    with pytest.raises(RenderError, match=r"there is no template 'x\.hi\.txt\.j2'"):
        Editions(TemplateBundle(files), template="x", language="en", lines=lines)
