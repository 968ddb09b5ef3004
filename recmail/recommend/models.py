"""Models in the database: fitted scorers saved under a version, one version promoted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa

from recmail import plugins
from recmail.db.connect import reading, writing
from recmail.db.learned_tables import models
from recmail.db.tables import courses, runs
from recmail.errors import ModelError
from recmail.recommend import Scorer
from recmail.recommend.model_arrays import delete_arrays, read_array, write_array
from recmail.records import GradedTriples, RunState

NO_MODEL = "no model is trained; run: recmail train"
SAVING = "saving"  # not whole yet: nobody but its writer sees it
KEPT = 5  # models that are neither promoted nor in use just now
_A_DAY = timedelta(days=1)


@dataclass(frozen=True)
class TrainedOn:
    """What a model was fitted on, so that it is never used for another catalogue.

    Attributes:
        courses: the length of the catalogue.
        catalogue_hash: of its course ids in order, see `hash_ids`.
        data_hash: of the ids and all graded pairs.
        counts: users, courses and pairs, for people to read.
    """

    courses: int
    catalogue_hash: str
    data_hash: str
    counts: Mapping[str, int]

    @classmethod
    def of(cls, triples: GradedTriples, course_ids: Iterable[str]) -> TrainedOn:
        """Describe training data."""
        ids = list(course_ids)
        data = hashlib.sha256(hash_ids(ids).encode())
        for array in (triples.user_no, triples.course_no, triples.grade):
            data.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
        counts = {
            "users": len(np.unique(triples.user_no)),
            "courses": len(np.unique(triples.course_no)),
            "pairs": len(triples),
        }
        return cls(len(ids), hash_ids(ids), data.hexdigest(), counts)


def hash_ids(course_ids: Iterable[str]) -> str:
    """Return the SHA-256 of course ids in their order, each preceded by its length."""
    digest = hashlib.sha256()
    for course_id in course_ids:
        text = course_id.encode()
        digest.update(f"{len(text)}:".encode() + text)
    return digest.hexdigest()


def save(
    engine: sa.Engine,
    scorers: Mapping[str, Scorer],
    *,
    auto: str,
    trained_on: TrainedOn,
    metrics: Mapping[str, Any],
    now: datetime,
) -> str:
    """Store fitted scorers as one candidate and return its version; nobody sees it before it is whole.

    Args:
        scorers: by plug-in name, such as svd.
        auto: which of them campaigns use when they do not name one.
    """
    _remove_abandoned(engine, now)
    row = {
        "scorer": auto,
        "params": {},
        "data_hash": trained_on.data_hash,
        "counts": dict(trained_on.counts),
        "trained_at": now,
        "metrics": dict(metrics),
        "state": SAVING,
    }
    version = _begun(engine, f"{now.astimezone(UTC):%Y%m%d-%H%M%S}-{auto}", row)
    try:
        params = {
            "catalogue": {"courses": trained_on.courses, "hash": trained_on.catalogue_hash},
            "scorers": {name: _written(engine, version, scorer) for name, scorer in scorers.items()},
        }
        with writing(engine) as connection:
            mine = sa.update(models).where(models.c.version == version)
            connection.execute(mine.values(params=params, state="candidate"))
    except BaseException:
        remove(engine, version)
        raise
    return version


def _begun(engine: sa.Engine, wanted: str, row: Mapping[str, Any]) -> str:
    """Store the row of a model under a version that is free, which is returned."""
    with writing(engine) as connection:
        version = _free_version(connection, wanted)
        connection.execute(sa.insert(models), {**row, "version": version})
    return version


def _written(engine: sa.Engine, version: str, scorer: Scorer) -> dict[str, Any]:
    parts = {part: write_array(engine, version, array) for part, array in scorer.parts().items()}
    return {"params": scorer.params(), "parts": parts}


def remove(engine: sa.Engine, version: str) -> None:
    """Delete a version with all that belongs to it, in short transactions."""
    delete_arrays(engine, version)
    with writing(engine) as connection:
        connection.execute(sa.delete(models).where(models.c.version == version))


def _remove_abandoned(engine: sa.Engine, now: datetime) -> None:
    """Delete what a killed training left half saved a day ago or earlier."""
    left = sa.select(models.c.version).where(models.c.state == SAVING, models.c.trained_at < now - _A_DAY)
    with reading(engine) as connection:
        versions = connection.scalars(left).all()
    for version in versions:
        remove(engine, version)


def remove_old(engine: sa.Engine) -> list[str]:
    """Delete all but the newest few models; what campaigns use, or are planned with just now, stays."""
    planning = sa.select(runs.c.model_version).where(
        runs.c.state == RunState.BUILDING, runs.c.model_version.is_not(None)
    )
    old = (
        sa.select(models.c.version)
        .where(models.c.state.in_(("candidate", "retired")), models.c.version.not_in(planning))
        .order_by(models.c.trained_at.desc(), models.c.version.desc())
        .offset(KEPT)
    )
    with reading(engine) as connection:
        versions = list(connection.scalars(old))
    for version in versions:
        remove(engine, version)
    return versions


def promote(connection: sa.Connection, version: str) -> None:
    """Make one model the one that campaigns use, in the caller's transaction; the last one retires.

    Raises:
        ModelError: there is no such version.
    """
    connection.execute(sa.update(models).where(models.c.state == "promoted").values(state="retired"))
    found = connection.execute(
        sa.update(models)
        .where(models.c.version == version, models.c.state != SAVING)
        .values(state="promoted")
        .returning(models.c.version)
    )
    if found.first() is None:
        raise ModelError(_no_such(connection, version))


@dataclass(frozen=True)
class Promoted:
    """The model that campaigns use: what it is, and how many users, courses and pairs it learned from."""

    version: str
    scorer: str
    trained_at: datetime
    counts: Mapping[str, int]


def find_promoted(connection: sa.Connection) -> Promoted:
    """Return the model that campaigns use, without loading it.

    Raises:
        ModelError: none is trained, or it is of another catalogue.
    """
    wanted = (models.c.version, models.c.scorer, models.c.trained_at, models.c.counts, models.c.params)
    row = connection.execute(sa.select(*wanted).where(models.c.state == "promoted")).first()
    if row is None:
        raise ModelError(NO_MODEL)
    *about, params = row
    _check_catalogue(connection, row.version, **params["catalogue"])
    return Promoted(*about)


def load_promoted(connection: sa.Connection) -> tuple[str, dict[str, Scorer]]:
    """Return the version that campaigns use, and its scorers by name; see `load`.

    Raises:
        ModelError: none is trained, or it is of another catalogue.
    """
    version = connection.scalar(sa.select(models.c.version).where(models.c.state == "promoted"))
    if version is None:
        raise ModelError(NO_MODEL)
    return version, load(connection, version)


def load(connection: sa.Connection, version: str) -> dict[str, Scorer]:
    """Return the scorers of a version by name, the one to use by default as `auto` too.

    Raises:
        ModelError: there is no such version, it is of another catalogue, or of another recmail.
    """
    auto, params = _stored(connection, version)
    _check_catalogue(connection, version, **params["catalogue"])
    scorers: dict[str, Scorer] = {}
    for name, stored in params["scorers"].items():
        parts = {part: read_array(connection, version, digest) for part, digest in stored["parts"].items()}
        plugin: Any = plugins.load("recommend", name)
        scorers[name] = plugin.from_parts(parts, stored["params"])
    return {**scorers, "auto": scorers[auto]}


@dataclass(frozen=True)
class Recipe:
    """How a model was made, to make it again from other data.

    Attributes:
        auto: the scorer that campaigns use by default.
        settings: of that scorer, as JSON.
        data_hash: of what it was fitted on.
    """

    version: str
    auto: str
    settings: Mapping[str, Any]
    data_hash: str


def promoted_recipe(connection: sa.Connection) -> Recipe | None:
    """Return the recipe of the model that campaigns use; None without one, or when it cannot be read."""
    row = connection.execute(sa.select(models).where(models.c.state == "promoted")).first()
    if row is None or "scorers" not in row.params:
        return None
    settings = row.params["scorers"][row.scorer]["params"]["settings"]
    return Recipe(row.version, row.scorer, settings, row.data_hash)


@dataclass(frozen=True)
class Stored:
    """One model as it is listed; `metrics` is the evaluation's JSON, empty with too little data."""

    version: str
    auto: str
    scorers: list[str]
    state: str
    trained_at: datetime
    counts: Mapping[str, int]
    metrics: Mapping[str, Any]


