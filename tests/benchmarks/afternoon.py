"""The campaign as people write it in an afternoon from tutorials, and the same with the obvious tuning.

Run by naive.py, each in a process of its own: `python afternoon.py naive|tuned JOB.json RESULT.json`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

if __name__ == "__main__" and sys.argv[1] == "tuned":
    os.environ["PREMAILER_CACHE_MAXSIZE"] = "4096"  # premailer reads it once, when it is imported

import logging
import re
import smtplib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from functools import partial
from typing import Any

import jinja2
import jinja2.filters
import pandas as pd
import premailer
from measured import PICKS, POPULAR, Job, Measured
from receiver import HOST
from surprise import SVD, Dataset, Reader

from recmail.render.format import FILTERS
from recmail.settings.sections import default_brand

Context = dict[str, Any]
GRADES = {"viewed": 1.0, "enrolled": 3.0, "progressed": 4.0, "completed": 5.0}
TAKEN = ("enrolled", "progressed", "completed")
BRAND = asdict(default_brand())
SENDER = ("Acme Courses", "learn@acme.example")
# Prices and durations are written by the same functions in all variants: they are not what is compared.
jinja2.filters.FILTERS.update(FILTERS)


@dataclass(frozen=True)
class Tools:
    """Where the two differ; each is called once for every message."""

    html: Callable[[], jinja2.Template]
    text: Callable[[], jinja2.Template]
    send: Callable[[str, bytes], None]


@dataclass
class History:
    """The files, as the loop over people wants them."""

    users: dict[str, dict[str, str]]
    courses: dict[str, dict[str, str]]
    graded: pd.DataFrame
    taken: dict[str, set[str]]
    popularity: dict[str, int]
    offered: list[str] = field(default_factory=list)


def read_history(job: Job) -> History:
    """Read the three files with pandas; a course may be offered while it is active."""
    users, courses, events = (
        pd.read_csv(job.path / f"{name}.csv", dtype=str, keep_default_na=False)
        for name in ("users", "courses", "interactions")
    )
    events = events[events["course_id"] != ""]
    enrolled = events[events["kind"].isin(TAKEN)]
    enrolments = enrolled.drop_duplicates(["user_id", "course_id"])["course_id"].value_counts()
    return History(
        users={row["user_id"]: row for row in users.to_dict("records")},
        courses={row["course_id"]: row for row in courses.to_dict("records")},
        graded=grade(events),
        taken={user: set(group) for user, group in enrolled.groupby("user_id")["course_id"]},
        popularity=enrolments.to_dict(),
        offered=courses.loc[courses["active"] != "no", "course_id"].tolist(),
    )


def grade(events: pd.DataFrame) -> pd.DataFrame:
    """Return the best grade of each person and course, a rating replacing it: what the model learns from."""
    pairs = ["user_id", "course_id"]
    best = events.assign(grade=events["kind"].map(GRADES)).groupby(pairs)["grade"].max()
    rated = events[events["kind"] == "rated"].groupby(pairs)["value"].last().astype(float)
    return rated.combine_first(best).dropna().rename("grade").reset_index()


def fit(history: History) -> SVD:
    """Fit Surprise's SVD as its guide shows."""
    data = Dataset.load_from_df(history.graded, Reader(rating_scale=(1, 5)))
    model = SVD(random_state=42)
    model.fit(data.build_full_trainset())
    return model


def choose(model: SVD, history: History, user_id: str) -> list[list[str]]:
    """Return the courses of both blocks: the best predictions, then the most popular of the rest."""
    taken = history.taken.get(user_id, set())
    unseen = [course for course in history.offered if course not in taken]
    predictions = [(model.predict(user_id, course).est, course) for course in unseen]
    predictions.sort(reverse=True)
    picks = [course for _, course in predictions[:PICKS]]
    rest = [course for course in unseen if course not in picks]
    rest.sort(key=lambda course: history.popularity.get(course, 0), reverse=True)
    return [picks, rest[:POPULAR]]


def make_context(history: History, user_id: str, chosen: list[list[str]]) -> Context:
    """Return what the templates print: the same names as in recmail's own contexts."""
    user = history.users[user_id]
    count = len(history.taken.get(user_id, ()))
    reasons = [lambda _: f"From the {count} courses you took.", partial(_joined, history)]
    blocks = [
        {
            "name": name,
            "title": title,
            "text": None,
            "courses": [course_context(history, course, name, reason(course)) for course in courses],
        }
        for name, title, courses, reason in zip(
            ("top_picks", "popular"), ("Picked for you", "Popular now"), chosen, reasons, strict=True
        )
    ]
    courses = [course for block in blocks for course in block["courses"]]
    first_name = " ".join(
        user["first_name"].split()
    )  # a line break in one of the demo's names ends it otherwise
    return {
        "user": {"first_name": first_name, "last_name": user["last_name"]},
        "courses": courses,
        "blocks": blocks,
        "because": None,
        "campaign": {"name": "yardstick", "topic": "course-tips", "topic_title": "Course tips"},
        "sender": {"name": SENDER[0], "postal_address": "12 Residency Road, Bengaluru 560025, India"},
        "links": {
            "unsubscribe": f"https://acme.example/unsubscribe?user={user_id}",
            "preferences": f"https://acme.example/preferences?user={user_id}",
            "images": "https://acme.example/",
        },
        "subject": f"{first_name or 'Hello'}, {len(courses)} courses picked for you",
        "preheader": None,
        "language": "en",
        "brand": BRAND,
        "direction": "ltr",
    }


