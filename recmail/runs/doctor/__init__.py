"""Everything that keeps a campaign from going out, found before it does; nothing is sent or written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from recmail.errors import ConfigError, RecmailError
from recmail.runs.doctor.campaigns import check_campaigns
from recmail.runs.doctor.data import check_data
from recmail.runs.doctor.departure import check_limits, check_pictures, check_sender, check_unsubscribing
from recmail.runs.doctor.finding import Finding, State, count, wrong
from recmail.runs.doctor.lookup import Lookup
from recmail.runs.doctor.machine import check_machine
from recmail.runs.doctor.provider import check_providers
from recmail.runs.doctor.returned import check_returned
from recmail.runs.doctor.scheduler import check_scheduler
from recmail.runs.doctor.sender_domain import check_domains
from recmail.runs.doctor.settings import (
    check_brand,
    check_database_secret,
    check_key,
    check_mistakes,
    check_problems,
    check_values,
    no_project,
)
from recmail.runs.doctor.subject import Subject
from recmail.settings import find_project, survey_settings
from recmail.settings.source import printable

__all__ = ["Finding", "State", "count", "examine"]

Check = Callable[[Subject], Iterable[Finding]]
"""Looks at one thing; what it cannot look at because something else is broken, it leaves out or says so."""


def check_database(subject: Subject) -> Iterable[Finding]:
    """Say what was found when the database was opened."""
    return () if subject.database is None else subject.database.findings


SECTIONS: Mapping[str, tuple[Check, ...]] = {
    "settings": (check_mistakes, check_values, check_brand, check_database_secret, check_key),
    "machine": (lambda subject: check_machine(subject.folder),),
    "database": (check_database,),
    "data": (check_data,),
    "campaigns": (check_campaigns, check_scheduler),
    "provider": (check_providers, check_returned),
    "before sending": (check_sender, check_limits, check_unsubscribing, check_pictures),
    "sender's domain": (check_domains,),
}
"""What is looked at, in the order of the report: a new check is a function, and its name here."""


def examine(
    folder: Path | None,
    *,
    now: datetime,
    offline: bool = False,
    selectors: Sequence[str] = (),
    lookup: Lookup | None = None,
) -> Iterator[tuple[str, list[Finding]]]:
    """Look at everything, a section at a time; what is broken never hides the rest.

    Args:
        folder: of the project; None for the nearest one from here upward.
        offline: ask nothing outside this machine, the database excepted.
        selectors: names of DKIM keys to look for; without any the usual ones.
        lookup: the name servers to ask, by default the machine's.
    """
    try:
        found = find_project(folder)
    except ConfigError as error:
        yield _section("settings", [no_project(error)])
        yield _section("machine", check_machine(Path.cwd()))
        return
    try:
        settings, problems = survey_settings(found)
    except ConfigError as error:
        yield _section("settings", check_problems(error.problems))
        yield _section("machine", check_machine(found))
        return
    subject = Subject(settings, problems, now, offline, selectors, lookup or Lookup())
    try:
        for name, checks in SECTIONS.items():
            section = _section(name, (one for check in checks for one in _attempt(check, subject)))
            if section[1]:
                yield section
    finally:
        if subject.project is not None:
            subject.project.engine.dispose()


def _attempt(check: Check, subject: Subject) -> Iterator[Finding]:
    try:
        yield from check(subject)
    except RecmailError as error:  # the database went away in the middle, and such
        yield wrong(check.__name__.removeprefix("check_"), str(error), "run recmail doctor again")


def _section(name: str, findings: Iterable[Finding]) -> tuple[str, list[Finding]]:
    """Findings of one line each, without secrets and control characters: servers put words into them."""
    return name, [
        replace(one, section=name, check=_line(one.check), found=_line(one.found), next=_line(one.next))
        for one in findings
    ]


def _line(text: str) -> str:
    return printable(" ".join(text.split()))
