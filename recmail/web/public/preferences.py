"""/p/TOKEN: what a person gets, how often, and whether it is chosen by what they did."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from email.utils import parseaddr

from starlette.requests import Request
from starlette.responses import Response

from recmail.db.preferences import Pace
from recmail.render.locale import written_weeks
from recmail.runs.preferences import (
    PAGE,
    Choice,
    Preferences,
    choose,
    read_preferences,
    stop_everything,
    subscribe_again,
)
from recmail.web.public.door import BROWSER, PREFERENCES, WHY, Visitor, door_of, form_of, now_of, visitor_of
from recmail.web.public.pages import Page

_ANY = "any"
_PACES = {_ANY: (None, None), "7_2": (2, 7), "7_1": (1, 7), "30_2": (2, 30), "30_1": (1, 30)}
"""How often: emails, and in how many days; texts/ has the words of each."""
_PAUSES = (1, 2, 4, 8, 12)  # weeks
_KEEP = "keep"


def show(request: Request) -> Response:
    """Show what somebody gets; nothing changes."""
    return _page(request, visitor_of(request, PREFERENCES), said=None)


def change(request: Request) -> Response:
    """Do what the button says, and show what is so now."""
    visitor = visitor_of(request, PREFERENCES)
    form, project, now = form_of(request), door_of(request).project, now_of(request)
    proof = f"preference page of run {visitor.run_no}"
    said = None
    match form.get("do", [""])[-1]:
        case "nothing":
            stop_everything(project, visitor.user_no, now=now, channel=PAGE, proof=proof)
            said = "saved"
        case "again":
            subscribe_again(project, visitor.user_no, now=now, proof=proof)
            said = "subscribed_again"
        case "save":
            before = read_preferences(project, visitor.user_no, now=now)
            choose(project, visitor.user_no, _wanted(request, form, before), now=now, proof=proof)
            said = "saved"
    return _page(request, visitor, said=said)


def _wanted(request: Request, form: Mapping[str, list[str]], before: Preferences) -> Choice:
    """Return what a form asks for; what it does not say, or says in no words of ours, stays as it is."""
    pace = before.pace
    at_most, within_days = _PACES.get(form.get("pace", [""])[-1], (pace.at_most, pace.within_days))
    pause, until = form.get("pause", [_KEEP])[-1], pace.paused_until
    if pause == "0":
        until = None
    elif pause in map(str, _PAUSES):
        until = now_of(request) + timedelta(weeks=int(pause))
    return Choice(
        topics=frozenset(form.get("topic", ())) & before.topics.keys(),
        personal="personal" in form,
        tracking="tracking" in form,
        pace=Pace(until, at_most, within_days),
    )


def _page(request: Request, visitor: Visitor, *, said: str | None) -> Response:
    page = Page(request, visitor)
    project, now = page.door.project, now_of(request)
    found = read_preferences(project, visitor.user_no, now=now)
    until = found.pace.paused_until
    asked_for = (found.pace.at_most, found.pace.within_days)
    return page.respond(
        "preferences.html",
        said=page.texts[said] if said else None,
        now=found,
        topics=project.settings.topics,
        paces=list(_PACES),
        pace=next((name for name, pace in _PACES.items() if pace == asked_for), _ANY),
        pauses={weeks: written_weeks(weeks, page.locale) for weeks in _PAUSES},
        paused_until=until if until is not None and until > now else None,
        contact=parseaddr(project.settings.sender.from_)[1],
        why=page.door.link(visitor, WHY),
        view=page.door.link(visitor, BROWSER),
    )
