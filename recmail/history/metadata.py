"""What looks wrong in the catalogue: every finding with its count, a few courses, and what to do about it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from recmail.db.tables import courses
from recmail.history.alike import alike, plain
from recmail.records import category_key

_EXAMPLES = 3
_AT_ONCE = 1_000
_COLUMNS = (
    *("course_id", "title", "category", "level", "topics", "tags", "prerequisites", "price_minor"),
    *("currency", "published_at", "closes_at", "image_url", "url"),
)


@dataclass(frozen=True)
class Finding:
    """Something that looks wrong in active courses.

    Attributes:
        code: its name in JSON; it does not change.
        count: how many courses, names or groups of names.
        what: in words.
        examples: up to three course_ids, or groups of spellings with the number of their courses.
        advice: what to do.
    """

    code: str
    count: int
    what: str
    examples: list[str]
    advice: str


@dataclass(frozen=True)
class _Check:
    code: str
    what: str
    advice: str
    fails: Callable[[sa.RowMapping, datetime], bool]


_CHECKS = (
    _Check(
        "url_missing",
        "no address on the web",
        "fill in url: the email shows them without a link",
        lambda course, now: course["url"] is None,
    ),
    _Check(
        "image_missing",
        "no picture",
        "fill in image_url",
        lambda course, now: course["image_url"] is None,
    ),
    _Check(
        "level_missing",
        "no level",
        "write beginner, intermediate, advanced or all",
        lambda course, now: course["level"] is None,
    ),
    _Check(
        "category_missing",
        "no category",
        "fill it in: variety counts by category",
        lambda course, now: category_key(course["category"]) is None,
    ),
    _Check(
        "currency_missing",
        "a price without a currency",
        "fill in currency, and import them again",
        lambda course, now: course["price_minor"] is not None and course["currency"] is None,
    ),
    _Check(
        "not_yet_published",
        "published in the future",
        "nothing, if that is so: they are offered from then on",
        lambda course, now: course["published_at"] is not None and course["published_at"] > now,
    ),
    _Check(
        "closed",
        "closed already",
        "write active = no, or when they close next; until then nobody is offered them",
        lambda course, now: course["closes_at"] is not None and course["closes_at"] <= now,
    ),
)


def inspect_courses(connection: sa.Connection, now: datetime) -> list[Finding]:
    """Look at all active courses, a thousand at a time: only ids and names are kept."""
    seen = _Seen()
    query = sa.select(*(courses.c[name] for name in _COLUMNS)).where(courses.c.active.is_(True))
    in_order = query.order_by(courses.c.course_no)
    for course in connection.execute(in_order, execution_options={"yield_per": _AT_ONCE}).mappings():
        seen.look_at(course, now)
    return list(seen.findings(set(connection.scalars(sa.select(courses.c.course_id)))))


class _Seen:
    """What was noticed while looking at one course after the other."""

    def __init__(self) -> None:
        self._failed: Counter[str] = Counter()
        self._courses: defaultdict[str, list[str]] = defaultdict(list)
        self._titles: defaultdict[str, list[str]] = defaultdict(list)
        self._names: dict[str, Counter[str]] = {name: Counter() for name in ("category", "topics", "tags")}
        self._prerequisites: defaultdict[str, list[str]] = defaultdict(list)
        self._currencies: Counter[str] = Counter()

    def look_at(self, course: sa.RowMapping, now: datetime) -> None:
        """Take one course into account."""
        course_id = course["course_id"]
        for check in _CHECKS:
            if check.fails(course, now):
                self._failed[check.code] += 1
                _keep(self._courses[check.code], course_id)
        self._titles[plain(course["title"])].append(course_id)
        self._names["category"].update([course["category"]] if category_key(course["category"]) else ())
        for name in ("topics", "tags"):
            self._names[name].update(set(course[name]))
        for other in course["prerequisites"]:
            _keep(self._prerequisites[other], course_id)
        if course["price_minor"] and course["currency"]:
            self._currencies[course["currency"]] += 1

    def findings(self, known: set[str]) -> Iterator[Finding]:
        """Yield what looks wrong; `known` are all course_ids, active or not."""
        for check in _CHECKS:
            if count := self._failed[check.code]:
                yield Finding(check.code, count, check.what, self._courses[check.code], check.advice)
        yield from self._of_titles()
        yield from self._of_prerequisites(known)
        if len(self._currencies) > 1:
            yield Finding(
                "several_currencies",
                len(self._currencies),
                "currencies of prices",
                [f"{currency} ({count:,})" for currency, count in self._currencies.most_common(_EXAMPLES)],
                "nothing, if that is so; a segment's price <= 50 compares them all alike",
            )
        yield from self._of_names()

    def _of_titles(self) -> Iterator[Finding]:
        twice = [ids for ids in self._titles.values() if len(ids) > 1]
        if twice:
            advice = "tell them apart, or write active = no for those that are replaced"
            examples = [" = ".join(ids[:_EXAMPLES]) for ids in twice[:_EXAMPLES]]
            yield Finding("same_title", len(twice), "titles of several courses", examples, advice)

    def _of_prerequisites(self, known: set[str]) -> Iterator[Finding]:
        unknown = sorted(set(self._prerequisites) - known)
        if unknown:
            advice = "write course_ids into prerequisites, separated by ;"
            examples = [f"{other} (of {self._prerequisites[other][0]})" for other in unknown[:_EXAMPLES]]
            yield Finding(
                "prerequisite_unknown", len(unknown), "prerequisites that are no course", examples, advice
            )

    def _of_names(self) -> Iterator[Finding]:
        groups = alike(self._names["category"])
        spelled = [group for group in groups if len({category_key(name) for name in group}) == 1]
        advice = "write it one way: it counts as one, and emails print what is written"
        spellings = "categories in several spellings"
        yield from self._spelled("category_spellings", spellings, "category", spelled, advice)
        others = [group for group in groups if group not in spelled]
        advice = "write them one way: they count as different ones"
        yield from self._spelled("categories_alike", "categories much alike", "category", others, advice)
        for field in ("topics", "tags"):
            found = alike(self._names[field])
            yield from self._spelled(f"{field}_alike", f"{field} much alike", field, found, advice)

    def _spelled(
        self, code: str, what: str, field: str, groups: list[list[str]], advice: str
    ) -> Iterator[Finding]:
        if groups:
            counts = self._names[field]
            examples = [
                " = ".join(f"{name} ({counts[name]:,})" for name in group[:_EXAMPLES])
                for group in groups[:_EXAMPLES]
            ]
            yield Finding(code, len(groups), what, examples, advice)


def _keep(examples: list[str], course_id: str) -> None:
    if len(examples) < _EXAMPLES:
        examples.append(course_id)
