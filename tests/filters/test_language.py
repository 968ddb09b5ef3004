"""The filter language: what the person is known to read."""

from __future__ import annotations

from recmail.filters.language import Language
from tests.contracts import FilterContract, filtered
from tests.shards import make_catalogue, make_shard

CATALOGUE = make_catalogue(5, language=["en", "es", "pt-PT", None, "HI"])


class TestLanguage(FilterContract):
    filter = Language
    catalogue = make_catalogue(6, language=["en", "es", None, "hi", "es-MX", "ta"])


def test_their_own_language_and_the_projects_whatever_the_region() -> None:
    shard = make_shard([[0] * 5] * 4, languages=["pt-BR", "hi-Latn-IN", None, "es"], language="en-GB")
    assert filtered(Language, shard, CATALOGUE).tolist() == [
        [True, False, True, True, False],
        [True, False, False, True, True],
        [True, False, False, True, False],
        [True, True, False, True, False],
    ]


def test_who_took_a_course_in_a_language_reads_it_and_who_looked_at_one_may_not() -> None:
    shard = make_shard([[0, 3, 0, 0, 0], [0, 1, 0, 0, 0]], languages=["en", "en"])
    assert filtered(Language, shard, CATALOGUE)[:, 1].tolist() == [True, False]


def test_what_somebody_without_personalization_took_says_nothing() -> None:
    shard = make_shard([[0, 3, 0, 0, 0]], languages=["en"], personalization=[False])
    assert filtered(Language, shard, CATALOGUE)[:, 1].tolist() == [False]
