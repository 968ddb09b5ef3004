"""What comes back: do bounces find their way to us, and can the mailboxes be read that they arrive in."""

from __future__ import annotations

from collections.abc import Iterator

from recmail.deliver.esp import Provider
from recmail.errors import ConfigError, DeliveryError, TemporaryFailure
from recmail.feedback.mailbox import read_mailboxes
from recmail.runs.doctor.finding import Finding, ok, said, warning, wrong
from recmail.runs.doctor.subject import Subject


def check_returned(subject: Subject) -> Iterator[Finding]:
    """Say which mail server's bounces nobody reads, and open every mailbox; nothing in it is changed."""
    if not subject.settings.bounces:
        yield from _unread(subject)
    try:
        mailboxes = read_mailboxes(subject.settings)
    except ConfigError:  # said where the settings are
        return
    for mailbox in mailboxes:
        name, options = f"bounces {mailbox.name}", mailbox.options
        if subject.offline and options.leaves_machine:
            yield ok(name, "its settings are good; it was not opened (--offline)")
            continue
        try:
            yield ok(name, f"{options.probe()} can be read")
        except ConfigError as error:
            yield warning(name, said(error.problems[0]), "give it its value where recmail runs")
        except TemporaryFailure as error:
            yield wrong(name, str(error), "check where it is, and whether this machine may read there")
        except DeliveryError as error:
            yield wrong(name, str(error), f"compare [bounces.{mailbox.name}] with your provider's page")


def _unread(subject: Subject) -> Iterator[Finding]:
    for name, provider in subject.providers.items():
        kind = subject.settings.providers[name].values.get("type")
        if kind == "smtp" and isinstance(provider, Provider) and provider.leaves_machine:
            found = f"those of {name} come back as mail, and recmail does not read them"
            yield warning("bounces", found, "say where they arrive: [bounces.NAME], see docs/feedback.md")
