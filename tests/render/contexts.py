"""Contexts as the planner freezes them, for tests of rendering and for looking at templates."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from recmail.settings.sections import default_brand

Context = dict[str, Any]

COURSES: dict[str, Context] = {
    "sql": {
        "title": "SQL from Zero to Useful",
        "subtitle": "Ask a database real questions by the end of the first week, and trust the answers",
        "category": "Data",
        "level": "beginner",
        "price_minor": 149900,
        "duration_min": 380,
        "reason": "You took Spreadsheets That Do Not Lie in October.",
    },
    "interviews": {
        "title": "Interviewing Users Without Leading Them",
        "subtitle": "Questions that let people say what they do, not what you hope",
        "category": "Product Design",
        "level": "intermediate",
        "price_minor": 129900,
        "duration_min": 200,
        "reason": "From the 7 courses you took.",
    },
    "pricing": {
        "title": "Pricing and Packaging in Practice",
        "category": "Business",
        "level": "all",
        "price_minor": 0,
        "duration_min": 45,
        "reason": "You finished Reading a Balance Sheet.",
    },
    "kannada": {
        "title": "Spoken Kannada for Newcomers",
        "subtitle": "Autos, markets, neighbours: the first hundred conversations",
        "category": "Languages",
        "level": "beginner",
        "price_minor": 79900,
        "duration_min": 720,
        "reason": "1,204 learners joined in 90 days.",
    },
    "portraits": {
        "title": "Portraits in Window Light",
        "subtitle": "One window, one chair, and a face that forgets the camera",
        "category": "Photography",
        "level": "beginner",
        "price_minor": 99900,
        "duration_min": 150,
        "reason": "New since 17 November 2026",
    },
    "forecasts": {
        "title": "Forecasts That Admit What They Do Not Know",
        "subtitle": "Ranges instead of numbers, and how to defend them",
        "category": "Data",
        "level": "advanced",
        "price_minor": 249900,
        "duration_min": 540,
        "reason": "New since 12 November 2026",
    },
    "bare": {"title": "A Course of Which We Know Only the Title", "image_url": None, "price_minor": None},
}

TEXT = "Here is what people like you learn next. Four courses, picked from what you have taken so far."


def course(course_id: str, *, block: str = "top_picks", position: int = 1, **changes: Any) -> Context:
    """Return one course with every documented field."""
    known: Context = {
        "course_id": course_id,
        "title": course_id,
        "subtitle": None,
        "category": None,
        "level": None,
        "language": "en",
        "price_minor": None,
        "currency": "INR",
        "duration_min": None,
        "image_url": f"{course_id}.png",
        "url": f"https://learn.acme.example/{course_id}?utm_source=recmail&utm_campaign=weekly",
        "reason": None,
        "progress": None,
        "block": block,
        "source": block,
        "position": position,
    }
    return known | COURSES.get(course_id, {}) | changes


def block(name: str, courses: list[Context], *, title: str | None = None, text: str | None = None) -> Context:
    """Return one block of an email."""
    return {"name": name, "title": title, "text": text, "courses": courses}


def context(blocks: list[Context], **changes: Any) -> Context:
    """Return a whole context around some blocks; `changes` replace top-level names."""
    return {
        "user": {"first_name": "Ana", "last_name": "Sousa", "language": "en", "country": "IN"},
        "courses": [course for part in blocks for course in part["courses"]],
        "because": {"title": "Spreadsheets That Do Not Lie", "course_id": "spreadsheets", "progress": 100},
        "blocks": blocks,
        "campaign": {
            "name": "weekly",
            "topic": "course-tips",
            "topic_title": "Course tips",
            "description": "Weekly course picks",
        },
        "sender": {
            "name": "Acme Courses",
            "postal_address": "Acme Learning, 12 Residency Road, Bengaluru 560025, India",
        },
        "brand": asdict(default_brand()),
        "links": {
            "unsubscribe": "https://acme.example/u/3yQ",
            "preferences": "https://acme.example/p/3yQ",
            "browser": "https://acme.example/v/3yQ",
            "images": "https://acme.example/images/",
        },
        "date": "2026-11-24",
        "language": "en",
        "direction": "ltr",
    } | changes


def full() -> Context:
    """Return the email that most people get: an opening, four picks, two popular courses without reason."""
    picks = [course(name, position=at) for at, name in enumerate(("sql", "interviews", "pricing"), start=1)]
    popular = [
        course("kannada", block="popular", position=1),
        course("bread", title="Bread at Home", block="popular", position=2, reason=None, category="Cooking"),
    ]
    return context(
        [
            block("text", [], text=TEXT),
            block("top_picks", picks, title="Picked for you"),
            block("popular", popular, title="Popular this month"),
        ]
    )


def finished() -> Context:
    """Return what follows a course that was finished: the next step, and three other roads."""
    others = [course(name, position=at) for at, name in enumerate(("forecasts", "interviews", "pricing"))]
    because = "Because you finished Spreadsheets That Do Not Lie"
    return context(
        [
            block("text", [], text="You went through to the end. This is where it leads."),
            block("because_you_took", [course("sql", block="because_you_took", reason=because)]),
            block("top_picks", others, title="Or take another road"),
        ]
    )


def released() -> Context:
    """Return a catalogue: five new courses, one too many for two columns, and two popular ones."""
    new = [
        course(name, block="new_releases", position=at, reason=f"New since {23 - 3 * at} November 2026")
        for at, name in enumerate(("portraits", "forecasts", "kannada", "sql", "interviews"))
    ]
    popular = [
        course("pricing", block="popular", reason="1,204 learners joined in 90 days"),
        course("bread", title="Bread at Home", block="popular", position=1, category="Cooking"),
    ]
    return context(
        [
            block("text", [], text="What our teachers finished this month."),
            block("new_releases", new, title="New courses"),
            block("popular", popular, title="Popular this month"),
        ]
    )


def unfinished() -> Context:
    """Return what was left at 62 %, what was hardly begun and has no picture, and two picks."""
    waiting = "Waiting for you since 3 November 2026"
    left = [
        course("kannada", block="continue_learning", progress=62, reason="You are 62% through"),
        course("pricing", block="continue_learning", position=1, image_url=None, reason=waiting),
    ]
    picks = [course("forecasts", position=0), course("interviews", position=1)]
    return context(
        [
            block("continue_learning", left),
            block("top_picks", picks, title="Or begin something new"),
        ],
        because=None,
    )


SETS = {
    "weekly": full,
    "because-you-finished": finished,
    "new-releases": released,
    "continue-learning": unfinished,
}
"""The shipped templates, each with the context that it is drawn for."""


def sparse() -> Context:
    """Return the least that an email can consist of: one bare course, nobody's name, no topic."""
    return context(
        [block("popular", [course("bare", block="popular")])],
        user={"first_name": None, "last_name": None, "language": None, "country": None},
        because=None,
        campaign={"name": "weekly", "topic": "", "topic_title": None, "description": None},
        sender={"name": "Acme Courses", "postal_address": None},
    )


