"""What comes before a scheduled plan: what is new in the sources, and a model that is not too old."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from recmail.campaign import Campaign, all_blocks
from recmail.db.connect import reading
from recmail.errors import ModelError, RecmailError
from recmail.recommend.models import find_promoted, stored_models
from recmail.runs.shift import Shift
from recmail.settings.values import format_duration


def freshen(shift: Shift, campaign: Campaign) -> list[str]:
    """Import every source of recmail.toml, and train when it is time; return what went wrong, in words.

    A source that cannot be read does not keep a campaign from being planned with what is known; but then a
    person has to approve it.
    """
    wrong = _import(shift)
    if any(block.options.needs_model for block in all_blocks(campaign)) and _is_due(shift):
        wrong += _train(shift)
    return wrong


def _import(shift: Shift) -> list[str]:
    from recmail.history.importing_sources import import_source
    from recmail.history.sources import read_sources
    from recmail.history.watermarks import unread

    @contextmanager
    def watch(_title: str) -> Iterator[Callable[..., None]]:
        yield shift.go_on

    wrong: list[str] = []
    engine, settings = shift.project.engine, shift.project.settings
    try:
        sources = read_sources(settings)
    except RecmailError as error:
        return [str(error)]
    for source in sources:
        report = import_source(
            engine, source, settings, find=unread, now=shift.now, dry_run=False, watch=watch
        )
        rows = sum(result.rows for result in report.results)
        rejected = f", {report.rejected:,} of them rejected" if report.rejected else ""
        shift.news("imported", f"imported {source.name}: {rows:,} rows read{rejected}", None)
        wrong += map(str, report.errors)
    return wrong


def _is_due(shift: Shift) -> bool:
    """The last training is too long ago, or what it made cannot be used."""
    with reading(shift.project.engine) as connection:
        try:
            find_promoted(connection)
        except ModelError:
            return True
        newest = max(model.trained_at for model in stored_models(connection))
    return shift.now - newest >= shift.project.settings.model.train_every


def _train(shift: Shift) -> list[str]:
    from recmail.evaluate.train import train

    model = shift.project.settings.model
    try:
        trained = train(
            shift.project.engine,
            now=shift.now,
            seed=1,
            grades=model.grades,
            half_life=model.half_life,
            scorer=model.scorer,
            progress=shift.go_on,
        )
    except RecmailError as error:
        return [f"training: {error}"]
    every = format_duration(model.train_every)
    text = f"trained, as every {every}: {trained.version}, {trained.verdict.words}"
    shift.news("trained", text, None)
    return []
