"""The templates that a campaign and its variants use, in every language in which they are there."""

from __future__ import annotations

from recmail.campaign import Campaign, each_variant
from recmail.render.bundle import TemplateBundle
from recmail.render.languages import editions


def templates_of(campaign: Campaign) -> list[str]:
    """The names of the templates that a campaign and its variants use, of those in the project's language."""
    return sorted({one.template for one in each_variant(campaign).values()})


def editions_of(campaign: Campaign, bundle: TemplateBundle) -> list[str]:
    """The names of the same templates in all languages."""
    return [
        edition for name in templates_of(campaign) for edition in (name, *editions(bundle, name).values())
    ]


def editions_with_lines(
    campaign: Campaign, bundle: TemplateBundle, language: str
) -> list[tuple[str, str, str | None]]:
    """The name of the template that each variant and language gets, with subject and preheader; none twice.

    Args:
        language: the project's, which the template without a language in its name speaks.
    """
    found = []
    for one in each_variant(campaign).values():
        lines = one.lines_in(bundle, language)
        there = {language: one.template, **editions(bundle, one.template)}
        found += [(edition, *lines[tag]) for tag, edition in there.items()]
    return list(dict.fromkeys(found))
