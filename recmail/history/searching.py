"""Which courses a search finds: words of title, topics and tags, also when begun or misspelt.

In memory and not by SQLite's FTS5 or PostgreSQL's full text: both databases find the same (a plan's hash must
not depend on them), words of all scripts count, a role that may not make temporary tables will do, and 3,000
searches over 2,000 courses took 0.02 s where an FTS5 table took 0.44 s.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache

import numpy as np

from recmail.records import Catalogue

_PREFIX = 3  # letters: a shorter word is searched for as it is
_CORRECTED = 4  # letters: a shorter word has too many neighbours
_SAME_STEM = 2  # letters that a word may be longer than the one it is found by: databases, database
_REMEMBERED = 10_000  # words that were looked up: an index lives for a whole run
_FOUND = 0.5  # of what the words of a search weigh


@lru_cache(maxsize=1)
def search_index(catalogue: Catalogue) -> SearchIndex:
    """Return the index of a catalogue, made once for all shards and blocks: .13 s for 8,166 courses."""
    return SearchIndex(catalogue)


class SearchIndex:
    """Where each word of the catalogue stands."""

    def __init__(self, catalogue: Catalogue) -> None:
        frame = catalogue.frame
        where: dict[str, set[int]] = defaultdict(set)
        for course_no, texts in enumerate(zip(frame["title"], frame["topics"], frame["tags"], strict=True)):
            title, topics, tags = texts
            for word in words(" ".join((title, *topics, *tags))):
                where[word].add(course_no)
        self._courses = len(frame)
        self._where = where
        self._sorted = sorted(where)
        self._known: dict[str, np.ndarray] = {}

    def find(self, searches: Sequence[str]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return what each search finds: course_no, and how well each matches, above 0 to 1.

        A course is found when it has half of what the search's words weigh, rare words weighing more.
        """
        matches = (self._match(search) for search in searches)
        found = ((np.flatnonzero(match >= _FOUND), match) for match in matches)
        return [(courses, match[courses]) for courses, match in found]

    def _match(self, search: str) -> np.ndarray:
        total, match = 0.0, np.zeros(self._courses)
        for word in sorted(set(words(search))):
            courses = self._with_word(word)
            weight = float(np.log1p(self._courses / (len(courses) + 1)))
            total += weight
            match[courses] += weight
        return match / (total or 1.0)

    def _with_word(self, word: str) -> np.ndarray:
        """Return the courses that have a word, or words that it stands for."""
        if word not in self._known:
            courses: set[int] = set()
            for meant in self._meant(word):
                courses |= self._where[meant]
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[word] = np.array(sorted(courses), dtype=np.int64)
        return self._known[word]

    def _meant(self, word: str) -> Sequence[str]:
        if len(word) < _PREFIX:
            return [word] if word in self._where else []
        first = bisect_left(self._sorted, word)
        last = bisect_left(self._sorted, word + "\U0010ffff")
        stems = (word[:-cut] for cut in range(1, _SAME_STEM + 1) if len(word) - cut > _PREFIX)
        meant = [*self._sorted[first:last], *(stem for stem in stems if stem in self._where)]
        return meant or sorted(self._misspelt(word))

    def _misspelt(self, word: str) -> set[str]:
        """Return the words that one letter more, less, other or exchanged makes of it."""
        if len(word) < _CORRECTED:
            return set()
        return {known for form in (word, *_without_one(word)) for known in self._neighbours.get(form, ())}

    @cached_property
    def _neighbours(self) -> dict[str, set[str]]:
        """Each longer word by itself and by what is left of it without one letter."""
        by_form: dict[str, set[str]] = defaultdict(set)
        for word in self._sorted:
            if len(word) >= _CORRECTED:
                for form in (word, *_without_one(word)):
                    by_form[form].add(word)
        return by_form


def _without_one(word: str) -> Iterator[str]:
    return (word[:place] + word[place + 1 :] for place in range(len(word)))


def words(text: str) -> list[str]:
    """Return the words of a text, alike whatever their case and accents; each Chinese sign is a word."""
    # Decomposed first: the double-struck S has no small letter, and the S that it stands for has.
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    letters = "".join(map(_letter, plain))
    return unicodedata.normalize("NFC", letters).split()


def _letter(sign: str) -> str:
    if "\u0300" <= sign <= "\u036f":  # accents; signs that follow a letter in other scripts are part of it
        return ""
    if "\u3040" <= sign <= "\u30ff" or "\u3400" <= sign <= "\u9fff":
        return f" {sign} "
    return sign if unicodedata.category(sign)[0] in "LMN" else " "
