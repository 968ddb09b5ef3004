"""What can be known of a run's messages at all: what its provider tells, and what was tracked."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recmail.campaign import Campaign
from recmail.campaign.tracking import tracking_of
from recmail.deliver.esp import open_provider
from recmail.errors import ConfigError
from recmail.records import EventKind
from recmail.runs.project import Project

K = EventKind
_FROM_PROVIDERS = frozenset({K.DELIVERED, K.DEFERRED, K.BOUNCED, K.COMPLAINED})


@dataclass(frozen=True)
class Told:
    """Which figures of messages are known; the others are not 0 but nobody knows.

    Attributes:
        providers: through which they left, as recmail.toml names them now.
        webhooks: these providers tell of every message what became of it.
        mailboxes: bounces are read from some.
        links: they led through us, of people who agreed; clicks that a provider tracks are in no place.
    """

    providers: frozenset[str]
    webhooks: bool
    mailboxes: bool
    delivered: bool
    bounced: bool
    links: bool
    clicks: bool
    opens: bool

    @classmethod
    def together(cls, several: Sequence[Told]) -> Told:
        """What is known of several runs: what is known of any of them."""
        return cls(
            frozenset().union(*(one.providers for one in several)),
            *(any(getattr(one, name) for one in several) for name in _SWITCHES),
        )


_SWITCHES = ("webhooks", "mailboxes", "delivered", "bounced", "links", "clicks", "opens")


def read_told(
    project: Project, campaign: Campaign, printed: Mapping[str, Any], kinds: Collection[str]
) -> Told:
    """Find out what is known of a run's messages.

    Args:
        campaign: as it was frozen.
        printed: the settings that were frozen with it.
        kinds: of the events that there are of it.
    """
    provider = campaign.provider or project.settings.delivery.provider
    tracked = tracking_of(campaign, printed)
    has_door = bool(project.settings.sender.public_url)  # without it nothing is ever recorded
    return Told(
        providers=frozenset({provider}),
        webhooks=_reads_webhooks(project, provider),
        mailboxes=bool(project.settings.bounces),
        delivered=K.DELIVERED in kinds,
        bounced=bool(_FROM_PROVIDERS & set(kinds)),
        links=tracked.clicks and has_door,
        clicks=K.CLICKED in kinds or (tracked.clicks and has_door),
        opens=K.OPENED in kinds or (tracked.opens and has_door),
    )


def _reads_webhooks(project: Project, provider: str) -> bool:
    try:
        return open_provider(provider, project.settings).reads_webhooks
    except ConfigError:  # its section is gone, or is being edited: what came back is there all the same
        return False
