"""/w/TOKEN: why a person got an email, course by course, with the data that chose each."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from recmail.runs.received import Used, find_received, why_received
from recmail.web.public.door import BROWSER, PREFERENCES, WHY, visitor_of
from recmail.web.public.pages import Page


def show(request: Request) -> Response:
    """Show it; nothing changes."""
    visitor = visitor_of(request, WHY)
    page = Page(request, visitor)
    received = find_received(page.door.shelf, visitor.run_no, visitor.user_no)
    found = why_received(page.door.project, received) if received else None
    return page.respond(
        "why.html",
        found=found,
        sent_at=received.sent_at if received else None,
        uses=lambda course: _in_words(page, course),
        preferences=page.door.link(visitor, PREFERENCES),
        view=page.door.link(visitor, BROWSER),
    )


def _in_words(page: Page, course: Used) -> str:
    uses = course.uses
    if uses in ("searches", "viewed", "taken") and not course.named:
        uses = "history"  # what it went back to is not kept any more
    if uses == "category" and not course.category:
        uses = "history"
    named = ", ".join(page.apart(text) for text in course.named)
    return page.texts.fill(f"uses_{uses}", named=named, category=page.apart(course.category or ""))
