"""`recmail doctor`: what keeps campaigns from going out, and the next step for each."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recmail.cli.command import (
    EXIT_FAILED,
    EXIT_INVALID,
    json_option,
    now_option,
    print_json,
    project_option,
    shows_errors,
)

if TYPE_CHECKING:
    from recmail.runs.doctor import Finding

_COLOURS = {"ok": "green", "warning": "yellow", "wrong": "red"}
_STATE_WIDTH, _CHECK_WIDTH = 8, 26
_NARROWEST = 20  # of the last column


@click.command("doctor", short_help="Find what keeps campaigns from going out, and the next step.")
@click.option("--offline", is_flag=True, help="Ask no name server, provider or web page elsewhere.")
@click.option(
    "--selector",
    "selectors",
    multiple=True,
    metavar="NAME",
    help="The name of the sender domain's DKIM key, where it is unusual.",
)
@project_option
@now_option
@json_option
@shows_errors
def command(
    offline: bool, selectors: tuple[str, ...], project: Path | None, now: datetime, as_json: bool
) -> None:
    r"""Look at everything that a campaign needs; say what is wrong, and the next step.

    Settings with where each comes from, database, data, model, campaigns, provider, and the sender's
    domain (SPF, DKIM, DMARC). Nothing is sent and nothing is written.

    Exit codes: 0 nothing is wrong (there may be warnings), 1 something is wrong, 3 recmail.toml is.

    \b
    Examples: recmail doctor
              recmail doctor --offline --json
    """
    from recmail.runs.doctor import examine

    findings: list[Finding] = []
    for section, found in examine(project, now=now, offline=offline, selectors=selectors):
        findings += found
        if not as_json:
            _show(section, found)
    code = _exit_code(findings)
    if as_json:
        print_json(_document(findings, code))
    else:
        _echo(_summary(findings))
    if code:
        raise SystemExit(code)


def _exit_code(findings: Sequence[Finding]) -> int:
    if any(finding.makes_invalid for finding in findings):
        return EXIT_INVALID
    return EXIT_FAILED if any(finding.state == "wrong" for finding in findings) else 0


def _document(findings: Sequence[Finding], code: int) -> dict[str, object]:
    from recmail.runs.doctor import count

    return {
        "findings": [finding.to_dict() for finding in findings],
        "counts": {str(state): number for state, number in count(findings).items()},
        "exit": code,
    }


def _show(section: str, findings: Sequence[Finding]) -> None:
    """A section in three columns, the last one wrapped on a terminal and whole elsewhere."""
    _echo(click.style(section, bold=True))
    for finding in findings:
        state = click.style(f"{finding.state:{_STATE_WIDTH}}", fg=_COLOURS[finding.state])
        check = f"{finding.check:{_CHECK_WIDTH}}"
        indent = 2 + _STATE_WIDTH + len(check)
        lines = _wrapped(finding.found, indent)
        if finding.next:
            first, *others = _wrapped(finding.next, indent + 2)
            lines += [f"→ {first}", *(f"  {line}" for line in others)]
        _echo(f"  {state}{check}{lines[0]}")
        for line in lines[1:]:
            _echo(f"{'':{2 + _STATE_WIDTH + _CHECK_WIDTH}}{line}")
    _echo("")


def _wrapped(text: str, indent: int) -> list[str]:
    if not sys.stdout.isatty():
        return [text]
    width = max(shutil.get_terminal_size().columns - indent, _NARROWEST)
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]


def _echo(text: str) -> None:
    # click takes colours out where no terminal is; NO_COLOR (no-color.org) it does not know.
    click.echo(text, color=False if os.environ.get("NO_COLOR") else None)


def _summary(findings: Sequence[Finding]) -> str:
    from recmail.runs.doctor import State, count

    counts = count(findings)
    wrong, warnings = counts[State.WRONG], counts[State.WARNING]
    if not wrong + warnings:
        return f"{counts[State.OK]} checks, and nothing to do"
    state = State.WRONG if wrong else State.WARNING
    first = next(finding for finding in findings if finding.state is state)
    words = [f"{wrong} wrong"] * bool(wrong)
    words += [f"{warnings} warning{'s' * (warnings > 1)}"] * bool(warnings)
    return f"{', '.join(words)}: begin with {first.section}, {first.check}: {first.next or first.found}"