ARABIC: dict[str, Context] = {
    "sql": {
        "title": "قواعد البيانات من الصفر",
        "subtitle": "اسأل قاعدة البيانات أسئلة حقيقية",
        "category": "بيانات",
        "reason": "لأنك درست Spreadsheets That Do Not Lie.",
    },
    "pricing": {"reason": "من سبع دورات درستها."},
}


def mirrored(values: Context) -> Context:
    """Return an email that runs from right to left, with Latin titles in it."""
    for each in values["courses"]:
        each.update(ARABIC.get(each["course_id"], {}))
    user = {"first_name": "ليلى", "last_name": "حداد", "language": "ar", "country": "JO"}
    return values | {"user": user, "language": "ar", "direction": "rtl"}


def arabic() -> Context:
    """Return the weekly email in Arabic: its two picks have a Latin title among them."""
    picks = [course("sql"), course("pricing", position=2)]
    opening = block("text", [], text="إليك ما يتعلمه أشخاص مثلك بعد ذلك.")
    return mirrored(context([opening, block("top_picks", picks, title="مختارة لك")]))


def edge() -> Context:
    """Return what breaks layouts: sixty letters without a space, long titles, markup as a name."""
    title = "Everything You Wanted to Know About Donaudampfschifffahrtsgesellschaftskapitänspatente, Volume 2"
    picks = [
        course("sql", title=title, reason="You took " + title + "."),
        course("long", title=title, position=2, category="Law", level="advanced", price_minor=123456700),
        course("bare", position=3),
        course("script", position=4, title="<script>alert(1)</script> & co", reason="{{ 7*7 }}"),
    ]
    user = {"first_name": "W" + "a" * 58 + "h", "last_name": None, "language": None, "country": None}
    return context(
        [block("top_picks", picks, title="Picked for you, with a rather long title of its own")], user=user
    )
