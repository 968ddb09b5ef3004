"""What a plan freezes for one person, and the full context that templates get from it again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from recmail.recommend.blocks import COURSE, Words
from recmail.render.context import clean_name
from recmail.render.languages import direction, spoken, words_in

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_USER = ("first_name", "last_name", "language", "country")
_COURSE = (
    *("course_id", "title", "subtitle", "category", "level", "language"),
    *("price_minor", "currency", "duration_min", "image_url", "url"),
)


_BECAUSE = 6  # its place in a slot


@dataclass(frozen=True)
class Wording:
    """What all emails of a run print alike.

    Attributes:
        date: the day on which the emails are due; of people for whom it is another one, theirs is frozen.
        courses: the run's catalogue by column, as `history.frozen` keeps it.
        blocks: for each block of the campaign its name, title and text (None where it has none), each a
            text or one for each language.
        language: of those for whose language there is no template.
        languages: in which there are templates.
        titles: of the blocks that others fall back on, by name.
        link: from a course's URL, its block's name and its id to the URL that is printed.
    """

    campaign: Mapping[str, str | None]
    sender: Mapping[str, str | None]
    brand: Mapping[str, str | int]
    language: str
    date: date
    courses: Mapping[str, list[Any]]
    blocks: list[dict[str, Words | None]]
    titles: Mapping[str, str | None]
    link: Callable[[str, str, str], str]
    languages: Collection[str] = ()


def freeze_people(slots: pd.DataFrame, people: pd.DataFrame, pairs: pd.DataFrame) -> list[dict[str, Any]]:
    """One small JSON document for each person: their names, and the courses of each block with reasons.

    A slot is [block, course_no, reason, source, fallback, score, because, progress], as in SLOT_COLUMNS;
    progress is how much of the course `because`, or else of the one shown, the person has done, in percent,
    and None where that is not known. Runs that an older version froze have slots without it.

    Args:
        slots: SLOT_COLUMNS of a shard, sorted by person, block and position.
        people: the shard's people; row i is person i.
        pairs: PAIR_COLUMNS of the shard.
    """
    names = people[list(_USER)].astype(object)
    frozen: list[dict[str, Any]] = [
        {"user": {name: _name(name, value) for name, value in zip(_USER, row, strict=True)}, "slots": []}
        for row in names.where(names.notna(), None).itertuples(index=False, name=None)
    ]
    columns = ["person", "block", "course_no", "reason", "source", "fallback", "score", "because"]
    rows = slots[columns].itertuples(index=False, name=None)
    for (person, block, course_no, reason, source, fallback, score, because), percent in zip(
        rows, _percent(slots, pairs), strict=True
    ):
        slot = (int(block), int(course_no), reason or None, source, bool(fallback), round(float(score), 4))
        known = (int(number) if number >= 0 else None for number in (because, percent))
        frozen[person]["slots"].append([*slot, *known])
    return frozen


def _percent(slots: pd.DataFrame, pairs: pd.DataFrame) -> np.ndarray:
    """Return how much of the course that each slot is about was done, in whole percent; -1: not known."""
    # Planning has them; writing emails of a frozen run has no need of them.
    import numpy as np

    from recmail.recommend.pair_values import ByPair

    because, shown = slots["because"].to_numpy(), slots["course_no"].to_numpy()
    # What is not quite done is not called 100 %.
    done = np.floor(pairs["progress"].to_numpy(np.float64) * 100 + 1e-9)
    percent = np.where(pairs["completed_at"].notna(), 100, np.where(np.isnan(done), -1, done))
    found = ByPair(pairs["person"].to_numpy(), pairs["course_no"].to_numpy(), percent)
    return found.at(slots["person"].to_numpy(), np.where(because >= 0, because, shown))


def _name(field: str, value: str | None) -> str | None:
    return (clean_name(value) or None) if value and field.endswith("_name") else value


def full_context(frozen: Mapping[str, Any], wording: Wording) -> dict[str, Any]:
    """Everything that a template may print for one person, except what is added when it is sent: links."""
    language = spoken(frozen["user"].get("language"), wording.languages, wording.language)
    blocks: list[dict[str, Any]] = []
    for number, block in enumerate(wording.blocks):
        slots = [slot for slot in frozen["slots"] if slot[0] == number]
        if not slots and block["text"] is None:
            continue
        courses = [_course(wording, slot, position) for position, slot in enumerate(slots)]
        title = _honest_title(words_in(block["title"], language, wording.language), slots, wording.titles)
        if title and COURSE in title:
            about = _because(slots, wording)
            title = title.replace(COURSE, about["title"]) if about else None
            # The heading is the reason of those that are about the course.
            courses = [
                course if slot[_BECAUSE] is None else {**course, "reason": None}
                for course, slot in zip(courses, slots, strict=True)
            ]
        if blocks and slots and title is not None and title == blocks[-1]["title"]:
            blocks[-1]["courses"] += courses  # one heading over both
        else:
            text = words_in(block["text"], language, wording.language)
            blocks.append({"name": block["name"], "title": title, "text": text, "courses": courses})
    return {
        "user": dict(frozen["user"]),
        "courses": [course for block in blocks for course in block["courses"]],
        "because": _because(frozen["slots"], wording),
        "blocks": blocks,
        "campaign": dict(wording.campaign),
        "sender": dict(wording.sender),
        "brand": dict(wording.brand),
        "date": frozen.get("date") or wording.date.isoformat(),
        "language": language,
        "direction": direction(language),
    }


def _honest_title(
    title: str | None, slots: Sequence[list[Any]], titles: Mapping[str, str | None]
) -> str | None:
    """A block's title, unless all it shows came from one fallback: "Picked for you" would not be true."""
    sources = {(source, fallback) for _, _, _, source, fallback, *_ in slots}
    if len(sources) == 1:
        source, fallback = sources.pop()
        if fallback:
            return titles.get(source) or title
    return title


