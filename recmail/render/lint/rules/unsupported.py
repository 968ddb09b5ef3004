"""Styles, tags and images that major mail clients do not show.

Source: caniemail.com; clients.py says which lacks are harmless and give no finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from recmail.render.lint import features
from recmail.render.lint.clients import GROUPS, IS_HARMLESS, WITH_COLOUR, lack_of
from recmail.render.lint.colours import read_colour
from recmail.render.lint.css import Declaration, read_sheet
from recmail.render.lint.finding import Finding, Severity
from recmail.render.lint.page import Tag
from recmail.render.lint.rule import Rule
from recmail.render.lint.sources import Sources

RULE = Rule(
    name="unsupported",
    severity=Severity.WARNING,
    what="Gmail, Outlook, Apple Mail or Yahoo lack a feature of CSS or HTML, and something is lost there",
    fix="build it with what they all have; the finding says how",
)


def of_written_styles(sources: Sources) -> Iterator[Finding]:
    """Look at the styles where they are written; each feature is said once, in the first place."""
    said: set[str] = set()
    rules: dict[tuple[str, int, int], list[Declaration]] = {}
    for declaration, file in sources.declarations():
        # A rule has a number; a style attribute has not, and its line tells it from others.
        place = (file, declaration.rule, 0 if declaration.rule else declaration.line)
        rules.setdefault(place, []).append(declaration)
    for (file, _, _), declarations in rules.items():
        for declaration in declarations:
            for finding in _lacks(_features(declaration, declarations)):
                if finding.found not in said:
                    said.add(finding.found)
                    yield RULE.finding(finding.found, fix=finding.fix, template=file, line=declaration.line)


def of_templates(sources: Sources) -> Iterator[Finding]:
    """Look at the tags as they are written."""
    for tag, file, line in sources.tags():
        for finding in _lacks(features.of_tag(tag)):
            yield RULE.finding(finding.found, fix=finding.fix, template=file, line=line)


def of_style(css: str) -> Iterator[Finding]:
    """Look at what inlining leaves in a style element."""
    for declaration in read_sheet(css):
        yield from _lacks(_features(declaration, [declaration]))


def of_tag(tag: Tag) -> Iterator[Finding]:
    """Look at a tag and its styles."""
    yield from _lacks(features.of_tag(tag))
    for declaration in tag.styles.all:
        yield from _lacks(_features(declaration, tag.styles.all))


def _features(declaration: Declaration, beside: Sequence[Declaration]) -> Iterator[str]:
    """Yield the features that matter, with the other declarations of the same rule in view."""
    if any(one.property == "display" and one.value == "none" for one in beside):
        return  # all else that hides it as well may be ignored
    if f"css-{declaration.property}" in IS_HARMLESS:
        return  # so is then what stands in its value: the rgba() of a shadow
    for slug in features.of_declaration(declaration):
        if GROUPS.get(slug, slug) not in WITH_COLOUR or not any(map(_colours, beside)):
            yield slug


def _colours(declaration: Declaration) -> bool:
    """Return whether a declaration gives a background its colour; a value is taken for one."""
    if declaration.property not in ("background-color", "background"):
        return False
    words = declaration.value.replace(")", ") ").split()
    return any(read_colour(word) and word != "transparent" for word in words) or not declaration.value


def _lacks(slugs: Iterable[str]) -> Iterator[Finding]:
    for slug in slugs:
        if lack := lack_of(slug):
            yield RULE.finding(f"{lack.title}: in {lack.clients} {lack.happens}", fix=lack.fix)
