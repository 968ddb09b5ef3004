"""Countries and languages are codes; a name is answered with its code."""

from __future__ import annotations

import pytest

from recmail.settings.codes import country, country_of, language


@pytest.mark.parametrize(("text", "code"), [("IN", "IN"), ("in", "IN"), ("XK", "XK")])
def test_two_letters_are_a_country(text: str, code: str) -> None:
    assert country(text) == country_of(text) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("India", "IN"),
        ("  united   KINGDOM", "GB"),
        ("USA", "US"),
        ("Trinidad and Tobago", "TT"),
        ("The Netherlands", "NL"),
        ("Korea (South)", "KR"),
        ("Britain", "GB"),
        ("UK", "GB"),
        ("el", "GR"),
        ("España", "ES"),
    ],
)
def test_a_name_has_a_code(text: str, code: str) -> None:
    assert country_of(text) == code
    with pytest.raises(ValueError, match=f'; write "{code}"$'):
        country(text)


def test_a_name_that_two_countries_have_is_none() -> None:
    """There are "Congo (Rep.)" and "Congo (Dem. Rep.)"."""
    assert country_of("Congo") is None


def test_what_is_no_country_is_said() -> None:
    assert country_of("Inda") is country_of("Zzyzx") is None
    with pytest.raises(ValueError, match=r'^found \'Inda\'; did you mean "IN" \(India\)\?$'):
        country("Inda")
    with pytest.raises(ValueError, match=r'expected a country in two letters such as "IN"$'):
        country("Zzyzx")


@pytest.mark.parametrize(("text", "tag"), [("pt", "pt"), ("pt_BR", "pt-BR"), ("zh-Hant-TW", "zh-Hant-TW")])
def test_a_tag_is_a_language(text: str, tag: str) -> None:
    assert language(text) == tag


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Hindi", 'write "hi"'),
        ("español", 'write "es"'),
        ("Brazilian  Portuguese", 'write "pt-BR"'),
        ("Portugese", r'did you mean "pt" \(Portuguese\)\?'),
        ("Klingon", 'expected a language tag such as "en" or "pt-BR"'),
    ],
)
def test_a_name_of_a_language_is_answered_with_its_tag(text: str, answer: str) -> None:
    with pytest.raises(ValueError, match=f"^found '{text}'; {answer}$"):
        language(text)
