"""Names that were probably meant to be one: "machine learning", "Machine-Learning", "machine learnings"."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice

_SEPARATORS = re.compile(r"[\s\-_.\u00b7\u2010-\u2015]+")
_LONG = range(8, 41)  # letters; in shorter names one letter often makes another word: Java and Lava
_MOST = 10_000  # forms that are looked at letter by letter
_NO_PLURALS = ("ss", "us", "is")


def alike(names: Iterable[str]) -> list[list[str]]:
    """Groups of different names that are alike, each group sorted, and the groups by their first.

    Alike are those that differ in case, in spaces, hyphens, underscores and full stops, in & and "and", in an
    English plural, or, when they are long, in one letter that is not the first. Digits always tell apart:
    Python 2 is not Python 3. The work grows with the number of names and not with its square: half a second
    for 10,000; single letters are looked at in no more than these.
    """
    by_form: defaultdict[str, list[str]] = defaultdict(list)
    for name in sorted(set(names)):
        by_form[_singular(plain(name))].append(name)
    leaders = _Leaders()
    for left, right in _one_letter_apart(by_form):
        leaders.join(left, right)
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for form, spellings in by_form.items():
        groups[leaders.of(form)] += spellings
    return sorted(sorted(group) for group in groups.values() if len(group) > 1)


def plain(name: str) -> str:
    """The name without what people write in different ways: case, separators, width of letters."""
    text = unicodedata.normalize("NFKC", name).casefold().replace("&", " and ")
    return _SEPARATORS.sub("", text) or name


def _singular(form: str) -> str:
    """The form without an English plural's ending; other languages lose nothing that matters here."""
    if len(form) < 4 or not form.endswith("s") or form.endswith(_NO_PLURALS) or form == "news":
        return form
    if form.endswith("ies"):
        return form[:-3] + "y"
    return form[:-2] if form.endswith(("sses", "ches", "shes", "xes")) else form[:-1]


def _one_letter_apart(forms: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Pairs of long forms of which one letter is another, missing, or too many.

    Two words that differ in one letter are the same without it: each is looked up by what is left when one of
    its letters goes, so that no pair is tried which is not found.
    """
    long = dict.fromkeys(islice((form for form in forms if len(form) in _LONG), _MOST))
    seen: dict[tuple[int, str], str] = {}
    for form in long:
        for place, letter in enumerate(form):
            if not (place and letter.isalpha()):
                continue
            rest = form[:place] + form[place + 1 :]
            if rest in long:
                yield rest, form
            first = seen.setdefault((place, rest), form)
            if first != form:
                yield first, form


class _Leaders:
    """Groups that grow by joining: each form has a leader, and a group's forms have the same one."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}

    def of(self, form: str) -> str:
        leader = form
        while leader in self._above:
            leader = self._above[leader]
        while form != leader:  # the next time it is one step
            self._above[form], form = leader, self._above[form]
        return leader

    def join(self, left: str, right: str) -> None:
        left, right = self.of(left), self.of(right)
        if left != right:
            self._above[right] = left
