"""Random segments as text, so that the grammar takes part in what is compared."""

from __future__ import annotations

import random

OPERATORS = ("==", "!=", "<", "<=", ">", ">=")
LENGTHS = ("30d", "24h", "14d", "1d", "57w", "720h")
DAYS = ("2026-10-03", "2026-11-02", "2026-11-03", "2025-09-28", "2026-11-16")
TEXTS = {
    "user_id": ("u1", "u2", "u39"),
    "first_name": ("Ana", "Zoë"),
    "last_name": ("O'Brien", "50%"),
    "language": ("pt", "PT-BR", "en", "hi"),
    "country": ("IN", "no", "SE"),
    "timezone": ("Asia/Kolkata", "UTC"),
    "favourite_category": ("data", "  DESIGN", "Köche", "Cooking"),
    "plan": ("pro", "Pro"),
    "lives-in": ("Köln", "50%"),
    "course_id": ("c0", "c3", "c8", "c99"),
    "category": ("Data", "design ", "KÖCHE"),
    "level": ("beginner", "all"),
    "currency": ("EUR", "JPY"),
    "title": ("Python 101", "EXCEL pivot"),
}
PARTS = {
    "tags": ("EXCEL", "short"),
    "topics": ("sql", "Charts"),
    "title": ("excel", "50 %", "_", "SÜLZE"),
    "query": ("excel", "50%", "_", "sÜlze"),
}
NUMBERS = {
    "enrolments": ("0", "1", "2", "2.5"),
    "completions": ("0", "1"),
    "visits": ("3", "3.5", "-2"),
    "price": ("0", "50", "49.99", "0.5", "50.005"),
    "duration_min": ("120", "60.5"),
    "seats": ("0", "20"),
    "rating": ("4", "4.5"),
    "progress": ("0.5", "1"),
}
PEOPLE = (
    *("user_id", "first_name", "last_name", "language", "country", "timezone", "favourite_category", "plan"),
    *("lives-in", "enrolments", "completions", "visits", "signed_up", "last_seen", "last_seen", "trial"),
    *("renews", "email"),
)
COURSES = (
    *("course_id", "title", "category", "level", "tags", "topics", "language", "price", "price", "currency"),
    *("duration_min", "seats", "published", "closes", "staff_pick"),
)
EVENTS = ("viewed", "searched", "enrolled", "progressed", "completed", "rated")
OWN = {"rated": "rating", "progressed": "progress", "searched": "query"}


class Writer:
    """Writes segments, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    def segment(self) -> str:
        """Rules about people, one to three of them."""
        rules = [
            self.about_people(self._chance.randrange(3)) for _ in range(self._chance.choice((1, 1, 2, 3)))
        ]
        return "\n and ".join(rules)

    def where(self) -> str:
        """A condition on courses."""
        return self._joined(COURSES, self._chance.randrange(4))

    def about_people(self, depth: int) -> str:
        return self._joined((*PEOPLE, *EVENTS), depth)

    def _joined(self, names: tuple[str, ...], depth: int) -> str:
        if depth == 0:
            return self._leaf(self._chance.choice(names))
        match self._chance.randrange(5):
            case 0:
                return f"not {self._joined(names, depth - 1)}"
            case 1:
                return f"({self._joined(names, depth - 1)})"
            case 2:
                return f"({self._joined(names, depth - 1)} or {self._joined(names, depth - 1)})"
            case 3:
                parts = (self._joined(names, depth - 1) for _ in range(3))
                return "{} or {} and {}".format(*parts)
        return f"{self._joined(names, depth - 1)} and {self._joined(names, depth - 1)}"

    def _leaf(self, name: str) -> str:
        pick = self._chance.choice
        if name in EVENTS:
            return self._event(name)
        if self._chance.random() < 0.15 and name != "staff_pick":
            return f"{name} is {pick(('', 'not '))}set"
        if name == "email":
            return "email is set"
        if name in ("trial", "staff_pick"):
            return pick((name, f"{name} == true", f"{name} == false", f"{name} != true"))
        if name in PARTS and (name not in TEXTS or pick((True, False))):
            return f'{name} has "{pick(PARTS[name])}"'
        if name in TEXTS:
            some = ", ".join(f'"{text}"' for text in TEXTS[name][: pick((1, 2))])
            return pick((f'{name} == "{pick(TEXTS[name])}"', f'{name} != "{pick(TEXTS[name])}"',
                         f"{name} in [{some}]", f"{name} not in [{some}]"))  # fmt: skip
        if name in NUMBERS:
            number = pick(NUMBERS[name])
            return pick((f"{name} {pick(OPERATORS)} {number}", f"{name} in [7, {number}]"))
        return self._time(name)

    def _time(self, name: str) -> str:
        pick = self._chance.choice
        day = f"{name} {pick(OPERATORS)} {pick(DAYS)}"
        if name == "renews":
            return pick((day, f"renews within {pick(('last', 'next'))} {pick(('14d', '1d', '4w'))}"))
        return pick((day, f"{name} {pick(('within', 'over'))} {pick(LENGTHS)}"))

    def _event(self, kind: str) -> str:
        pick = self._chance.choice
        own = (OWN[kind],) * 4 if kind in OWN else ()
        names = own if kind == "searched" else (*COURSES, *own)
        texts = ('"excel"', '"_"') if kind == "searched" else ('"c1"', '"c3"')
        inner = pick(("", pick(texts), self._joined(names, pick((0, 0, 1, 2)))))
        count = pick(("", "", f" at least {pick((1, 2, 3))} times", f" at most {pick((1, 2))} times"))
        window = pick(("", f" within {pick(LENGTHS)}"))
        return f"{kind}({inner}){count}{window}"
