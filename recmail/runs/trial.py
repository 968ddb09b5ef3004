"""One test email to somebody of the team, as a real person would get it, with links that do nothing."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import parseaddr
from secrets import token_hex

import sqlalchemy as sa

from recmail.db.connect import reading
from recmail.db.tables import users
from recmail.deliver.esp import open_provider
from recmail.errors import RefusedError
from recmail.pipeline import Composed, Facts, compose
from recmail.records import Outgoing
from recmail.render.email import Email
from recmail.render.mime import MessageHeaders, build_mime, wire_address
from recmail.runs.facts import draft_run, read_facts
from recmail.runs.message import Links, Writers, image_base
from recmail.runs.occurrences import next_occurrence
from recmail.runs.preview import check_variant, choose_people, in_one_variant
from recmail.runs.project import Project
from recmail.runs.verdict import verdict_of
from recmail.settings import Settings
from recmail.settings.values import domain_of

_TRIED = 5  # people of whom one should get an email
INERT = "https://test-link.invalid/"  # .invalid never resolves: RFC 2606


@dataclass(frozen=True)
class Trial:
    """A test email that was sent: as whom, and its subject."""

    user_id: str
    subject: str


def send_trial(
    project: Project, name: str, *, to: str, user_id: str | None, now: datetime, variant: str | None = None
) -> Trial:
    """Send one test of a campaign to `to`, as `user_id` (or an ordinary learner) would get it.

    Args:
        variant: which one; None for the person's.

    Raises:
        RefusedError: `to` is not one of [limits] test_recipients, the person would get no email, or there is
            no such variant.
        DeliveryError: the provider did not take it.
    """
    _check_recipient(project, to)
    campaign = project.campaign(name)
    check_variant(campaign, variant)
    when = next_occurrence(project, campaign, now=now)
    with reading(project.engine) as connection:
        facts = in_one_variant(read_facts(connection, project, campaign, now, occurrence=when), variant)
        who, composed = _person(connection, project.settings, facts, user_id)
    writer = Writers(draft_run(project, facts)).of(composed.variant)
    full = writer.context(composed.context or {}, Links(INERT, INERT, image_base(project)))
    for course in full["courses"]:
        course["url"] = INERT
    email = writer.render(full, user_id=who)
    message = _outgoing(email, sender=writer.sender, to=to, now=now)
    provider = open_provider(campaign.provider or project.settings.delivery.provider, project.settings)
    with closing(provider.connect()) as server:
        server.send(message)
    return Trial(who, message.subject)


def _check_recipient(project: Project, to: str) -> None:
    if to.lower() not in [address.lower() for address in project.settings.limits.test_recipients]:
        raise RefusedError(
            f"tests go only to those listed under [limits] test_recipients in recmail.toml; add {to!r} there"
        )


def _outgoing(email: Email, *, sender: str, to: str, now: datetime) -> Outgoing:
    """The message, which says in its subject and its headers that it is a test."""
    email = replace(email, subject=f"[TEST] {email.subject}")
    name, address = parseaddr(sender)
    headers = MessageHeaders(
        from_=(name, address),
        to=("", wire_address(to)),
        date=now,
        message_id=f"test.{token_hex(10)}@{domain_of(sender)}",
        test=True,
    )
    mime = build_mime(email, headers=headers)
    return Outgoing(address, wire_address(to), mime, headers.message_id, email.subject)


def _person(
    connection: sa.Connection, settings: Settings, facts: Facts, user_id: str | None
) -> tuple[str, Composed]:
    """The person asked for, else the first of some who gets an email: others are in the control group."""
    refused = "nobody is in the audience; count it with: recmail plan CAMPAIGN --dry-run"
    chosen = choose_people(connection, settings, facts, [user_id] if user_id else [], at_most=_TRIED)
    for _, user_no in chosen:
        who = str(connection.scalar(sa.select(users.c.user_id).where(users.c.user_no == user_no)))
        composed = next(iter(compose(connection, facts, user_no, user_no + 1)), None)
        if composed is not None and composed.context is not None:
            return who, composed
        refused = f"{who} {verdict_of(composed)}; choose somebody with --user"
    raise RefusedError(refused)
