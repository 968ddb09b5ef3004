"""Writes the parts of the documentation that the code knows best, between their marks: `make docs`."""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recmail.segment.fields import Field

DOCS = Path(__file__).parent
FULL = DOCS.parent / "tests" / "campaign" / "full.yaml"
_PART = re.compile(r"(<!-- generated: ([a-z ]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_SHORT = 8  # names that are listed in a table's cell


def main() -> int:
    """Renew every page."""
    for path in sorted(DOCS.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        if (new := renewed(text)) != text:
            path.write_text(new, encoding="utf-8")
            sys.stdout.write(f"renewed {path.name}\n")
    return 0


def renewed(text: str) -> str:
    """Return a page with its generated parts as they have to be now."""
    parts = {
        "names": names_table,
        "filters": filters_table,
        "campaign keys": campaign_tables,
        "fields of people": people_table,
        "events": events_table,
        "fields of courses": courses_table,
        "blocks": blocks_table,
        "block options": block_options,
        "course filters": course_filters_table,
        "lint rules": lint_rules_table,
        "harmless lacks": harmless_table,
        "mail clients": lambda: f"{_mail_clients()}\n",
        "full campaign": lambda: f"```yaml\n{FULL.read_text(encoding='utf-8')}```\n",
    }
    return _PART.sub(lambda found: f"{found[1]}{parts[found[2]]()}{found[3]}", text)


def names_table() -> str:
    """Return the names that templates may print."""
    from recmail.render.names import DOCUMENTED, IN_TEMPLATES

    rows = []
    for name in (*DOCUMENTED, *IN_TEMPLATES):
        meaning = [name.meaning] if name.meaning else []
        if name in IN_TEMPLATES:
            meaning.append("not in the subject and preheader themselves")
        none = "may be None" if name.may_be_none else ""
        kind = "list" if name.kind == "courses" else name.kind
        rows.append([f"`{name.path}`", kind, none, _code(name.example), "; ".join(meaning)])
    return _table(["name", "is", "", "example", "meaning"], rows)


def filters_table() -> str:
    """Return recmail's own filters."""
    from recmail.render.format import FILTERS

    rows = [[f"`{name}`", _sentence(inspect.getdoc(FILTERS[name]))] for name in sorted(FILTERS)]
    return _table(["filter", "meaning"], rows)


def _sentence(docstring: str | None) -> str:
    first = (docstring or "").partition("\n\n")[0].replace("\n", " ")
    return first.removeprefix("Return ")


def campaign_tables() -> str:
    """Return every key of a campaign, section by section."""
    from recmail.campaign.schema import campaign_schema

    schema = campaign_schema()
    text = _keys(schema)
    for name in ("audience", "variants", "schedule", "speed", "exposure", "utm", "tracking"):
        for title, section in _sections(name, schema["properties"][name]):
            text += f"\n### {title}\n\n{_keys(section)}"
    return text


def blocks_table() -> str:
    """Return all blocks of courses: what each shows, and whether it needs a model."""
    rows = []
    for name, kind in _blocks().items():
        model = "yes" if kind().needs_model else ""
        rows.append([f"[`{name}`](#block-{name})", _sentence(inspect.getdoc(kind)), model])
    return _table(["block", "shows", "needs a model"], rows)


def block_options() -> str:
    """Return the options that blocks share, then what each has besides or has by another default."""
    from recmail.campaign.schema import campaign_schema

    block = campaign_schema()["properties"]["blocks"]["items"]["anyOf"][0]["properties"]
    tables = {name: block[name]["anyOf"][0]["properties"] for name in block}
    shared = {
        key: options
        for key, options in tables["popular"].items()
        if all(key in tables[name] for name in _blocks())
    }
    shared["title"] = {**shared["title"], "default": None}
    text = _keys({"properties": shared})
    text += f"\n### variety, of a block\n\n{_keys(shared['variety'])}"
    for name in block:
        own = {key: options for key, options in tables[name].items() if options != shared.get(key)}
        required = block[name]["anyOf"][0].get("required", [])
        description = block[name]["description"]
        text += f"\n### Block {name}\n\n{description}\n\n{_keys({'properties': own, 'required': required})}"
    return text


def course_filters_table() -> str:
    """Return what is never shown."""
    from recmail import plugins

    kinds = {name: plugins.load("filters", name) for name in plugins.names("filters")}
    return _table(
        ["filter", "what it does"],
        [[f"`{name}`", _sentence(inspect.getdoc(kind))] for name, kind in kinds.items()],
    )


def _blocks() -> dict[str, Any]:
    from recmail import plugins

    kinds = {name: plugins.load("recommend.blocks", name) for name in plugins.names("recommend.blocks")}
    return {name: kind for name, kind in kinds.items() if hasattr(kind, "offer")}


def _sections(name: str, schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Return a key's own keys, and those inside them."""
    choices = [schema, schema.get("items", {}), *schema.get("anyOf", [])]
    for section in (choice for choice in choices if "properties" in choice):
        yield name, section
        for inner, nested in section["properties"].items():
            if inner != "blocks":
                yield from _sections(f"{name}.{inner}", nested)


def _keys(schema: Mapping[str, Any]) -> str:
    required = schema.get("required", [])
    rows = [
        [f"`{name}`", _kind(key), "required" if name in required else _default(key), key["description"]]
        for name, key in schema["properties"].items()
    ]
    return _table(["key", "is", "default", "meaning"], rows)


_ASKED = {
    "text": "== != in, is set",
    "list of texts": "has, is set",
    "number": "== != < <= > >= in, is set",
    "true or false": "alone, == !=, is set",
    "time": "within, over, == != < <= > >= with a day, is set",
    "day": "within last, within next, == != < <= > >= with a day, is set",
}


def people_table() -> str:
    """Return what segments ask of people, declared attributes at the end."""
    from recmail.segment.fields import of_people, people

    types = {"plan": "text", "visits": "number", "trial": "boolean", "renews": "date"}
    declared = people(types).fields
    rows = [[f"`{name}`, a {kind}", *_asked(declared[name])] for name, kind in types.items()]
    return _fields_table([*([f"`{field.name}`", *_asked(field)] for field in of_people()), *rows])


def courses_table() -> str:
    """Return what segments ask of courses."""
    from recmail.segment.fields import of_courses

    return _fields_table([[f"`{field.name}`", *_asked(field)] for field in of_courses()])


def _fields_table(rows: list[list[str]]) -> str:
    return _table(["field", "is", "may be asked", "example", "meaning"], rows)


def _asked(field: Field) -> list[str]:
    operators = "is set" if field.hidden else f"{'has, ' if field.partly else ''}{_ASKED[field.type]}"
    return [str(field.type), operators, _code(field.example), field.description]


def events_table() -> str:
    """Return what people do, and what is known of it besides the course."""
    from recmail.segment.fields import EVENTS, of_events

    rows = []
    for kind, words in EVENTS.items():
        own = of_events().get(kind)
        about = [] if own is None else [f"`{own.name}`: {own.description}, as in `{own.example}`"]
        courses = [] if kind == "searched" else ["fields of courses"]
        rows.append([f"`{kind}()`", words, "; ".join([*about, *courses])])
    return _table(["event", "the person", "in its parentheses"], rows)


def lint_rules_table() -> str:
    """Return the rules of the lint."""
    from recmail.render.lint.rule import rule_modules

    rules = [module.RULE for module in rule_modules()]
    rows = [[f"`{rule.name}`", rule.severity.value, rule.what, rule.fix] for rule in rules]
    return _table(["rule", "severity", "finds", "what to do"], rows)


def harmless_table() -> str:
    """Return which features of CSS may be lacking without a finding."""
    from recmail.render.lint.clients import HARMLESS

    rows = [
        [f"{shows}", ", ".join(_code(slug.removeprefix("css-")) for slug in slugs)]
        for shows, slugs in HARMLESS.items()
    ]
    return _table(["where it is lacking", "features"], rows)


def _mail_clients() -> str:
    from recmail.render.lint.clients import upstream

    data = upstream()
    version, day = data["api_version"], data["last_update_date"][:10]
    return f"Data: {data['source']}, API version {version}, of {day}, MIT licence."


def _kind(schema: Mapping[str, Any]) -> str:
    """Say what may stand there."""
    if "enum" in schema:
        names = [name for name in schema["enum"] if name is not None]
        return f"one of {', '.join(map(_code, names))}" if len(names) <= _SHORT else "a name"
    if "anyOf" in schema:
        kinds = [_kind(choice) for choice in schema["anyOf"] if choice != {"type": "null"}]
        return " or ".join(dict.fromkeys(kinds))
    types = schema.get("type", "anything")
    kind = types[0] if isinstance(types, list) else types
    known = {"string": "text", "boolean": "true or false", "object": "keys", "array": "a list"}
    if kind == "integer":
        low, high = schema.get("minimum"), schema.get("maximum")
        return f"a number from {low}" + ("" if high is None else f" to {high}")
    examples = ", ".join(_code(example) for example in schema.get("examples", []))
    if "propertyNames" in schema:
        return "one for each language"
    title = schema.get("title", "text") if kind == "string" else known.get(kind, kind)
    return f"{title}: {examples}" if examples and kind == "string" else title


def _default(schema: Mapping[str, Any]) -> str:
    if schema.get("default") in (None, [], {}) or isinstance(schema["default"], dict):
        return ""
    value = schema["default"]
    return _code(value if isinstance(value, str) else json.dumps(value))


def _code(text: object) -> str:
    return f"`{text}`" if text != "" else ""


def _table(columns: list[str], rows: list[list[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    cells = [[cell.replace("|", r"\|") for cell in line] for line in lines]
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


if __name__ == "__main__":
    sys.exit(main())
