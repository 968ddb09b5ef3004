"""A model's arrays: in pieces in the database, and once on each machine as files that all processes map.

Several machines plan a campaign and know nothing but the database, so it holds the arrays; a table of 8,000 x
8,000 courses has 265 MB, so it is written and read in pieces, and each machine keeps it as a file by its
hash. Processes map the file: its pages are in memory once, however many there are.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from recmail.db.connect import writing
from recmail.db.learned_tables import model_parts
from recmail.errors import ModelError, StorageError

PIECE_BYTES = 4 * 2**20  # each is written in a transaction of its own, of about 50 ms
MAPPED_FROM_BYTES = 2**20
UNUSED_DAYS = 30


def write_array(engine: sa.Engine, version: str, array: np.ndarray) -> str:
    """Store an array under its hash, which is returned; once if a version has it twice."""
    digest = _keep(_npy(array))
    path = _cached(digest)
    with path.open("rb") as file:
        for number, piece in enumerate(iter(lambda: file.read(PIECE_BYTES), b"")):
            row = {"version": version, "name": _name(digest, number), "array": piece}
            with writing(engine) as connection:
                if not number and connection.scalar(_pieces(version, digest).limit(1)):
                    break
                connection.execute(sa.insert(model_parts), row)
    return digest


def read_array(connection: sa.Connection, version: str, digest: str) -> np.ndarray:
    """Return a stored array, read-only and mapped when it is large.

    Raises:
        ModelError: it is not what was stored.
    """
    path = _cached(digest)
    if not path.is_file() or _hash(path) != digest:
        found = _keep(_stored(connection, version, digest))
        if found != digest:
            raise ModelError(f"model {version} is damaged in the database; run: recmail train")
    with contextlib.suppress(OSError):
        os.utime(path)  # somebody uses it
    mapped = path.stat().st_size >= MAPPED_FROM_BYTES
    array: np.ndarray = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
    return array


def delete_arrays(engine: sa.Engine, version: str) -> None:
    """Delete all pieces of a version, a few in each transaction."""
    some = sa.select(model_parts.c.name).where(model_parts.c.version == version).limit(8)
    while True:
        with writing(engine) as connection:
            names = connection.scalars(some).all()
            if not names:
                return
            connection.execute(
                sa.delete(model_parts).where(model_parts.c.version == version, model_parts.c.name.in_(names))
            )


def cache_folder() -> Path:
    """Return where this machine keeps models: RECMAIL_CACHE, else the user's cache folder."""
    named = os.environ.get("RECMAIL_CACHE")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "recmail"


def _cached(digest: str) -> Path:
    return cache_folder() / f"{digest}.npy"


def _name(digest: str, number: int) -> str:
    return f"{digest}/{number:06d}"


def _pieces(version: str, digest: str) -> sa.Select[tuple[str]]:
    mine = model_parts.c.version == version, model_parts.c.name.startswith(f"{digest}/")
    return sa.select(model_parts.c.name).where(*mine).order_by(model_parts.c.name)


def _stored(connection: sa.Connection, version: str, digest: str) -> Iterator[bytes]:
    for name in connection.scalars(_pieces(version, digest)).all():
        one = model_parts.c.version == version, model_parts.c.name == name
        yield connection.execute(sa.select(model_parts.c.array).where(*one)).scalar_one()


def _npy(array: np.ndarray) -> Iterator[bytes | memoryview]:
    """Yield the array as a .npy file, without a copy of it."""
    plain = np.ascontiguousarray(array)
    buffer = _Header()
    np.lib.format.write_array_header_2_0(buffer, np.lib.format.header_data_from_array_1_0(plain))
    yield buffer.text
    if plain.size:
        yield plain.reshape(-1).view(np.uint8).data


class _Header:
    """The one thing that numpy asks of a file to write a header to."""

    text = b""

    def write(self, text: bytes) -> None:
        self.text += text


def _keep(pieces: Iterable[bytes | memoryview]) -> str:
    """Write a file into the cache under its hash, which is returned; other processes see it whole or not."""
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _forget_unused(folder)
        handle, name = tempfile.mkstemp(dir=folder, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                digest = hashlib.sha256()
                for piece in pieces:
                    digest.update(piece)
                    file.write(piece)
            Path(name).replace(folder / f"{digest.hexdigest()}.npy")
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StorageError(
            f"models are kept as files in {folder}: {error.strerror or error}; "
            "set RECMAIL_CACHE to a folder that can be written and has room"
        ) from error
    return digest.hexdigest()


def _forget_unused(folder: Path) -> None:
    oldest = time.time() - UNUSED_DAYS * 86_400
    for path in folder.glob("*.*"):
        with contextlib.suppress(OSError):
            if path.suffix in (".npy", ".part") and path.stat().st_mtime < oldest:
                path.unlink()


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
