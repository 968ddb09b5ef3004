"""The cases that the demo always contains, for tests and previews: who and what they are, by id."""

from __future__ import annotations

COMPLETED_CATEGORY = "Photography and Film"
TWO_SPELLINGS = ("Data Science", "data science")

# Every one of these is among the first two titles of its category, so that a small catalogue has them too.
COURSES = {
    "full course": "usability-tests-with-five-strangers",
    "course that closes in twelve hours": "instagram-for-makers",
    "course that is not published yet": "your-salary-slip-decoded",
    "course without image": "write-shorter-emails",
    "course without level": "hindi-in-real-conversations",
    "course in the second spelling of its category": "window-functions-finally",
    "course that is no longer active": "tabla-for-curious-drummers",
}

LONG_NAME = "Srivenkatalakshminarasimharajagopalakrishnasubrahmanyeswaran"
FIRST_NAMES = {
    "name of 60 letters": LONG_NAME,
    "name of one letter": "K",
    "name with emoji": "🦚 Mayura 👩🏽‍🚀",
    "name with markup": "<script>alert('hello')</script>",
    "name with an ampersand and an apostrophe": "O'Brien & Sons",
    # A line break followed by a header is what somebody would try in order to add recipients.
    "name with control characters": "Ravi\x07\x1b[31m\r\nBcc: everyone@example.org\t",
    "name that says None": "None",
    "name that is a template": "{{ 7*7 }}",
}
ZONES = {
    "lives in Kiritimati": ("KI", "Pacific/Kiritimati"),
    "lives in Pago Pago": ("AS", "Pacific/Pago_Pago"),
}

CASES = (
    "completed a whole category",
    "enrolled in everything",
    *FIRST_NAMES,
    *ZONES,
    *(f"shares an address with another, pair {pair}, {side}" for pair in (1, 2, 3) for side in ("a", "b")),
    *(f"has no address, {number} of 5" for number in range(1, 6)),
    *(f"suppressed, {number} of 12" for number in range(1, 13)),
)
"""The planted users, in the order in which they stand at the head of the users."""

ROW = {case: row for row, case in enumerate(CASES)}
PAIRS = [(ROW[f"{case}a"], ROW[f"{case}b"]) for case in (c[:-1] for c in CASES if c.endswith(" a"))]
NO_ADDRESS = [row for case, row in ROW.items() if case.startswith("has no address")]
SUPPRESSED = [row for case, row in ROW.items() if case.startswith("suppressed")]


def user_id(row: int) -> str:
    """The id of the demo's user in this row, rows counted from 0."""
    return f"u{row + 1:05d}"


def planted() -> dict[str, str]:
    """What is special, and the user_id or course_id that has it; the same for every seed and size."""
    return {case: user_id(row) for case, row in ROW.items()} | COURSES
