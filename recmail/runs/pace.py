"""How fast a run may go out: what recmail.toml says of provider and hours, and the campaign of itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from recmail.campaign import Campaign
from recmail.deliver.alarms import Shares
from recmail.deliver.duration import Estimate, duration
from recmail.deliver.esp import Provider
from recmail.deliver.hours import Hours
from recmail.deliver.pace import PaceOptions
from recmail.deliver.spans import Limits, Warming, quotas, spread
from recmail.settings import Settings


def pace_of(settings: Settings, provider: Provider, campaigns: dict[int, Campaign]) -> PaceOptions:
    """All limits of a worker that sends these runs through one provider."""
    options, whose = provider.options, f"provider {provider.name}"
    everybody = quotas(whose, options.limits())
    if options.warm_up is not None:
        ramp = Warming(whose, options.warm_up, ZoneInfo(settings.project.timezone))
        everybody = replace(everybody, spans=(*everybody.spans, ramp))
    domains = {
        domain: quotas(f"{whose} to {domain}", rates) for domain, rates in options.domain_limits.items()
    }
    found = ((run_no, _limits(campaign)) for run_no, campaign in campaigns.items())
    runs = {run_no: limits for run_no, limits in found if limits is not None}
    return PaceOptions(everybody, domains, runs, hours_of(settings))


def sending_time(
    settings: Settings, provider: Provider, campaign: Campaign, *, messages: int, now: datetime
) -> Estimate:
    """How long sending so many messages takes at least, when nothing else is sent."""
    whose, options = f"provider {provider.name}", provider.options
    speed = campaign.speed.at_most if campaign.speed else None
    return duration(
        messages,
        [(whose, rate) for rate in options.limits()],
        now=now,
        zone=ZoneInfo(settings.project.timezone),
        warm_up=options.warm_up,
        evenly=[(f"campaign {campaign.name}", speed)] if speed else [],
    )


def hours_of(settings: Settings) -> Hours | None:
    """When people may be written to; None: at any time."""
    delivery = settings.delivery
    if delivery.quiet_hours is None and delivery.weekdays is None:
        return None
    return Hours(delivery.quiet_hours, delivery.weekdays, settings.project.timezone)


def pause_if_of(campaign: Campaign) -> Shares:
    """The shares at which a campaign's runs pause."""
    speed = campaign.speed
    if speed is None or speed.pause_if is None:
        return Shares()
    return Shares(speed.pause_if.bounces, speed.pause_if.complaints)


def _limits(campaign: Campaign) -> Limits | None:
    if campaign.speed is None or campaign.speed.at_most is None:
        return None
    return spread(f"campaign {campaign.name}", campaign.speed.at_most)
