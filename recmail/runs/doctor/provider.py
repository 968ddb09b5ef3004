"""The provider: would it take our messages. Nothing is sent to find out."""

from __future__ import annotations

from collections.abc import Iterator

from recmail.errors import ConfigError, DeliveryError, TemporaryFailure
from recmail.runs.doctor.finding import Finding, ok, said, warning, wrong
from recmail.runs.doctor.subject import Subject


def check_providers(subject: Subject) -> Iterator[Finding]:
    """Connect to every provider in use and hang up again; the others are only read."""
    if not subject.providers:
        yield warning("provider", "not looked at, because the settings do not say which it is")
    for name, provider in subject.providers.items():
        if isinstance(provider, ConfigError):
            for problem in provider.problems:
                yield wrong(name, said(problem), f"mend [provider.{name}] in recmail.toml")
        elif subject.offline and provider.leaves_machine:
            yield ok(name, "its settings are good; it was not asked (--offline)")
        else:
            try:
                yield ok(name, provider.probe())
                for doubt in provider.doubts(subject.senders_through(name)):
                    yield (wrong if doubt.stops else warning)(name, doubt.found, doubt.next)
            except TemporaryFailure as error:
                yield wrong(
                    name, str(error), "check host and port, and whether this machine may connect there"
                )
            except DeliveryError as error:
                yield wrong(name, str(error), f"compare [provider.{name}] with your provider's page")
