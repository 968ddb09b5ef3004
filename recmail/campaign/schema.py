"""The JSON Schema of campaign files, by which editors complete keys and mark mistakes while somebody types.

Draft 7, which yaml-language-server knows best. It accepts every campaign that `check` accepts; what is a
language of its own (segments, Jinja) only `check` understands.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from recmail import plugins
from recmail.campaign.blocks import PACKAGE, PRINTED, fallback_names, scorer_names
from recmail.campaign.languages import BY_LANGUAGE
from recmail.campaign.options import SHORTHAND, CampaignKeys
from recmail.recommend.blocks import Options
from recmail.render.languages import TAG
from recmail.settings import Settings
from recmail.settings.loading import FILE_NAME

FILE = ".recmail/campaign.schema.json"
"""Where a project keeps it; the first line of a campaign names it, from campaigns/."""

Schema = dict[str, Any]


class _Generator(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: Any) -> bool:
        """Never: the title that pydantic makes of control_group says nothing new."""
        return False

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> JsonSchemaValue:
        """Let an option of another package's block be anything, when there is no schema for its type."""
        return {}


def campaign_schema(settings: Settings | None = None) -> Schema:
    """Return the schema of a project's campaigns, or of all campaigns when there is no project.

    Every plug-in brings its own options; topics and providers are the project's.
    """
    keys = _schema_of(CampaignKeys)
    properties = keys["properties"]
    for owner in (properties, properties["variants"]["items"]["properties"]):
        owner["blocks"] |= {"type": "array", "minItems": 1, "items": _block_schema()}
    for name in BY_LANGUAGE:
        properties[name] = _by_language(properties[name])
    if settings is not None:
        properties["topic"] = _one_of(properties["topic"], settings.topics)
        properties["provider"] = _one_of(properties["provider"], settings.providers)
    return {"$schema": "http://json-schema.org/draft-07/schema#", **keys, "title": "recmail campaign"}


def write_schema(folder: Path, settings: Settings) -> Path:
    """Write the schema of a project's campaigns where their first line looks for it."""
    path = folder / FILE
    path.parent.mkdir(exist_ok=True)
    path.write_text(_text(settings), encoding="utf-8")
    return path


def is_stale(folder: Path, settings: Settings) -> bool:
    """Return whether the settings changed since the schema was written, and the schema with them."""
    path, toml = folder / FILE, folder / FILE_NAME
    if not path.is_file() or path.stat().st_mtime_ns > toml.stat().st_mtime_ns:
        return False  # to make the schema takes longer than everything else that `check` does with a file
    return path.read_text(encoding="utf-8", errors="replace") != _text(settings)


def _text(settings: Settings) -> str:
    return json.dumps(campaign_schema(settings), indent=1, ensure_ascii=False) + "\n"


def _block_schema() -> Schema:
    """Return the schema of one block: its name alone, or its name with its options or their shorthand."""
    kinds = {name: plugins.load(PACKAGE, name) for name in plugins.names(PACKAGE)}
    blocks = {name: _options_schema(kind) for name, kind in kinds.items()}
    alone = [
        name for name, schema in blocks.items() if {"type": "null"} in schema.get("anyOf", [{"type": "null"}])
    ]
    named = {"title": "block", "type": "object", "properties": blocks, "additionalProperties": False}
    return {"anyOf": [{**named, "minProperties": 1, "maxProperties": 1}, {"type": "string", "enum": alone}]}


def _options_schema(kind: type[Options]) -> Schema:
    options = _schema_of(kind)
    properties = options["properties"]
    for name in PRINTED & properties.keys():
        properties[name] = _by_language(properties[name])
    if "scorer" in properties:
        properties["scorer"] = _one_of(properties["scorer"], scorer_names())
    if "fallback" in properties:
        properties["fallback"]["items"] = _one_of(properties["fallback"]["items"], fallback_names())
    description = options.pop("description", "")
    choices = [options, properties[kind.scalar]]
    if not options.get("required"):
        choices.append({"type": "null"})
    return {"description": description, "anyOf": choices}


def _by_language(schema: Schema) -> Schema:
    """Return the schema of a line that may also stand under each language."""
    whole = ("description", "examples", "default")
    line = {key: value for key, value in schema.items() if key not in whole}
    tags = {"type": "object", "minProperties": 1, "propertyNames": {"pattern": f"^{TAG}$"}}
    lines = {**tags, "title": "by language", "additionalProperties": {**line, "type": "string"}}
    rest = {key: value for key, value in schema.items() if key in whole}
    return {**rest, "anyOf": [line, lines]}


def _one_of(schema: Schema, names: Collection[str]) -> Schema:
    nothing = [None] if "null" in schema["type"] else []
    return {**schema, "enum": [*sorted(names), *nothing]} if names else schema


def _schema_of(model: type[BaseModel]) -> Schema:
    schema = model.model_json_schema(by_alias=True, schema_generator=_Generator)
    plain: Schema = _plain(schema, schema.get("$defs", {}))
    return plain


def _plain(schema: Any, definitions: Mapping[str, Schema]) -> Any:
    """Return a schema as a person would write it: definitions in their places, null as one more type."""
    if isinstance(schema, list):
        return [_plain(part, definitions) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        schema = {**definitions[schema["$ref"].rpartition("/")[2]], **schema}
    plain = {key: _plain(value, definitions) for key, value in schema.items() if key not in ("$ref", "$defs")}
    if plain.get("type") == "object" and "title" in plain:  # the name of a class; editors show it
        plain["title"] = re.sub("(?<=[a-z])(?=[A-Z])", "_", plain["title"]).lower()
    if plain.get("default", "something") in (None, ""):
        del plain["default"]
    if (short := plain.pop(SHORTHAND, None)) is not None:
        plain.pop("examples", None)
        return {"description": plain.pop("description"), "anyOf": [plain, plain["properties"][short]]}
    match plain.get("anyOf"):
        case [{"type": str() as kind} as only, {"type": "null"}]:
            return {
                **only,
                **{key: value for key, value in plain.items() if key != "anyOf"},
                "type": [kind, "null"],
            }
        case [{"anyOf": choices} as only, {"type": "null"}]:
            rest = {key: value for key, value in plain.items() if key != "anyOf"}
            return {**only, **rest, "anyOf": [*choices, {"type": "null"}]}
    return plain
