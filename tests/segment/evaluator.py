"""What a segment means, said once more: person by person in plain Python; it shares nothing but the tree."""

from __future__ import annotations

import operator
from collections import defaultdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from recmail.segment import tree
from recmail.segment.fields import Field

DIGITS = {"EUR": 2, "JPY": 0, "KWD": 3}
TAKEN = ("enrolled", "progressed", "completed")
OPERATORS = {
    "==": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
JSON_TYPES = {"text": (str,), "list of texts": (list,), "number": (int, float), "day": (str,)}

Row = dict[str, Any]


class World:
    """All rows, seen as of an instant."""

    def __init__(self, rows: dict[str, list[Row]], now: datetime) -> None:
        self.now, self.people = now, rows["users"]
        self.courses = {row["course_no"]: row for row in rows["courses"]}
        self.events: dict[int, list[Row]] = defaultdict(list)
        for event in rows["interactions"]:
            if event["at"] <= now:
                self.events[event["user_no"]].append(event)

    def audience(self, rules: list[tree.Node]) -> list[int]:
        """The numbers of everybody for whom all rules hold."""
        return [
            person["user_no"] for person in self.people if all(self.holds(rule, person) for rule in rules)
        ]

    def holds(self, node: tree.Node, row: Row) -> bool:
        """Whether a node is true of a person, a course or an event; of what is not known, nothing is."""
        match node:
            case tree.Everyone():
                return True
            case tree.All(parts):
                return all(self.holds(part, row) for part in parts)
            case tree.AnyOf(parts):
                return any(self.holds(part, row) for part in parts)
            case tree.Not(part):
                return not self.holds(part, row)
            case tree.Event():
                return self.did(node, row)
            case tree.IsSet(field, negated):
                return (self.value(field, row) not in (None, [])) is not negated
            case tree.OneOf(field, values, negated):
                return any(self.same(field, row, value.value) for value in values) is not negated
            case tree.Has(field, value):
                found = self.value(field, row)
                return found is not None and value.value in found
            case tree.Span():
                return self.near(node, row)
            case tree.Compare(field, "!=", value):
                return not self.same(field, row, value.value)
            case tree.Compare(field, op, value):
                return self.compares(field, row, op, value.value)
        raise AssertionError(node)

    def same(self, field: Field, row: Row, value: Any) -> bool:
        return self.compares(field, row, "==", value)

    def compares(self, field: Field, row: Row, op: str, value: Any) -> bool:
        found = self.value(field, row)
        if found is None:
            return False
        if field.name == "language":
            return found == value or found.startswith(value + "-")
        if field.type.value == "time":
            found = found.date()  # a whole day is compared with the day of the instant, in UTC
        elif field.type.value == "day":
            found = date.fromisoformat(found)
        elif field.name == "price":
            found = Decimal(found) / 10 ** DIGITS.get(row["currency"], 2)
        return bool(OPERATORS[op](found, value))

    def near(self, span: tree.Span, row: Row) -> bool:
        found = self.value(span.field, row)
        if found is None:
            return False
        now: Any = self.now
        if span.field.type.value == "day":
            found, now = date.fromisoformat(found), self.now.date()
        if span.ahead:
            return found > now + span.length if span.over else now <= found <= now + span.length
        return found < now - span.length if span.over else now - span.length <= found <= now

    def did(self, event: tree.Event, person: Row) -> bool:
        count = 0
        for one in self.events[person["user_no"]]:
            recent = event.within is None or one["at"] >= self.now - event.within
            count += one["kind"] == event.kind and recent and self.fits(event.what, one)
        return count >= event.times if event.op == ">=" else count <= event.times

    def fits(self, what: tree.Node | None, event: Row) -> bool:
        if what is None:
            return True
        own = ("rating", "progress", "query")
        about_courses = any(field.name not in own for field in tree.fields_of(what))
        course = self.courses.get(event["course_no"])
        if about_courses and course is None:
            return False
        return self.holds(what, {**(course or {}), "rating": event["value"], "progress": event["value"],
                                 "query": event["query"]})  # fmt: skip

    def value(self, field: Field, row: Row) -> Any:
        """What is known, None when nothing is."""
        if field.attribute:
            found = (row["attributes"] or {}).get(field.name)
            if field.type.value == "true or false":
                return found if isinstance(found, bool) else None
            right = isinstance(found, JSON_TYPES[field.type.value]) and not isinstance(found, bool)
            return found if right else None
        if field.name in ("title", "category"):
            return fold(row[field.name])
        if field.name in ("tags", "topics"):
            return [fold(one) for one in row[field.name]]
        if field.name in ("language", "query"):
            text = row[field.name]
            return text and "".join(letter.lower() if letter < "\x80" else letter for letter in text)
        if field.name in ("signed_up", "published", "closes"):
            at = row[f"{field.name}_at"]
            return at if at is not None and (field.name == "closes" or at <= self.now) else None
        if field.name == "price":
            return row["price_minor"]
        if field.name in row:
            return row[field.name]
        return self.derived(field.name, row)

    def derived(self, name: str, person: Row) -> Any:
        events = self.events[person["user_no"]]
        if name == "last_seen":
            seen = [event["at"] for event in events]
            if person["last_seen_at"] is not None and person["last_seen_at"] <= self.now:
                seen.append(person["last_seen_at"])
            return max(seen, default=None)
        if name == "completions":
            return len({one["course_no"] for one in events if one["kind"] == "completed"} - {None})
        taken = [one for one in events if one["kind"] in TAKEN and one["course_no"] is not None]
        if name == "enrolments":
            return len({one["course_no"] for one in taken})
        assert name == "favourite_category"
        return self.favourite(taken)

    def favourite(self, taken: list[Row]) -> str | None:
        met: dict[str, set[int]] = defaultdict(set)
        newest: dict[str, datetime] = {}
        for one in taken:
            category = fold(self.courses.get(one["course_no"], {}).get("category"))
            if category:
                met[category].add(one["course_no"])
                newest[category] = max(one["at"], newest.get(category, one["at"]))
        return min(met, key=lambda name: (-len(met[name]), self.now - newest[name], name), default=None)


def fold(text: str | None) -> str | None:
    """Case and spaces do not matter."""
    return None if text is None else " ".join(text.casefold().split()) or None
