"""What is wrong with a campaign's values: place, what was found, what was expected, the nearest key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from recmail.campaign.yaml import Document, Path
from recmail.errors import Problem, did_you_mean
from recmail.settings.secret import is_secret_name
from recmail.settings.source import shown

_EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list, each item with -",
    "tuple_type": "a list, each item with -",
    "dict_type": "keys and values",
    "model_type": "keys and values",
    "model_attributes_type": "keys and values",
}


def explain_values(
    document: Document, error: ValidationError, model: type[BaseModel], path: Path = ()
) -> list[Problem]:
    """Return a mistake for each thing that pydantic found, where it stands.

    Args:
        model: whose values were checked.
        path: where in the document they stand.
    """
    return [_explain(document, detail, model, path) for detail in error.errors(include_url=False)]


def _explain(document: Document, detail: ErrorDetails, model: type[BaseModel], path: Path) -> Problem:
    inner: Path = tuple(detail["loc"])
    full = (*path, *inner)
    match detail["type"]:
        case "extra_forbidden":
            name = str(inner[-1])
            return document.at_key(
                full, f"{written(full)}: {about_unknown_key(name, keys_at(model, inner[:-1]))}"
            )
        case "missing":
            # At the key that should hold it.
            return document.at_key(full[:-1], f"{written(full)}: is missing{_for_example(model, inner)}")
        case _:
            return document.at_value(full, f"{written(document.existing(full))}: {_about_value(detail)}")


def _for_example(model: type[BaseModel], path: Path) -> str:
    field = field_at(model, path)
    return f"; write for example {path[-1]}: {field.examples[0]}" if field and field.examples else ""


def about_unknown_key(name: str, known: list[str]) -> str:
    """Say that a key is unknown, and which one was meant."""
    if is_secret_name(name):
        return "secrets have no place in a campaign; keep them with the provider in recmail.toml, as env:NAME"
    if name == "name":
        return "unknown key; the file's name is the campaign's name"
    hint = did_you_mean(name, known)
    if not hint:
        hint = f"; expected one of {', '.join(known)}" if known else "; no keys are expected here"
    return f"unknown key{hint}"


def _about_value(detail: ErrorDetails) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    found = f"found {shown(detail['input'])}; expected"
    if kind in _EXPECTED:
        quotes = ", in quotes" if kind == "string_type" and isinstance(detail["input"], int | float) else ""
        return f"{found} {_EXPECTED[kind]}{quotes}"
    if kind == "greater_than_equal":
        return f"{found} at least {context['ge']}"
    if kind == "less_than_equal":
        return f"{found} at most {context['le']}"
    if kind in ("string_too_short", "too_short"):
        return "is empty"
    return f"found {shown(detail['input'])}; {detail['msg'][:1].lower()}{detail['msg'][1:]}"


def keys_at(model: type[BaseModel], path: Path) -> list[str]:
    """Return the keys that are allowed at a place of a model."""
    field = field_at(model, path)
    found = next(_models(field.annotation), None) if field else None if path else model
    return [field.alias or name for name, field in found.model_fields.items()] if found else []


def field_at(model: type[BaseModel], path: Path) -> FieldInfo | None:
    """Return the field that a path leads to; None for a list's item and for what there is not."""
    found: type[BaseModel] | None = model
    field = None
    for part in path:
        if not isinstance(part, int):
            fields = found.model_fields.items() if found else ()
            field = next((field for name, field in fields if (field.alias or name) == part), None)
            found = next(_models(field.annotation), None) if field else None
    return field


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Return the models that an annotation mentions: the Schedule of `Schedule | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def written(path: Path) -> str:
    """Return a path as people write it: blocks[0].top_picks.show."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")
