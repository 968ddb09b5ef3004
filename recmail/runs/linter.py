"""Writes each email as its person would get it, looks at it, and counts what was found; nothing is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from recmail.errors import RenderError
from recmail.render.lint import Finding, MessageLint, Severity
from recmail.render.lint.tally import Tally
from recmail.runs.editions import editions_of
from recmail.runs.faults import kind_of_fault
from recmail.runs.message import Links, Writer, Writers

NOBODY: Mapping[int, str] = MappingProxyType({})


class Linter:
    """Looks at the emails of a run, or of a draft of one.

    Args:
        run: its row: campaign, templates, settings and catalogue.
        links: what all these emails link to, in place of each person's own.
    """

    def __init__(self, run: Mapping[str, Any], links: Links) -> None:
        self._writers, self._links = Writers(run), links
        self._lint = message_lint(self._writers)

    def tally(
        self,
        people: Iterable[tuple[int, str | None, Mapping[str, Any]]],
        *,
        compare: Mapping[int, str] = NOBODY,
    ) -> Tally:
        """Count what is found in the emails of people, each with their variant and what was frozen.

        Args:
            compare: user_id of those whose pages are compared with the same pages, inlined by themselves.

        Raises:
            RenderError: one of these pages differs.
        """
        tally = Tally()
        for user_no, variant, frozen in people:
            writer = self._writers.of(variant)
            context = writer.context(frozen, self._links)
            try:
                email = writer.render(context, user_id="")
            except RenderError as error:
                tally.add(user_no, [_not_written(writer, error)])
                continue
            if user_no in compare:
                writer.verify(context, user_id=compare[user_no])
            findings, size_bytes = self._lint.look(email, context)
            tally.add(user_no, findings, size_bytes=size_bytes)
        return tally


def _not_written(writer: Writer, error: RenderError) -> Finding:
    written = _sources(writer).get(error.template, "").split("\n")[max(error.line - 1, 0) : error.line]
    where = error.template
    if writer.variant and where in ("subject", "preheader"):
        where = f"{where} of {writer.variant}"
    return Finding(
        Severity.ERROR,
        "render",
        f"the email cannot be written: {kind_of_fault(error.message, ''.join(written))}",
        "mend the template for people like the one named here",
        where,
        error.line,
    )


def _sources(writer: Writer) -> Mapping[str, str]:
    """Return what is rendered by the name that an error has, the lines of all languages in one."""
    each = zip(*writer.lines.values(), strict=True)
    subject, preheader = (" ".join(line or "" for line in lines) for lines in each)
    return {**writer.bundle.files, "subject": subject, "preheader": preheader}


def message_lint(writers: Writers) -> MessageLint:
    """Return what looks at the emails of a run, or of a draft of one; those of all variants."""
    lines = [line for writer in writers for pair in writer.lines.values() for line in pair if line]
    return MessageLint(writers.bundle, lines, templates=editions_of(writers.campaign, writers.bundle))
