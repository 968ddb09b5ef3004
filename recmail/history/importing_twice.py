"""Events that came in before under another source's name: brought in again, each would count twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from recmail.db.among import among
from recmail.db.tables import imports, interactions
from recmail.db.types import to_microseconds
from recmail.errors import RefusedError

_SAMPLE = 1_000
_FEW = 20  # equal ids, kinds and times of so few may be chance
_MOST = 0.9


def refuse_second_name(connection: sa.Connection, source: str, events: Sequence[tuple[Any, ...]]) -> None:
    """Look for the first events under the names of other sources.

    Ids that merely coincide, as numbers of two tables do, differ in their times.

    Args:
        events: event_key, person, course, kind and microseconds since 1970, and more.

    Raises:
        RefusedError: nearly all of them are there.
    """
    prefix = f"{source}:"
    mine = {
        key.removeprefix(prefix): (kind, at)
        for key, _, _, kind, at, *_ in events[:_SAMPLE]
        if key.startswith(prefix)
    }
    if len(mine) < _FEW:
        return
    query = sa.select(imports.c.source).where(imports.c.kind == "interactions", imports.c.source != source)
    for other in sorted(connection.scalars(query.distinct())):
        keys = [f"{other}:{event_id}" for event_id in mine]
        there = sa.select(interactions.c.event_key, interactions.c.kind, interactions.c.at).where(
            among(interactions.c.event_key, keys)
        )
        same = sum(
            mine[key.removeprefix(f"{other}:")] == (kind, to_microseconds(at))
            for key, kind, at in connection.execute(there).all()
        )
        if same >= _MOST * len(mine):
            raise RefusedError(
                f"these events came in before under the name {other}, and would count twice under the name "
                f"{source}; call their section [sources.{other}], which goes on from there"
            )
