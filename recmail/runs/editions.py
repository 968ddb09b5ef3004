"""The templates that a campaign and its variants use, in every language in which they are there."""

from __future__ import annotations

from recmail.campaign import Campaign
from recmail.render.bundle import TemplateBundle
from recmail.render.languages import editions


def templates_of(campaign: Campaign) -> list[str]:
    """The names of the templates that a campaign and its variants use, of those in the project's language."""
    named = (variant.template for variant in campaign.variants if variant.template)
    return sorted({campaign.template, *named})


def editions_of(campaign: Campaign, bundle: TemplateBundle) -> list[str]:
    """The names of the same templates in all languages."""
    return [
        edition for name in templates_of(campaign) for edition in (name, *editions(bundle, name).values())
    ]


def editions_with_lines(
    campaign: Campaign, bundle: TemplateBundle, language: str
) -> list[tuple[str, str, str | None]]:
    """The name of the template that each language gets, with the subject and preheader of its emails.

    Args:
        language: the project's, which the template without a language in its name speaks.
    """
    lines, ours = campaign.lines_in(bundle, language), (campaign.subject, campaign.preheader)
    return [
        (edition, *lines.get(tag, ours))
        for name in templates_of(campaign)
        for tag, edition in {language: name, **editions(bundle, name)}.items()
    ]
