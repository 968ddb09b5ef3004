"""Every language says everything, with the same values in it."""

from __future__ import annotations

from string import Formatter

import pytest

from recmail.web.public.texts import languages, texts_for


def values(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("tag", sorted(languages()))
def test_a_language_has_all_texts_with_the_same_values(tag: str) -> None:
    english, words = languages()["en"].words, languages()[tag].words
    assert list(words) == list(english)
    assert {name: values(text) for name, text in words.items()} == {
        name: values(text) for name, text in english.items()
    }
    assert all(text.strip() == text and text for text in words.values())


def test_the_first_wanted_language_that_there_is_is_spoken() -> None:
    assert texts_for([None, "tlh", "pt-BR", "de-CH", "fr"]).language == "de"
    assert texts_for(["HE-il"]).language == "he"
    assert texts_for([]).language == "en"