def stored_models(connection: sa.Connection) -> list[Stored]:
    """Return all models that are whole, the newest first."""
    newest = sa.select(models).where(models.c.state != SAVING)
    rows = connection.execute(newest.order_by(models.c.trained_at.desc(), models.c.version.desc()))
    return [
        Stored(
            row.version,
            row.scorer,
            sorted(row.params.get("scorers", {})),
            row.state,
            row.trained_at,
            row.counts,
            row.metrics,
        )
        for row in rows
    ]


def check_usable(connection: sa.Connection, version: str) -> None:
    """Check that campaigns of this database could use a version.

    Raises:
        ModelError: they could not, and why.
    """
    _, params = _stored(connection, version)
    _check_catalogue(connection, version, **params["catalogue"])


def _stored(connection: sa.Connection, version: str) -> tuple[str, dict[str, Any]]:
    mine = models.c.version == version, models.c.state != SAVING
    row = connection.execute(sa.select(models.c.scorer, models.c.params).where(*mine)).first()
    if row is None:
        raise ModelError(_no_such(connection, version))
    if "scorers" not in row.params:
        raise ModelError(f"model {version} was saved by another version of recmail; run: recmail train")
    return row.scorer, row.params


def _check_catalogue(connection: sa.Connection, version: str, *, courses: int, hash: str) -> None:
    found = connection.scalars(_first_courses(courses)).all()
    if len(found) == courses and hash_ids(found) == hash:
        return
    raise ModelError(
        f"model {version} was trained on another catalogue: the first {courses:,} courses of this database "
        "are not the ones it knows; run: recmail train"
    )


def _first_courses(count: int) -> sa.Select[Any]:
    return sa.select(courses.c.course_id).where(courses.c.course_no < count).order_by(courses.c.course_no)


def _no_such(connection: sa.Connection, version: str) -> str:
    whole = sa.select(models.c.version).where(models.c.state != SAVING)
    known = connection.scalars(whole.order_by(models.c.trained_at.desc()).limit(5)).all()
    return f"there is no model {version}; the newest are: {', '.join(known)}" if known else NO_MODEL


def _free_version(connection: sa.Connection, wanted: str) -> str:
    taken = set(connection.scalars(sa.select(models.c.version).where(models.c.version.startswith(wanted))))
    if wanted not in taken:
        return wanted
    number = 2
    while f"{wanted}-{number}" in taken:
        number += 1
    return f"{wanted}-{number}"
