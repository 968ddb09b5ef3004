"""Every name that a template may print: documented here once, for people, for the check and for editors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

Shape = dict[str, "Shape"] | list["Shape"] | None
"""What a name holds: fields by name, [what each item holds], or None for a plain value."""


@dataclass(frozen=True)
class Name:
    """One documented name.

    Attributes:
        path: as in a template; [] stands for each item of a list.
        kind: text, number, list, fields; or courses, which is a list with the fields of `courses`.
        example: as Jinja would print it; empty for what is printed in parts only.
        may_be_none: it exists, and has nothing to say for some people.
    """

    path: str
    kind: str
    meaning: str
    example: str = ""
    may_be_none: bool = False


DOCUMENTED = (
    Name("user", "fields", "the person who gets the email"),
    Name("user.first_name", "text", "as imported, in one line", "Ana", may_be_none=True),
    Name("user.last_name", "text", "as imported, in one line", "Sousa", may_be_none=True),
    Name("user.language", "text", "the person's language (BCP 47)", "pt-BR", may_be_none=True),
    Name("user.country", "text", "the person's country", "BR", may_be_none=True),
    Name("courses[]", "list", "all courses of the email, in the order in which they stand there"),
    Name("courses[].course_id", "text", "your own id", "sql-zero"),
    Name("courses[].title", "text", "", "SQL from Zero to Useful"),
    Name("courses[].subtitle", "text", "", "Ask a database real questions", may_be_none=True),
    Name("courses[].category", "text", "", "Data Science", may_be_none=True),
    Name("courses[].level", "text", "beginner, intermediate, advanced or all", "beginner", may_be_none=True),
    Name("courses[].language", "text", "the course's language (BCP 47)", "en", may_be_none=True),
    Name("courses[].price_minor", "number", "in the smallest unit; 0 is free", "149900", may_be_none=True),
    Name("courses[].currency", "text", "of the price (ISO 4217)", "INR", may_be_none=True),
    Name("courses[].duration_min", "number", "in minutes", "380", may_be_none=True),
    Name("courses[].image_url", "text", "", "https://acme.example/images/sql.png", may_be_none=True),
    Name("courses[].url", "text", "with the campaign's utm", "https://acme.example/sql", may_be_none=True),
    Name(
        "courses[].reason", "text", "why this person sees it", "From the 7 courses you took", may_be_none=True
    ),
    Name(
        "courses[].progress",
        "number",
        "how much of it the person has done, in percent; of what continue_learning shows",
        "62",
        may_be_none=True,
    ),
    Name("courses[].block", "text", "the block that shows it", "top_picks"),
    Name("courses[].source", "text", "the block that chose it: that one, or a fallback of it", "popular"),
    Name("courses[].position", "number", "its place in the block, from 0", "0"),
    Name(
        "because",
        "fields",
        "the course of the person's own that the first pick goes back to",
        may_be_none=True,
    ),
    Name("because.title", "text", "", "Spreadsheets That Do Not Lie"),
    Name("because.course_id", "text", "", "spreadsheets"),
    Name("because.progress", "number", "in percent; 100: they finished it", "100", may_be_none=True),
    Name("blocks[]", "list", "the blocks of the campaign that have something to show"),
    Name("blocks[].name", "text", "", "top_picks"),
    Name("blocks[].title", "text", "the heading over the courses", "Picked for you", may_be_none=True),
    Name("blocks[].text", "text", "the paragraph of a text block", "Good to see you.", may_be_none=True),
    Name("blocks[].courses[]", "courses", "its courses, with the same fields; empty for a text block"),
    Name("campaign", "fields", "the campaign itself"),
    Name("campaign.name", "text", "the file's name", "weekly-picks"),
    Name("campaign.topic", "text", "empty when it has none", "course-tips"),
    Name("campaign.topic_title", "text", "from [topics] of recmail.toml", "Course tips", may_be_none=True),
    Name("campaign.description", "text", "", "Weekly course picks", may_be_none=True),
    Name("sender", "fields", "the company"),
    Name("sender.name", "text", "from [project] of recmail.toml", "Acme Courses"),
    Name("sender.postal_address", "text", "from [sender] of recmail.toml", "12 Residency Road, Bengaluru"),
    Name("brand", "fields", "how the company looks: [brand] of recmail.toml"),
    *(
        Name(f"brand.{name}", "number" if isinstance(value, int) else "text", meaning, str(value))
        for name, value, meaning in (
            ("accent", "#0b6a4e", "of buttons and small headings"),
            ("on_accent", "#ffffff", "of the words on buttons"),
            ("ink", "#1d1c1a", "of titles"),
            ("quiet", "#5d5a54", "of all other words"),
            ("hairline", "#e4e0d7", "of lines between courses"),
            ("paper", "#ffffff", "behind the words"),
            ("canvas", "#f3f1eb", "around the paper"),
            ("dark_accent", "#7fd4b2", "the same in dark mode"),
            ("dark_on_accent", "#0d1a15", "the same in dark mode"),
            ("dark_ink", "#f1efe9", "the same in dark mode"),
            ("dark_quiet", "#b6b3ab", "the same in dark mode"),
            ("dark_hairline", "#343937", "the same in dark mode"),
            ("dark_paper", "#191c1b", "the same in dark mode"),
            ("dark_canvas", "#101211", "the same in dark mode"),
            ("heading_font", "Georgia, Times New Roman, serif", "of titles"),
            ("text_font", "Helvetica Neue, Arial, sans-serif", "of all other words"),
            ("radius", 4, "of corners, in pixels"),
            ("logo", "images/logo.png", "for `absolute`; empty where the name stands instead"),
            ("logo_width", 160, "in pixels"),
        )
    ),
    Name("links", "fields", "addresses that are this person's own"),
    Name("links.unsubscribe", "text", "must stand in every email", "https://acme.example/u/3yQ"),
    Name("links.preferences", "text", "what they want to get", "https://acme.example/p/3yQ"),
    Name("links.browser", "text", "this email as a page", "https://acme.example/v/3yQ", may_be_none=True),
    Name(
        "links.images",
        "text",
        "what relative addresses of images are added to",
        "https://acme.example/images/",
    ),
    Name("date", "text", "the day on which the email is due, by the clock of each person", "2026-11-24"),
    Name("language", "text", "of this person's email: theirs where the template has it", "en"),
    Name("direction", "text", "in which that language is written: ltr or rtl", "ltr"),
)
"""What a subject, a preheader and every template may print. All of it exists in every context."""

IN_TEMPLATES = (
    Name(
        "subject", "text", "the campaign's subject, as this person reads it", "Ana, 3 courses picked for you"
    ),
    Name("preheader", "text", "the campaign's preheader", "And 2 more", may_be_none=True),
)
"""What the HTML and text templates may print besides: the campaign's own two lines, already rendered."""


def _shapes(names: Iterable[Name]) -> dict[str, Shape]:
    shapes: dict[str, Shape] = {}
    for name in names:
        owner = shapes
        *owners, last = name.path.split(".")
        for part in owners:
            found = owner[part.removesuffix("[]")]
            inner = found[0] if isinstance(found, list) else found
            assert isinstance(inner, dict), f"{name.path} stands before {part}"
            owner = inner
        if name.kind == "courses":
            owner["courses"] = shapes["courses"]
            continue
        fields: Shape = None if name.kind in ("text", "number") else {}
        owner[last.removesuffix("[]")] = [fields] if last.endswith("[]") else fields
    return shapes


NAMES = _shapes(DOCUMENTED)
BODY_NAMES = _shapes(IN_TEMPLATES)
