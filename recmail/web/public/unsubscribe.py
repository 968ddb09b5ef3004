"""/u/TOKEN: what List-Unsubscribe and the link below every email lead to.

A mailbox provider's one click is a POST without cookies, which is answered at once and never redirected; what
people see first is a page with one button, since scanners follow every link of an email and press none.

Source: RFC 8058, sections 3.1 and 3.2.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from recmail.runs.preferences import ONE_CLICK, PAGE, stop_everything
from recmail.web.public.door import PREFERENCES, UNSUBSCRIBE, door_of, form_of, now_of, visitor_of
from recmail.web.public.pages import Page


def ask(request: Request) -> Response:
    """Show the button; nothing changes."""
    visitor = visitor_of(request, UNSUBSCRIBE)
    page = Page(request, visitor)
    return page.respond("unsubscribe.html", preferences=page.door.link(visitor, PREFERENCES))


def stop(request: Request) -> Response:
    """Unsubscribe, whatever the body says: a no must never be lost in a form that we do not know."""
    visitor = visitor_of(request, UNSUBSCRIBE)
    on_page = form_of(request).get("how") == ["page"]
    stop_everything(
        door_of(request).project,
        visitor.user_no,
        now=now_of(request),
        channel=PAGE if on_page else ONE_CLICK,
        proof=f"{'unsubscribe page' if on_page else 'List-Unsubscribe'} of run {visitor.run_no}",
    )
    if not on_page:
        return PlainTextResponse("Unsubscribed.\n")
    page = Page(request, visitor)
    return page.respond("unsubscribed.html", preferences=page.door.link(visitor, PREFERENCES))
