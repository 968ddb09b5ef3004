"""A section of recmail.toml whose keys a plug-in defines: read into its class, every mistake at its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from recmail.errors import ConfigError, Problem, did_you_mean
from recmail.settings.settings import RawTable

Options = TypeVar("Options", bound=BaseModel)


def read_options(kind: type[Options], table: RawTable, *, naming: str, folder: Path) -> Options:
    """Read all keys of a section but one into a plug-in's class.

    Args:
        naming: the key that names the plug-in.
        folder: the project's; validators find it in their context.

    Raises:
        ConfigError: with every mistake.
    """
    values = {key: value for key, value in table.values.items() if key != naming}
    try:
        return kind.model_validate(values, context={"folder": folder})
    except ValidationError as error:
        keys = (naming, *(field.alias or name for name, field in kind.model_fields.items()))
        raise ConfigError(list(_problems(table, keys, error))) from error


def _problems(table: RawTable, keys: tuple[str, ...], error: ValidationError) -> Iterator[Problem]:
    for one in error.errors():
        path = _written(table.values, one["loc"])
        if one["type"] == "extra_forbidden":
            key = str(one["loc"][-1])
            top = len(one["loc"]) == 1
            hint = (did_you_mean(key, keys) or f"; expected one of {', '.join(keys)}") if top else ""
            yield table.problem(f"unknown key{hint}", *path)
        elif one["type"] == "missing":
            yield table.problem(f"{one['loc'][-1]} is missing", *path)
        else:
            yield table.problem(_in_words(one["msg"], one.get("ctx")), *path)


def _written(values: Mapping[str, Any], place: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The part of pydantic's path that is in the file; the rest names alternatives of a type."""
    path: list[str | int] = []
    inside: Any = values
    for part in place:
        if part in (range(len(inside)) if isinstance(inside, list) else inside):
            inside = inside[part] if isinstance(inside[part], list | dict) else ()
            path.append(part)
    return tuple(path)


def _in_words(message: str, context: Mapping[str, Any] | None) -> str:
    """Pydantic's text as it stands in other messages: small, and ours where we raised it."""
    own = (context or {}).get("error")
    return str(own) if own is not None else f"{message[:1].lower()}{message[1:]}"
