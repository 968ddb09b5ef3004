"""A plan freezes little for each person, and the full context comes back from it."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import date

import pandas as pd
import pytest

from recmail.render.frozen import Wording, freeze_people, full_context, replace_stale
from recmail.render.names import NAMES
from recmail.settings.sections import default_brand

PEOPLE = pd.DataFrame(
    {
        "first_name": ["Ana", None],
        "last_name": ["Lima", float("nan")],
        "language": ["pt", None],
        "country": ["BR", None],
    }
)
SLOTS = pd.DataFrame(
    [
        (0, 1, 0, 2, 0.9, "top_picks", False, "Chosen from the 2 courses you took", -1),
        (0, 1, 1, 0, 0.5, "popular", True, "", -1),
        (0, 2, 0, 1, 7.0, "popular", False, "7 learners joined in 90 days", -1),
    ],
    columns=["person", "block", "position", "course_no", "score", "source", "fallback", "reason", "because"],
)
PAIRS = pd.DataFrame(
    [(0, 0, 0.629, None), (0, 1, float("nan"), None), (1, 2, 0.5, None)],
    columns=["person", "course_no", "progress", "completed_at"],
)
COLUMNS = ("title", "subtitle", "category", "level", "language", "currency", "image_url")


def wording() -> Wording:
    courses = {name: [f"{name} {number}" for number in range(3)] for name in COLUMNS}
    courses |= {
        "course_id": ["a", "b", "c"],
        "price_minor": [0, 49900, None],
        "duration_min": [60, None, 90],
        "url": ["https://x.example/a", None, "https://x.example/c"],
    }
    return Wording(
        campaign={"name": "weekly", "topic": "tips", "topic_title": "Tips", "description": None},
        sender={"name": "Acme", "postal_address": "1 Road"},
        brand=asdict(default_brand()),
        language="en",
        date=date(2026, 11, 2),
        courses=courses,
        blocks=[
            {"name": "text", "title": None, "text": "Hello"},
            {"name": "top_picks", "title": "Picked", "text": None},
            {"name": "popular", "title": "Popular", "text": None},
        ],
        titles={"popular": "Popular"},
        link=lambda url, block, course: f"{url}?b={block}&c={course}",
    )


def test_each_person_keeps_names_and_slots_only() -> None:
    ana, nobody = freeze_people(SLOTS, PEOPLE, PAIRS)
    assert ana["user"] == {"first_name": "Ana", "last_name": "Lima", "language": "pt", "country": "BR"}
    assert ana["slots"] == [
        [1, 2, "Chosen from the 2 courses you took", "top_picks", False, 0.9, None, None],
        [1, 0, None, "popular", True, 0.5, None, 62],
        [2, 1, "7 learners joined in 90 days", "popular", False, 7.0, None, None],
    ]
    assert nobody == {"user": dict.fromkeys(ana["user"]), "slots": []}


def test_the_context_has_every_documented_name_but_the_links() -> None:
    context = full_context(freeze_people(SLOTS, PEOPLE, PAIRS)[0], wording())
    assert set(context) == set(NAMES) - {"links"}
    course_fields = NAMES["courses"][0]
    assert all(set(course) == set(course_fields) for course in context["courses"])


def test_courses_come_back_in_the_order_of_the_email() -> None:
    context = full_context(freeze_people(SLOTS, PEOPLE, PAIRS)[0], wording())
    assert [course["course_id"] for course in context["courses"]] == ["c", "a", "b"]
    assert [course["position"] for course in context["courses"]] == [0, 1, 0]
    assert [course["block"] for course in context["courses"]] == ["top_picks", "top_picks", "popular"]
    assert [course["source"] for course in context["courses"]] == ["top_picks", "popular", "popular"]
    assert context["courses"][0]["url"] == "https://x.example/c?b=top_picks&c=c"
    assert context["courses"][2]["url"] is None
    assert [block["name"] for block in context["blocks"]] == ["text", "top_picks", "popular"]


def test_a_block_with_nothing_to_show_is_left_out_and_a_text_stays() -> None:
    context = full_context(freeze_people(SLOTS, PEOPLE, PAIRS)[1], wording())
    assert [block["name"] for block in context["blocks"]] == ["text"]
    assert context["courses"] == []


@pytest.mark.parametrize(("language", "direction"), [("en", "ltr"), ("ar-EG", "rtl"), ("he", "rtl")])
def test_the_direction_follows_the_language(language: str, direction: str) -> None:
    from dataclasses import replace

    frozen = freeze_people(SLOTS, PEOPLE, PAIRS)[0]
    assert full_context(frozen, replace(wording(), language=language))["direction"] == direction


def test_a_course_knows_how_far_the_person_is_unless_the_run_is_older() -> None:
    frozen = freeze_people(SLOTS, PEOPLE, PAIRS)[0]
    context = full_context(frozen, wording())
    assert [course["progress"] for course in context["courses"]] == [None, 62, None]
    older = {**frozen, "slots": [slot[:7] for slot in frozen["slots"]]}
    assert [course["progress"] for course in full_context(older, wording())["courses"]] == [None] * 3


@pytest.mark.parametrize(
    ("progress", "completed", "percent"),
    [(0.999, False, 99), (0.4, True, 100), (float("nan"), True, 100), (0.29, False, 29), (0.0, False, 0)],
)
def test_the_course_that_a_slot_is_about_has_the_progress(
    progress: float, completed: bool, percent: int
) -> None:
    slots = SLOTS.assign(because=[1, -1, -1])
    pairs = PAIRS.assign(
        progress=[0.5, progress, 0.5],
        completed_at=[None, pd.Timestamp("2026-11-23") if completed else None, None],
    )
    frozen = freeze_people(slots, PEOPLE, pairs)[0]
    context = full_context(frozen, wording())
    assert context["because"] == {"title": "title 1", "course_id": "b", "progress": percent}
    assert [course["progress"] for course in context["courses"]] == [None, 50, percent]
    older = {**frozen, "slots": [slot[:7] for slot in frozen["slots"]]}
    assert full_context(older, wording())["because"]["progress"] is None


RESERVES = [[1, 1, "r1", "top_picks", False, 0.1, None], [2, 0, "r0", "popular", False, 1.0, None]]


def numbers(context: dict | None) -> list[int] | None:
    return None if context is None else [slot[1] for slot in context["slots"]]


def test_a_stale_course_gives_way_to_its_blocks_reserve() -> None:
    frozen = {
        "user": {},
        "slots": [[1, 2, "x", "top_picks", False, 0.9, None], [2, 3, "y", "popular", False, 1.0, None]],
    }
    assert numbers(replace_stale(frozen, RESERVES, {2})) == [1, 3]
    assert numbers(replace_stale(frozen, RESERVES, {3})) == [2, 0]
    assert numbers(replace_stale(frozen, RESERVES, {2, 3})) == [1, 0]


def test_without_a_reserve_there_is_no_email() -> None:
    frozen = {
        "user": {},
        "slots": [[1, 2, "x", "top_picks", False, 0.9, None], [1, 4, "z", "top_picks", False, 0.8, None]],
    }
    assert replace_stale(frozen, RESERVES, {2, 4}) is None
    assert replace_stale(frozen, RESERVES, {2, 1}) is None  # the reserve is stale too


def test_a_reserve_that_is_shown_already_does_not_stand_in() -> None:
    frozen = {
        "user": {},
        "slots": [[1, 2, "x", "top_picks", False, 0.9, None], [2, 1, "y", "popular", False, 1.0, None]],
    }
    assert replace_stale(frozen, RESERVES, {2}) is None


def test_a_block_that_only_fell_back_has_an_honest_title() -> None:
    frozen = {
        "user": {},
        "slots": [
            [1, 0, "7 joined", "popular", True, 1.0, None],
            [1, 2, "6 joined", "popular", True, 0.9, None],
        ],
    }
    assert [block["title"] for block in full_context(frozen, wording())["blocks"]] == [None, "Popular"]
    frozen["slots"].append([2, 1, "5 joined", "popular", False, 0.8, None])
    _, popular = full_context(frozen, wording())["blocks"]
    assert [course["course_id"] for course in popular["courses"]] == ["a", "c", "b"]
    frozen["slots"][0] = [1, 0, "Chosen", "top_picks", False, 1.0, None]
    titles = [block["title"] for block in full_context(frozen, wording())["blocks"]]
    assert titles == [None, "Picked", "Popular"]


def test_a_block_about_one_course_says_so_once() -> None:
    """The heading names course 2, so its courses do not repeat it; others keep their reasons."""
    blocks = [
        {"name": "top_picks", "title": "Picked", "text": None},
        {"name": "because_you_took", "title": "Because you took {course}", "text": None},
    ]
    frozen = {
        "user": {},
        "slots": [
            [0, 0, "Chosen", "top_picks", False, 1.0, None],
            [1, 1, "Because you took title 2", "because_you_took", False, 0.5, 2],
        ],
    }
    context = full_context(frozen, replace(wording(), blocks=blocks))
    assert context["because"] == {"title": "title 2", "course_id": "c", "progress": None}
    assert [block["title"] for block in context["blocks"]] == ["Picked", "Because you took title 2"]
    assert [course["reason"] for course in context["courses"]] == ["Chosen", None]
    frozen["slots"].append([1, 2, "7 joined", "popular", True, 1.0, None])
    context = full_context(frozen, replace(wording(), blocks=blocks))
    assert [course["reason"] for course in context["courses"]] == ["Chosen", None, "7 joined"]
    del frozen["slots"][1]
    context = full_context(frozen, replace(wording(), blocks=blocks, titles={}))
    assert [block["title"] for block in context["blocks"]] == ["Picked", None]
    frozen["slots"][1] = [1, 1, "Because you took title 2", "because_you_took", False, 0.5, 2]
    blocks[1]["title"] = "More"
    context = full_context(frozen, replace(wording(), blocks=blocks))
    assert [course["reason"] for course in context["courses"]] == ["Chosen", "Because you took title 2"]


@pytest.mark.parametrize(
    ("languages", "expected"),
    [(["pt"], ["Olá", "Picked", "Mais vistos"]), ([], ["Hello", "Picked", "Popular"])],
)
def test_titles_and_texts_are_in_the_language_of_the_email(languages: list[str], expected: list[str]) -> None:
    ana = freeze_people(SLOTS, PEOPLE, PAIRS)[0]
    blocks = [
        {"name": "text", "title": None, "text": {"en": "Hello", "pt": "Olá"}},
        {"name": "top_picks", "title": {"hi": "आपके लिए", "en": "Picked"}, "text": None},
        {"name": "popular", "title": {"en": "Popular", "pt": "Mais vistos"}, "text": None},
    ]
    context = full_context(ana, replace(wording(), blocks=blocks, languages=languages))
    assert [block["text"] or block["title"] for block in context["blocks"]] == expected
