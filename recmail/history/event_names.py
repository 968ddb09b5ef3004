"""Names of other systems' events, such as "Course Viewed": which of our kinds each probably means."""

from __future__ import annotations

import re

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_UNDONE = """
    abandoned cancelled canceled cancellation declined deleted expired failed paused refund refunded removed
    unenrolled unsubscribed
"""
# The first kind of which a name has a word: "Order Completed" is an enrolment, "Lesson Completed" progress.
_SIGNS = {
    "enrolled": """
        enrol enroll enrolled enrollment enrolment order ordered purchase purchased bought
        checkout paid payment
    """,
    "rated": "rate rated rating review reviewed stars",
    "searched": "search searched searches query",
    "progressed": """
        lesson lecture module chapter unit section video quiz assignment exercise progress progressed resumed
    """,
    "completed": "complete completed completion finish finished passed graduated certificate",
    "viewed": """
        view viewed views page visit visited open opened click clicked impression seen select selected item
    """,
}


def likely_kind(event: str) -> str | None:
    """The kind that an event's name sounds like; None when it sounds like none, or like one undone."""
    words = {word.lower() for word in _WORDS.findall(event)}
    if words.intersection(_UNDONE.split()):
        return None
    return next((kind for kind, signs in _SIGNS.items() if words.intersection(signs.split())), None)
