"""Statements of the sending loop, compiled once: SQLAlchemy's work for each exceeded the database's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.compiler import SQLCompiler

Write = Callable[[Any], Any]


@dataclass(frozen=True)
class _Prepared:
    """What the driver is given.

    Attributes:
        constants: values that the statement itself has, as the driver takes them.
        writers: of the other values, what writes each as the driver takes it.
        order: of positional values; None where they go by name.
    """

    text: str
    constants: Mapping[str, Any]
    writers: Mapping[str, Write | None]
    order: tuple[str, ...] | None

    def values(self, given: Mapping[str, Any]) -> Any:
        written = dict(self.constants)
        for name, write in self.writers.items():
            value = given[name]
            written[name] = value if write is None else write(value)
        return written if self.order is None else [written[name] for name in self.order]


def run_prepared(
    connection: sa.Connection, statement: sa.Executable, values: Mapping[str, Any] | None = None
) -> list[Any]:
    """Run a statement that is the same object every time; return its rows as plain tuples.

    What comes back is as the driver has it: for numbers and texts only.

    Args:
        values: of all its parameters that have none.
    """
    prepared = _prepare(statement, connection.dialect)
    cursor = connection.connection.cursor()
    try:
        cursor.execute(prepared.text, prepared.values(values or {}))
        return list(cursor.fetchall()) if cursor.description else []
    finally:
        cursor.close()


@lru_cache(maxsize=1_024)
def _prepare(statement: sa.ClauseElement, dialect: sa.Dialect) -> _Prepared:
    compiled = statement.compile(dialect=dialect)
    if not isinstance(compiled, SQLCompiler) or compiled.post_compile_params:
        raise TypeError(f"its text changes with its values; write lists with among_parameter: {statement}")
    constants, writers = dict[str, Any](), dict[str, Write | None]()
    for name, bind in compiled.binds.items():
        write = bind.type.dialect_impl(dialect).bind_processor(dialect)
        if bind.required:
            writers[name] = write
        else:
            constants[name] = bind.effective_value if write is None else write(bind.effective_value)
    order = None if compiled.positiontup is None else tuple(compiled.positiontup)
    return _Prepared(str(compiled), constants, writers, order)
