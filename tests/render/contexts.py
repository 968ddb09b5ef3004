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


def sparse() -> Context:
    """Return the least that an email can consist of: one bare course, nobody's name, no topic."""
    return context(
        [block("popular", [course("bare", block="popular")])],
        user={"first_name": None, "last_name": None, "language": None, "country": None},
        because=None,
        campaign={"name": "weekly", "topic": "", "topic_title": None, "description": None},
        sender={"name": "Acme Courses", "postal_address": None},
    )


def arabic() -> Context:
    """Return an email that runs from right to left, with a Latin title in it."""
    user = {"first_name": "ليلى", "last_name": "حداد", "language": "ar", "country": "JO"}
    picks = [
        course(
            "sql",
            title="قواعد البيانات من الصفر",
            subtitle="اسأل قاعدة البيانات أسئلة حقيقية",
            category="بيانات",
            reason="لأنك درست Spreadsheets That Do Not Lie.",
        ),
        course("pricing", position=2, reason="من سبع دورات درستها."),
    ]
    opening = block("text", [], text="إليك ما يتعلمه أشخاص مثلك بعد ذلك.")
    blocks = [opening, block("top_picks", picks, title="مختارة لك")]
    return context(blocks, user=user, language="ar", direction="rtl")


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