def _because(slots: Sequence[list[Any]], wording: Wording) -> dict[str, Any] | None:
    """The course of the person's own that the first of these slots is about which is about one."""
    slot = next((slot for slot in slots if slot[_BECAUSE] is not None), None)
    if slot is None:
        return None
    about = {name: wording.courses[name][slot[_BECAUSE]] for name in ("title", "course_id")}
    return {**about, "progress": _progress(slot)}


def _progress(slot: list[Any]) -> int | None:
    percent: int | None = next(iter(slot[_BECAUSE + 1 :]), None)
    return percent


def _course(wording: Wording, slot: list[Any], position: int) -> dict[str, Any]:
    block, course_no, reason, source, *_ = slot
    course: dict[str, Any] = {name: wording.courses[name][course_no] for name in _COURSE}
    name = wording.blocks[block]["name"] or ""
    if course["url"]:
        course["url"] = wording.link(course["url"], name, course["course_id"])
    progress = _progress(slot) if slot[_BECAUSE] is None else None
    where = {"block": name, "source": source, "position": position}
    return {**course, "reason": reason, "progress": progress, **where}


def replace_stale(
    frozen: Mapping[str, Any], reserves: Sequence[list[Any]], gone: Collection[int]
) -> dict[str, Any] | None:
    """The frozen context with each stale course replaced by its block's next reserve.

    Returns None when a block has no reserve left that may stand in: better no email than a thinner one than
    was approved.
    """
    shown = {course_no for _, course_no, *_ in frozen["slots"]}
    spare = [reserve for reserve in reserves if reserve[1] not in gone and reserve[1] not in shown]
    slots = []
    for slot in frozen["slots"]:
        if slot[1] in gone:
            stand_in = next((reserve for reserve in spare if reserve[0] == slot[0]), None)
            if stand_in is None:
                return None
            spare = [reserve for reserve in spare if reserve[1] != stand_in[1]]
            slot = stand_in
        slots.append(slot)
    return {**frozen, "slots": slots}
