"""What the doctor looks at: as much of a project as can be opened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parseaddr
from functools import cached_property
from pathlib import Path

from recmail.campaign import Campaign, each_variant, load_campaign
from recmail.deliver.esp import Provider, open_provider
from recmail.errors import ConfigError, Problem
from recmail.runs.doctor.database import Opened, open_database
from recmail.runs.doctor.lookup import Lookup
from recmail.runs.project import Project
from recmail.settings import WRONG, Settings
from recmail.tokens import email_key


@dataclass(frozen=True)
class Subject:
    """A project, whole or broken.

    Attributes:
        settings: what can be read of them; see `stands`.
        problems: everything that is wrong with recmail.toml.
        offline: nothing outside this machine is asked, the database excepted.
        selectors: names of DKIM keys to look for.
    """

    settings: Settings
    problems: Sequence[Problem]
    now: datetime
    offline: bool = False
    selectors: Sequence[str] = ()
    lookup: Lookup = field(default_factory=Lookup)

    @property
    def folder(self) -> Path:
        """The project's folder."""
        return self.settings.folder

    def stands(self, key: str) -> bool:
        """Return whether a setting, such as "sender.from", can be used."""
        return self.settings.origins[key] != WRONG

    @cached_property
    def database(self) -> Opened | None:
        """The database, None where the settings do not say which."""
        if not self.stands("project.database"):
            return None
        try:
            return open_database(self.settings.database_url)
        except ConfigError:  # its secret cannot be read, which is said where the settings are
            return None

    @cached_property
    def project(self) -> Project | None:
        """The project as other commands open it, None while its database is not in order."""
        if self.database is None or self.database.engine is None:
            return None
        return Project(self.folder, self.settings, self.database.engine)

    @cached_property
    def campaigns(self) -> dict[str, Campaign | ConfigError]:
        """All campaigns by name, those with mistakes as their error."""
        found: dict[str, Campaign | ConfigError] = {}
        for path in sorted((self.folder / "campaigns").glob("*.yaml")):
            try:
                found[path.stem] = load_campaign(path, self.settings)
            except ConfigError as error:
                found[path.stem] = error
        return found

    @cached_property
    def providers(self) -> dict[str, Provider | ConfigError]:
        """The providers in use by name, the default one first; those with mistakes as their error."""
        found: dict[str, Provider | ConfigError] = {}
        names = [self.settings.delivery.provider, *(one.provider for one in self._good_campaigns())]
        for name in names:
            if name is not None and name in self.settings.providers:
                try:
                    found[name] = open_provider(name, self.settings)
                except ConfigError as error:
                    found[name] = error
        return found

    @property
    def leaves_machine(self) -> bool:
        """Messages may reach other machines, as far as we know."""
        return any(isinstance(one, ConfigError) or one.leaves_machine for one in self.providers.values())

    def sender_domains(self) -> list[str]:
        """The domains that mail is sent from, as name servers know them, the default one first."""
        each = (one for campaign in self._good_campaigns() for one in each_variant(campaign).values())
        senders = [self.settings.sender.from_, *(one.from_ for one in each)]
        keys = (email_key(parseaddr(sender)[1]) for sender in senders if sender)
        return list(dict.fromkeys(key.rpartition("@")[2] for key in keys if key))

    def senders_through(self, provider: str) -> list[str]:
        """The addresses that mail is sent from through one provider, the default one first."""
        own = self.settings.sender.from_ if self.stands("sender.from") else None
        usual = self.settings.delivery.provider
        senders = [own] * (provider == usual)
        senders += [one.from_ or own for one in self._good_campaigns() if (one.provider or usual) == provider]
        return list(dict.fromkeys(parseaddr(sender)[1] for sender in senders if sender))

    def bounce_domains(self) -> list[str]:
        """The domains that bounces go to and mail is not sent from."""
        providers = [one for one in self.providers.values() if isinstance(one, Provider)]
        found = dict.fromkeys(one.options.bounce_domain for one in providers)
        return [domain for domain in found if domain and domain not in self.sender_domains()]

    def _good_campaigns(self) -> Iterator[Campaign]:
        return (one for one in self.campaigns.values() if isinstance(one, Campaign))
