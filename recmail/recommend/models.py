"""Fitted scorers in the database: saved under a version, one of them promoted."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import sqlalchemy as sa

from recmail import plugins
from recmail.db.tables import courses, model_parts, models
from recmail.errors import ModelError
from recmail.recommend import Scorer
from recmail.records import GradedTriples

NO_MODEL = "no model is trained; run: recmail train"


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
    connection: sa.Connection,
    scorer: Scorer,
    *,
    name: str,
    trained_on: TrainedOn,
    metrics: Mapping[str, Any],
    now: datetime,
) -> str:
    """Store a fitted scorer as a candidate, in the caller's transaction; returns its version.

    Args:
        name: the scorer's plug-in name, such as svd.
    """
    version = _free_version(connection, f"{now.astimezone(UTC):%Y%m%d-%H%M%S}-{name}")
    connection.execute(
        sa.insert(models).values(
            version=version,
            scorer=name,
            params={
                "catalogue": {"courses": trained_on.courses, "hash": trained_on.catalogue_hash},
                name: scorer.params(),
            },
            data_hash=trained_on.data_hash,
            counts=dict(trained_on.counts),
            trained_at=now,
            metrics=dict(metrics),
            state="candidate",
        )
    )
    parts = [
        {"version": version, "name": f"{name}.{part}", "array": _to_bytes(array)}
        for part, array in scorer.parts().items()
    ]
    connection.execute(sa.insert(model_parts), parts)
    return version


def promote(connection: sa.Connection, version: str) -> None:
    """Make one model the one that campaigns use, in the caller's transaction; the last one retires.

    Raises:
        ModelError: there is no such version.
    """
    connection.execute(sa.update(models).where(models.c.state == "promoted").values(state="retired"))
    found = connection.execute(
        sa.update(models)
        .where(models.c.version == version)
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
        ModelError: there is no such version, or it is of another catalogue.
    """
    row = connection.execute(
        sa.select(models.c.scorer, models.c.params).where(models.c.version == version)
    ).first()
    if row is None:
        raise ModelError(_no_such(connection, version))
    name, params = row
    _check_catalogue(connection, version, **params["catalogue"])
    stored = sa.select(model_parts.c.name, model_parts.c.array).where(model_parts.c.version == version)
    parts = {part.removeprefix(f"{name}."): _from_bytes(array) for part, array in connection.execute(stored)}
    plugin: Any = plugins.load("recommend", name)
    scorer: Scorer = plugin.from_parts(parts, params[name])
    return {name: scorer, "auto": scorer}


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
    known = connection.scalars(
        sa.select(models.c.version).order_by(models.c.trained_at.desc()).limit(5)
    ).all()
    return f"there is no model {version}; the newest are: {', '.join(known)}" if known else NO_MODEL


def _free_version(connection: sa.Connection, wanted: str) -> str:
    taken = set(connection.scalars(sa.select(models.c.version).where(models.c.version.startswith(wanted))))
    if wanted not in taken:
        return wanted
    number = 2
    while f"{wanted}-{number}" in taken:
        number += 1
    return f"{wanted}-{number}"


def _to_bytes(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _from_bytes(stored: bytes) -> np.ndarray:
    array: np.ndarray = np.load(io.BytesIO(stored), allow_pickle=False)
    return array
