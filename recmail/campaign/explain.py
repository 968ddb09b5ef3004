"""What is wrong with a campaign's values: place, what was found, what was expected, the nearest key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from recmail.campaign.yaml import Document, Path
from recmail.errors import Problem, nearest
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
}
_MODELS = ("model_type", "model_attributes_type")
# What other tools have a key for; the second part is our key for it, at the places that have it.
_OTHER_WORDS = (
    (r"name|campaign|id", "", "the file's name is the campaign's name"),
    (
        r"cap|limits?|frequency",
        "",
        "emails per person are limited for all campaigns, by [limits] in recmail.toml",
    ),
    (r"(?:un)?subscri\w+|consent|suppress\w*|opt_?outs?", "", "consent is always observed, and has no key"),
    (r"to|recipients?|segments?|lists?|people|users|where", "audience", ""),
    (r"send|send_at|when|at|date|time|cron|start", "schedule", ""),
    (r"via|esp|smtp|sender_service", "provider", ""),
    (r"sender|from_name|from_email", "from", ""),
    (r"throttle|rate|pause_if|stop_if", "speed", ""),
    (r"holdout|control", "control_group", ""),
    (r"count|number|limit", "show", ""),
    (r"heading|headline", "title", ""),
    (r"sections?|body|content|recommend\w*", "blocks", ""),
)


def explain_values(
    document: Document, error: ValidationError, model: type[BaseModel], path: Path = ()
) -> list[Problem]:
    """Return a mistake for each thing that pydantic found, where it stands.

    Args:
        model: whose values were checked.
        path: where in the document they stand.
    """
    details = error.errors(include_url=False)
    misspelt = {
        (*detail["loc"][:-1], _meant(str(detail["loc"][-1]), keys_at(model, detail["loc"][:-1])))
        for detail in details
        if detail["type"] == "extra_forbidden"
    }
    # What is only misspelt is not missing besides.
    told = [detail for detail in details if detail["type"] != "missing" or detail["loc"] not in misspelt]
    return [_explain(document, detail, model, path) for detail in told]


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
        case kind if kind in _MODELS and detail["input"] is None:
            message = f"is empty{_for_example(model, inner)}"
        case kind if kind in _MODELS and full == ("audience",) and isinstance(detail["input"], list):
            message = "found a list; write the rules as one text, joined by and"
        case kind if kind in _MODELS:
            keys = " and ".join(f"{key}:" for key in keys_at(model, inner)[:2])
            message = f"found {shown(detail['input'])}; expected keys such as {keys}"
        case _:
            message = _about_value(detail)
    return document.at_value(full, f"{written(document.existing(full))}: {message}")


def _for_example(model: type[BaseModel], path: Path) -> str:
    field = field_at(model, path)
    return f"; write for example {path[-1]}: {field.examples[0]}" if field and field.examples else ""


def about_unknown_key(name: str, known: list[str]) -> str:
    """Say that a key is unknown, and which one was meant."""
    if is_secret_name(name):
        return "secrets have no place in a campaign; keep them with the provider in recmail.toml, as env:NAME"
    if re.fullmatch("[0-9]{3}", name):
        return "unknown key; a number is written without commas: 1000"
    for pattern, _, advice in _OTHER_WORDS:
        if advice and re.fullmatch(pattern, name.lower()) and name not in known:
            return f"unknown key; {advice}"
    meant = _meant(name, known)
    hint = f"did you mean {meant}?" if meant else f"expected one of {', '.join(known)}"
    return f"unknown key; {hint if known else 'no keys are expected here'}"


def _meant(name: str, known: list[str]) -> str:
    """Return the key that was probably meant by another one, empty when that is not clear."""
    for pattern, ours, _ in _OTHER_WORDS:
        if ours in known and re.fullmatch(pattern, name.lower()):
            return ours
    return nearest(name, known)


def _about_value(detail: ErrorDetails) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    found = f"found {shown(detail['input'])}; expected"
    if kind in _EXPECTED:
        return f"{found} {_EXPECTED[kind]}{_as_written(kind, detail['input'])}"
    if kind == "greater_than_equal":
        return f"{found} at least {context['ge']}"
    if kind == "less_than_equal":
        return f"{found} at most {context['le']}"
    if kind in ("string_too_short", "too_short"):
        return "is empty"
    return f"found {shown(detail['input'])}; {detail['msg'][:1].lower()}{detail['msg'][1:]}"


def _as_written(kind: str, value: object) -> str:
    """Say how a value is written that is right but for its form."""
    if kind == "string_type" and isinstance(value, int | float):
        return ", in quotes"
    if kind in ("int_type", "float_type") and isinstance(value, str) and value.isdecimal():
        return ", without quotes"
    if kind in ("list_type", "tuple_type") and isinstance(value, str):
        return f"; write [{value}]"
    return ""


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
