"""`recmail data`: what there is, how fresh it is, and what looks wrong in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recmail.cli.command import json_option, now_option, print_json, project_option, shows_errors
from recmail.cli.terminal import print_table, say

if TYPE_CHECKING:
    from recmail.db.clusters import Cluster
    from recmail.history.freshness import DataSurvey, Source
    from recmail.history.metadata import Finding
    from recmail.history.strangers import Strangers, Unidentified


@click.command("data", short_help="Show what recmail knows, how fresh it is, what looks wrong.")
@project_option
@now_option
@json_option
@shows_errors
def command(project: Path | None, now: datetime, as_json: bool) -> None:
    r"""Show what recmail knows: counts, how fresh each source is, and what looks wrong.

    \b
    Example: recmail data
    """
    from recmail.db.clusters import read_clusters
    from recmail.db.connect import reading
    from recmail.db.courses import relative_pictures
    from recmail.history.freshness import survey
    from recmail.runs.project import open_project

    opened = open_project(project)
    with reading(opened.engine) as connection:
        found, clusters = survey(connection, now), read_clusters(connection)
        pictures = [] if opened.settings.sender.public_url else relative_pictures(connection)
    if pictures:
        found.findings.append(_unseen(pictures))
    if as_json:
        print_json({**found.to_json(), "clusters": [one.to_json() for one in clusters]})
        return
    print_table(("", "count", "newest, UTC"), _counts(found, now))
    for columns, rows in _tables(found, now):
        if rows:
            click.echo()
            print_table(columns, rows)
    for one in found.strangers:
        say(_strangers(one))
    if clusters:
        _show(clusters, now)
    if any(one.rejects for one in found.sources):
        say(
            "\nrejected rows are listed beside each file in FILE.SOURCE.rejects.csv: mend them there, then:\n"
            "recmail import KIND FILE.SOURCE.rejects.csv"
        )
    if not found.people:
        say("\nno people yet; say where they are under [sources.*] in recmail.toml, then: recmail import")


def _show(clusters: Sequence[Cluster], now: datetime) -> None:
    click.echo()
    rows = [(one.people, one.courses, one.name, ", ".join(one.topics)) for one in clusters]
    print_table(("people", "courses", "cluster", "typical of it"), rows)
    say(f'\nfound by recmail train, {_when(clusters[0].found_at, now)}; in segments: in_cluster("NAME")')


def _unseen(pictures: Sequence[str]) -> Finding:
    from recmail.history.metadata import Finding

    what = "a picture without a web address, which people would not see"
    advice = "set public_url under [sender] in recmail.toml, or write image_url as https://..."
    return Finding("image_relative", len(pictures), what, list(pictures[:3]), advice)


def _counts(found: DataSurvey, now: datetime) -> list[tuple[str, int, str]]:
    return [
        ("people", found.people, _when(found.newest_change, now)),
        ("  may be mailed", found.mailable, ""),
        ("courses", found.courses, ""),
        ("  active", found.active_courses, ""),
        ("interactions", found.interactions, _when(found.newest_interaction, now)),
        ("suppressed addresses", found.suppressions, ""),
    ]


def _tables(found: DataSurvey, now: datetime) -> Iterator[tuple[Sequence[str], Sequence[Sequence[object]]]]:
    from recmail.records import SKIP_WORDS

    people = [(count, SKIP_WORDS[reason]) for reason, count in found.not_mailable.items()]
    yield ("people", "may not be mailed because"), people
    columns = ("source", "kind", "rows", "last import, UTC", "newest event, UTC", "rejected", "")
    yield columns, [_source(one, now) for one in found.sources]
    rejects = [
        (count, f"{one.source} {one.kind}", reason)
        for one in found.sources
        for reason, count in sorted(one.rejects.items(), key=lambda item: (-item[1], item[0]))
    ]
    yield ("rejected", "in the last import of", "because"), rejects
    waits = ("source", "other ids known", "events of unknown people", "of unknown courses", "oldest, UTC")
    yield waits, [_waiting(one, now) for one in found.unidentified]
    odd = [(one.count, one.what, ", ".join(one.examples), one.advice) for one in found.findings]
    yield ("worth a look", "", "for example", "what to do"), odd


def _strangers(one: Strangers) -> str:
    nobody = "no event" if not one.interactions else f"only {one.interactions:,} events"
    ours = f"users have {', '.join(one.ours)}" if one.ours else "there are no users yet"
    return (
        f"\nWARNING: {nobody} of {one.source} came in, and {one.waiting:,} wait, because nobody has their "
        f"user_id: events say {', '.join(one.theirs)}; {ours}.\nBoth have to be the same id; see "
        "docs/sources.md, Who is who"
    )


def _waiting(one: Unidentified, now: datetime) -> tuple[object, ...]:
    events = one.pending_events, one.of_unknown_courses
    return (one.source, one.linked_ids, *events, _when(one.oldest_pending, now))


def _source(one: Source, now: datetime) -> tuple[object, ...]:
    event = _when(one.newest, now) if one.kind == "interactions" else ""
    when = (_when(one.last_import, now), event)
    return (one.source, one.kind, one.rows, *when, one.counts.get("rejected", 0), _state(one))


def _state(one: Source) -> str:
    if one.state == "unfinished":
        return "stopped half-way: import it again, it goes on"
    if one.state == "fresh":
        return ""
    usual = f", usually {_every(one.usual_gap)}" if one.usual_gap else ""
    return f"old{usual}: does its export still run?"


def _every(gap: timedelta) -> str:
    hours = gap / timedelta(hours=1)
    if hours < 20:
        return f"every {hours:,.0f} hours"
    return "every day" if hours < 36 else f"every {hours / 24:,.0f} days"


def _when(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return "never"
    minutes = round((now - moment).total_seconds() / 60)
    ago = f"{minutes:,} min ago" if abs(minutes) < 120 else f"{minutes / 60:,.0f} hours ago"
    if abs(minutes) >= 48 * 60:
        ago = f"{minutes / 1440:,.0f} days ago"
    return f"{moment:%Y-%m-%d %H:%M}, {ago if minutes else 'now'}"
