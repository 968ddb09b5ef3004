"""The report of a campaign, or of one run: its account, and what came of its messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from recmail.campaign import Campaign, all_blocks, parse_frozen
from recmail.db.account import Account, accounts, together
from recmail.db.among import among
from recmail.db.connect import reading
from recmail.db.runs import list_runs, run_summary
from recmail.db.tables import courses, runs
from recmail.feedback.report import Measured, measure
from recmail.feedback.report_compared import Comparison, compare, first_left
from recmail.feedback.report_figures import DIMENSIONS, Figures, Place, add_up
from recmail.feedback.report_known import Known
from recmail.records import MessageState
from recmail.runs.listing import refuse_unknown
from recmail.runs.project import Project
from recmail.runs.report.told import Told, read_told

Advance = Callable[[int, int], None]


@dataclass(frozen=True)
class RunReport:
    """One run: its account, and what came of its messages.

    Attributes:
        first_left: when its first message did; None: none did.
    """

    run_no: int
    state: str
    first_left: datetime | None
    account: Account
    figures: Figures
    told: Told


@dataclass(frozen=True)
class Row:
    """A block, course, position or fallback, with its name for people.

    Attributes:
        key: name of the block, course_id, or position; empty where no fallback was needed.
        title: of the course; of others empty.
    """

    key: str
    title: str
    place: Place


@dataclass(frozen=True)
class Report:
    """What a campaign, or one run of it, came to.

    Attributes:
        runs: that went out, newest first; the one that was asked for, whatever became of it.
        left_out: runs of the campaign of which no message left.
        figures: of all these runs: their sum.
        variants: the same by variant.
        places: by dimension: block, course, position, fallback.
        control: everybody who was to get an email, against the control group; None where there is none.
        variants_compared: each variant but the first of the campaign, against that.
    """

    campaign: str
    run_no: int | None
    within: timedelta
    runs: Sequence[RunReport]
    left_out: int
    account: Account
    figures: Figures
    variants: Mapping[str, Figures]
    places: Mapping[str, Sequence[Row]]
    control: Comparison | None
    variants_compared: Mapping[str, Comparison]
    known: Known
    told: Told
    language: str

    @property
    def places_of_clicks(self) -> bool:
        """It is known where in the messages people clicked."""
        return self.told.links or any(row.place.clicked for row in self.places["course"])

    @property
    def unclear(self) -> int:
        """Messages that may have arrived; they are not among those sent."""
        return self.account.states[MessageState.UNKNOWN]


def read_reports(
    project: Project,
    which: int | str | None,
    *,
    within: timedelta,
    now: datetime,
    progress: Advance = lambda done, total: None,
) -> list[Report]:
    """The report of a run, of a campaign, or of each campaign that went out, the newest first.

    Args:
        which: number of a run, or name of a campaign; None: all campaigns.
        within: how long after a message an enrolment, or a no, counts to it.
        progress: told shards of people, done and in all.

    Raises:
        RefusedError: there is no such run or campaign.
    """
    with reading(project.engine) as connection:
        if isinstance(which, int):
            run = run_summary(connection, which)
            chosen = [(str(run["campaign"]), [run], 0)]
        else:
            chosen = _campaigns(connection, project, which)
        return [
            _report(
                *(connection, project, name, rows),
                left_out=left_out,
                run_no=which if isinstance(which, int) else None,
                within=within,
                now=now,
                progress=_part(progress, at, len(chosen)),
            )
            for at, (name, rows, left_out) in enumerate(chosen)
        ]


def _part(progress: Advance, at: int, parts: int) -> Advance:
    """What one of several reports tells, as part of all."""
    return lambda done, total: progress(at * total + done, parts * total)


def _campaigns(
    connection: sa.Connection, project: Project, name: str | None
) -> list[tuple[str, list[sa.RowMapping], int]]:
    """Campaigns with their runs that went out, newest first, and how many did not."""
    listed = list_runs(connection, campaign=name)
    if name is not None and not listed:
        refuse_unknown(project, name, {row["campaign"] for row in list_runs(connection)})
    by_campaign: dict[str, list[sa.RowMapping]] = {}
    for row in listed:
        by_campaign.setdefault(row["campaign"], []).append(row)
    went_out = first_left(connection, [row["run_no"] for row in listed])
    found = []
    for campaign, rows in by_campaign.items():
        kept = [row for row in rows if row["run_no"] in went_out]
        if kept or name is not None:
            found.append((campaign, kept, len(rows) - len(kept)))
    return sorted(found, key=lambda one: -max((row["run_no"] for row in one[1]), default=0))


def _report(
    connection: sa.Connection,
    project: Project,
    name: str,
    rows: Sequence[sa.RowMapping],
    *,
    left_out: int,
    run_no: int | None,
    within: timedelta,
    now: datetime,
    progress: Advance,
) -> Report:
    run_nos = [int(row["run_no"]) for row in rows]
    frozen = _campaigns_of(connection, run_nos)
    blocks = {run: [block.name for block in all_blocks(campaign)] for run, campaign in frozen.items()}
    found = measure(connection, run_nos, blocks, within=within, now=now, advance=progress)
    reports = _runs(connection, project, rows, frozen, found)
    names = _variant_names(frozen.values(), found)
    return Report(
        campaign=name,
        run_no=run_no,
        within=within,
        runs=reports,
        left_out=left_out,
        account=together([one.account for one in reports]),
        figures=add_up(found.figures),
        variants={variant: add_up(found.figures, variant=variant) for variant in names},
        places=_places(connection, found),
        control=_control(found),
        variants_compared=_compared(found, names),
        known=found.known,
        told=Told.together([one.told for one in reports]),
        language=project.settings.project.language,
    )


def _runs(
    connection: sa.Connection,
    project: Project,
    rows: Sequence[sa.RowMapping],
    frozen: Mapping[int, Campaign],
    found: Measured,
) -> list[RunReport]:
    counted = accounts(connection, list(frozen))
    return [
        RunReport(
            run_no=(run := int(row["run_no"])),
            state=row["state"],
            first_left=found.first.get(run),
            account=counted[run],
            figures=add_up(found.figures, run=run),
            told=read_told(project, frozen[run], row["settings"]["printed"], found.told.get(run, set())),
        )
        for row in rows
    ]


def _campaigns_of(connection: sa.Connection, run_nos: Sequence[int]) -> dict[int, Campaign]:
    """The frozen campaign of each run, newest first; runs that were frozen alike share one."""
    query = sa.select(runs.c.run_no, runs.c.campaign, runs.c.campaign_yaml).order_by(runs.c.run_no.desc())
    read: dict[tuple[str, str], Campaign] = {}
    found = {}
    for run_no, name, text in connection.execute(query.where(among(runs.c.run_no, run_nos))):
        if (name, text) not in read:
            read[name, text] = parse_frozen(text, name)
        found[int(run_no)] = read[name, text]
    return found


def _places(connection: sa.Connection, found: Measured) -> dict[str, list[Row]]:
    numbers = [int(key) for key, _ in found.places.of("course")]
    query = sa.select(courses.c.course_no, courses.c.course_id, courses.c.title)
    named = {
        row.course_no: row for row in connection.execute(query.where(among(courses.c.course_no, numbers)))
    }
    places = {}
    for dimension in DIMENSIONS:
        rows = []
        for key, place in found.places.of(dimension):
            course = named.get(key) if dimension == "course" else None
            rows.append(Row(course.course_id, course.title, place) if course else Row(str(key), "", place))
        places[dimension] = rows
    return places


def _control(found: Measured) -> Comparison | None:
    control, addressed = found.sums.control, found.sums.addressed
    return None if control is None or addressed is None else compare(control, addressed)


def _variant_names(campaigns: Iterable[Campaign], found: Measured) -> list[str]:
    """All variants in the order of the campaigns, those of the newest run first."""
    listed = dict.fromkeys(variant.name for campaign in campaigns for variant in campaign.variants)
    there = {variant for _, variant in found.figures}
    return [name for name in listed if name in there]


def _compared(found: Measured, names: Sequence[str]) -> dict[str, Comparison]:
    groups = {name: group for name in names if (group := found.sums.of_variant(name)) is not None}
    if len(groups) < 2:
        return {}
    base, *others = groups
    return {name: compare(groups[base], groups[name], comparisons=len(others)) for name in others}
