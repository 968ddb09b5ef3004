"""What all pages share: the project, the clock, the limits, and who stands at the door with which link."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import sqlalchemy as sa
from starlette.exceptions import HTTPException
from starlette.requests import Request

from recmail.db.connect import connect, reading
from recmail.db.tables import users
from recmail.deliver.clock import Clock
from recmail.runs.news import News, Tell
from recmail.runs.project import Project
from recmail.runs.received import Shelf
from recmail.tokens import read_token, sign
from recmail.web.public.limits import Limits, network_of

UNSUBSCRIBE, PREFERENCES, WHY, BROWSER = "unsubscribe", "preferences", "why", "browser"
"""What links are signed for."""
PLACES = {UNSUBSCRIBE: "u", PREFERENCES: "p", WHY: "w", BROWSER: "v"}
_NOBODY = -1
_ADDRESS = re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+")
_LONGEST_NEWS = 500
_PATIENCE_MS = 8_000  # providers and people give up after some 10 s; no transaction of ours takes 250 ms
_CACHE_MIB = 2  # of each connection: pages look at one person


@dataclass(frozen=True)
class Visitor:
    """A person who came with a link of ours.

    Attributes:
        run_no: of the email that the link stood in; there may be no such run any more.
        language: theirs (BCP 47), None when not known, as is the country.
        timezone: as imported, which may be no zone at all.
    """

    run_no: int
    user_no: int
    language: str | None
    country: str | None
    timezone: str | None


@dataclass
class Door:
    """The public application's state; nothing in it is a visitor's own."""

    project: Project
    clock: Clock
    tell: Tell
    limits: Limits = field(default_factory=Limits)

    @cached_property
    def shelf(self) -> Shelf:
        """What writes emails again."""
        return Shelf(self.project)

    @cached_property
    def prefix(self) -> str:
        """The path below which the world sees us; a proxy takes it away."""
        return urlsplit(self.project.settings.sender.public_url).path

    @property
    def keys(self) -> tuple[bytes, tuple[bytes, ...]]:
        """The key that signs links, and those of before."""
        return self.project.settings.key, self.project.settings.older_keys

    def link(self, visitor: Visitor, purpose: str) -> str:
        """Return the path of another page for the same person and email."""
        token = sign(self.keys[0], visitor.run_no, visitor.user_no, purpose)
        return f"{self.prefix}/{PLACES[purpose]}/{token}"

    def report(self, request: Request, what: str, text: str) -> None:
        """Say what went wrong, without anything that tells who it was."""
        without_addresses = _ADDRESS.sub("…@…", text)[:_LONGEST_NEWS]
        self.tell(News(self.clock.now(), what, f"{shape_of(request)}: {without_addresses}", is_bad=True))


def patient(project: Project) -> Project:
    """Return a project whose database is waited for as long as a visitor would wait, and no longer."""
    engine = connect(project.settings.database_url, busy_timeout_ms=_PATIENCE_MS, cache_mib=_CACHE_MIB)
    return replace(project, engine=engine)


def shape_of(request: Request) -> str:
    """Return a request without what is personal in it: GET /u/…."""
    path: str = request.scope["path"]  # request.url takes what the visitor says of the host, too
    first = path.split("/")[1] if path.startswith("/") else ""
    known = first in {*PLACES.values(), "c", "webhooks", "healthz"}
    return f"{request.method} /{first if known else '…'}/…"


def door_of(request: Request) -> Door:
    """Return the door that a request came through."""
    door: Door = request.app.state.door
    return door


def now_of(request: Request) -> datetime:
    """Return the time."""
    return door_of(request).clock.now()


def form_of(request: Request) -> dict[str, list[str]]:
    """Return the fields of a form; what is no form has none."""
    try:
        return parse_qs(request.scope["body"].decode("utf-8"), keep_blank_values=True, max_num_fields=200)
    except ValueError:
        return {}


def guessed(request: Request) -> HTTPException:
    """Count a link or a signature that is not good; return the answer to it."""
    network = network_of(request.client.host if request.client else None)
    allowed = network is None or door_of(request).limits.guesses.take(network)
    return HTTPException(404 if allowed else 429)


def visitor_of(request: Request, purpose: str) -> Visitor:
    """Return who a link belongs to.

    Raises:
        HTTPException: 404 for a link that we never signed, was signed for something else, or whose person is
            not known any more: the same answer, after the same question to the database. 429: too many.
    """
    door, token = door_of(request), request.path_params["token"]
    key, older = door.keys
    signed = read_token(key, token, older=older)
    good = signed is not None and signed[2] == purpose
    run_no, user_no = signed[:2] if signed is not None and good else (_NOBODY, _NOBODY)
    refusal = None if good else guessed(request)
    if refusal is not None and refusal.status_code == 429:
        raise refusal
    if good and not door.limits.visits.take(token):
        raise HTTPException(429)
    query = sa.select(users.c.language, users.c.country, users.c.timezone).where(
        users.c.user_no == user_no, users.c.erased_at.is_(None)
    )
    with reading(door.project.engine) as connection:
        found = connection.execute(query).one_or_none()
    if found is None:
        raise refusal or HTTPException(404)
    return Visitor(run_no, user_no, *found)


def picture_of(folder: Path, path: str) -> Path | None:
    """Return a file of the project's folder by its path in an address; None when it is not below it."""
    root = folder.resolve()
    found = (root / path).resolve()
    return found if found.is_relative_to(root) and found.is_file() else None
