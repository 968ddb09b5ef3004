"""/v/TOKEN: an email as a page, for mail programs that do not show it well, and to be shared.

Its links to unsubscribe and to choose are not the person's: whoever is shown the page could press them.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from recmail.errors import RenderError
from recmail.runs.message import Links
from recmail.runs.received import find_received
from recmail.web.public.door import BROWSER, PREFERENCES, visitor_of
from recmail.web.public.pages import Page

# The email is markup that we did not write. What it may do is to look as it looks, and to lead elsewhere.
_EMAIL = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; "
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data: https:; font-src data:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


def show(request: Request) -> Response:
    """Show the email; nothing changes."""
    visitor = visitor_of(request, BROWSER)
    page = Page(request, visitor)
    base = page.door.project.settings.sender.public_url  # none: the same host, whatever it calls itself
    received = find_received(page.door.shelf, visitor.run_no, visitor.user_no)
    if received is not None:
        own = f"{base}/own"
        try:
            html = received.html(Links(own, own, f"{base}/", f"{base}{request.scope['path']}"))
        except RenderError:
            received = None
        else:
            return HTMLResponse(html, headers={"content-security-policy": _EMAIL})
    return page.respond("gone.html", preferences=page.door.link(visitor, PREFERENCES))


def own(request: Request) -> Response:
    """Say why a link of that page leads nowhere."""
    page = Page(request)
    return page.respond(
        "problem.html", title=page.texts["own_title"], text=page.texts["own_text"], contact=""
    )