def _joined(history: History, course_id: str) -> str:
    return f"{history.popularity.get(course_id, 0):,} learners joined."


def course_context(history: History, course_id: str, block: str, reason: str) -> Context:
    """Return one course as the templates print it."""
    row = history.courses[course_id]
    return {
        **{
            name: row[name] or None
            for name in ("course_id", "title", "subtitle", "category", "level", "image_url")
        },
        "url": f"{row['url']}?utm_source=mail&utm_medium=email&utm_campaign=yardstick&utm_content={block}",
        "price_minor": round(float(row["price"]) * 100) if row["price"] else None,
        "currency": row["currency"] or "INR",
        "duration_min": float(row["duration_min"]) if row["duration_min"] else None,
        "reason": reason,
        "block": block,
    }


def one_file(folder: Path, name: str) -> str:
    """Return a template of recmail with layout, includes and macros in one text, as Template() wants it."""
    text = (folder / name).read_text(encoding="utf-8")
    macros = ""
    for found in re.finditer(r'\{% import "([^"]+)" as (\w+) with context %\}', text):
        there = (folder / found[1]).read_text(encoding="utf-8")
        for macro in re.findall(r"\{% macro (\w+)\(", there):  # some are called as a value is
            there = re.sub(rf"\b{macro}(?=\()", f"{found[2]}_{macro}", there)
        macros += there
        text = re.sub(rf"\b{found[2]}\.(?=\w+\()", f"{found[2]}_", text)
    macros += "".join(re.findall(r"\{% macro .*?\{% endmacro %\}", text, re.DOTALL))
    if parent := re.match(r'\{% extends "([^"]+)" %\}', text):
        blocks = dict(re.findall(r"\{% block (\w+) %\}(.*?)\{% endblock %\}", text, re.DOTALL))
        layout = (folder / parent[1]).read_text(encoding="utf-8")
        text = re.sub(r"\{% block (\w+) %\}\{% endblock %\}", lambda found: blocks[found[1]], layout)
    include = re.compile(r'\{% include "([^"]+)" %\}')
    text = include.sub(lambda found: (folder / found[1]).read_text(encoding="utf-8"), macros + text)
    if left := re.search(r"\{%-? *(extends|include|import|from|block)\b.*", text):
        raise SystemExit(f"{name}: one_file() does not know how to put {left[0]!r} into one text")
    return text


def write_message(user: dict[str, str], subject: str, text: str, html: str) -> bytes:
    """Return the email as the standard library writes it."""
    message = EmailMessage(policy=SMTP)
    message["From"] = f"{SENDER[0]} <{SENDER[1]}>"
    message["To"] = user["email"]
    message["Subject"] = subject
    message["List-Unsubscribe"] = f"<https://acme.example/unsubscribe?user={user['user_id']}>"
    message.set_content(text)
    message.add_alternative(html, subtype="html")
    return message.as_bytes()


def run(job: Job, tools: Tools, measured: Measured) -> None:
    """Write and send everybody's email, one after the other."""
    with measured.measure("read"):
        history = read_history(job)
    with measured.measure("fit"):
        model = fit(history)
    for user_id in job.people:
        user = history.users[user_id]
        with measured.measure("score + select"):
            context = make_context(history, user_id, choose(model, history, user_id))
        with measured.measure("render"):
            page = tools.html().render(context)
            text = tools.text().render(context)
        with measured.measure("inline"):
            html = premailer.transform(page, cssutils_logging_level=logging.CRITICAL)
        with measured.measure("MIME"):
            mime = write_message(user, context["subject"], text, html)
        with measured.measure("send"):
            tools.send(user["email"], mime)
        measured.html_bytes += len(html.encode())
    measured.messages = measured.handed_over = len(job.people)


def template(source: str, *, autoescape: bool) -> jinja2.Template:
    """Compile a text as most people do; Jinja keeps nothing of it for the next time."""
    return jinja2.Template(source, autoescape=autoescape, trim_blocks=True, lstrip_blocks=True)


def naive(job: Job, measured: Measured) -> None:
    """Compile the templates and connect for every message, premailer as it comes."""
    html, text = (one_file(job.path / "templates", f"weekly.{part}.j2") for part in ("html", "txt"))

    def send(recipient: str, mime: bytes) -> None:
        with smtplib.SMTP(HOST, job.port) as server:
            server.sendmail(SENDER[1], [recipient], mime)

    tools = Tools(partial(template, html, autoescape=True), partial(template, text, autoescape=False), send)
    run(job, tools, measured)


def tuned(job: Job, measured: Measured) -> None:
    """Compile the templates once, keep the connection, give premailer a cache that is large enough."""
    html, text = (one_file(job.path / "templates", f"weekly.{part}.j2") for part in ("html", "txt"))
    with measured.measure("render"):
        page, words = template(html, autoescape=True), template(text, autoescape=False)
    with smtplib.SMTP(HOST, job.port) as server:

        def send(recipient: str, mime: bytes) -> None:
            server.sendmail(SENDER[1], [recipient], mime)

        run(job, Tools(lambda: page, lambda: words, send), measured)


if __name__ == "__main__":
    result = Measured()
    {"naive": naive, "tuned": tuned}[sys.argv[1]](Job.read(Path(sys.argv[2])), result)
    result.write(Path(sys.argv[3]))
