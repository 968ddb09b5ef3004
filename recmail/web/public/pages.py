"""How pages are made: Jinja, one stylesheet in the company's colours, and the visitor's own language."""

from __future__ import annotations

from datetime import datetime
from email.utils import parseaddr
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from recmail.render.context import isolate
from recmail.render.languages import direction
from recmail.render.locale import best_locale, written_date
from recmail.settings.sections import BrandSettings
from recmail.web.public.door import Door, Visitor, door_of
from recmail.web.public.texts import Texts, texts_for


@cache
def environment() -> Environment:
    """Return what renders pages; nothing in them comes from a campaign's author."""
    return Environment(
        loader=PackageLoader("recmail.web.public", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


class Page:
    """One page for one visitor, or for somebody who is not known."""

    def __init__(self, request: Request, visitor: Visitor | None = None) -> None:
        self.door: Door = door_of(request)
        settings = self.door.project.settings
        accepted = [part.partition(";")[0].strip() for part in _accepted(request).split(",")]
        wanted = [visitor.language if visitor else None, *accepted[:10], settings.project.language]
        self.texts: Texts = texts_for(wanted)
        self.locale = best_locale(
            self.texts.language, visitor.language if visitor else None, visitor.country if visitor else None
        )
        self._zones = (visitor.timezone if visitor else None, settings.project.timezone)

    def apart(self, text: str) -> str:
        """Return somebody else's words as they may stand inside ours, whichever way they are written."""
        return isolate(text, direction(self.texts.language))

    def day(self, moment: datetime) -> str:
        """Return a day in words, by the visitor's clock."""
        for zone in self._zones:
            try:
                moment = moment.astimezone(ZoneInfo(zone or ""))
                break
            except (KeyError, ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError
                continue
        return written_date(moment.date().isoformat(), "long", self.locale)

    def respond(self, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """Render a template."""
        language = self.texts.language
        settings = self.door.project.settings
        page = (
            environment()
            .get_template(template)
            .render(
                t=self.texts,
                language=language,
                direction=direction(language),
                name=settings.project.name,
                brand=settings.brand,
                logo=_logo(settings.brand.logo, self.door.prefix),
                prefix=self.door.prefix,
                address=settings.sender.postal_address,
                day=self.day,
                apart=self.apart,
                **values,
            )
        )
        return HTMLResponse(page, status)


def _accepted(request: Request) -> str:
    return request.headers.get("accept-language", "")[:500]


def _logo(logo: str, prefix: str) -> str:
    return logo if not logo or "://" in logo else f"{prefix}/{logo}"


_PROBLEMS = {404: "unknown", 405: "unknown", 408: "refused", 413: "refused", 429: "many", 503: "busy"}
_RETRY_AFTER_S = {429: "60", 503: "120"}


def problem(request: Request, status: int) -> Response:
    """Return the page that says that something is wrong, and what to do."""
    which = _PROBLEMS.get(status, "broken")
    page = Page(request)
    response = page.respond(
        "problem.html",
        status=status,
        title=page.texts[f"{which}_title"],
        text=page.texts[f"{which}_text"],
        contact=parseaddr(page.door.project.settings.sender.from_)[1],
    )
    if status in _RETRY_AFTER_S:
        response.headers["Retry-After"] = _RETRY_AFTER_S[status]
    return response


@cache
def stylesheet(brand: BrandSettings) -> str:
    """Return the one stylesheet, in the colours and fonts of [brand]."""
    # The values were checked when recmail.toml was read: colours, names of fonts, a number.
    return environment().get_template("style.css").render(brand=brand)
