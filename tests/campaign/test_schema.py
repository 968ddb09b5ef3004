"""Editors accept every campaign that `check` accepts, and refuse keys and values that it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from check_jsonschema import main as check_jsonschema
from click.testing import CliRunner
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from recmail import plugins
from recmail.campaign import parse_campaign
from recmail.campaign.blocks import PACKAGE
from recmail.campaign.schema import FILE, campaign_schema, is_stale, write_schema
from recmail.campaign.yaml import read_yaml
from recmail.errors import ConfigError
from recmail.settings import load_settings
from recmail.settings.source import SourceText
from tests.campaign.projects import TOML, project
from tests.campaign.test_mistakes import MISTAKES
from tests.campaign.test_reading import FULL, MINIMAL, SHIPPED

SCHEMA = campaign_schema()
VALIDATOR = Draft7Validator(SCHEMA)


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(check_jsonschema, [str(argument) for argument in arguments])
    return result.exit_code, result.output


def test_the_schema_is_one(tmp_path: Path) -> None:
    write_schema(tmp_path, project(tmp_path))
    assert run("--check-metaschema", tmp_path / FILE) == (0, "ok -- validation done\n")


def test_shipped_and_full_campaigns_are_accepted(tmp_path: Path) -> None:
    schema = write_schema(tmp_path, project(tmp_path))
    files = [tmp_path / "full.yaml", tmp_path / "minimal.yaml"]
    for file, text in zip(files, (FULL, MINIMAL), strict=True):
        file.write_text(text)
    assert run("--schemafile", schema, *SHIPPED, *files) == (0, "ok -- validation done\n")


def test_shipped_campaigns_name_their_schema() -> None:
    for path in SHIPPED:
        assert path.read_text().startswith(f"# yaml-language-server: $schema=../{FILE}\n")


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("subject:", "subjct:"),
        ("show: 4", "shwo: 4"),
        ("show: 4", "show: many"),
        ("show: 4", "show: 21"),
        ("scorer: auto", "scorer: svdd"),
        ("per_category: 2", "per_categry: 2"),
        ("not_again_within: 30d", "not_again_within: a month"),
        ("fallback: [popular_in_your_category", "fallback: [popluar"),
        ("- staff_picks:", "- staff_pics:"),
        ("topic: course-tips", "topic: course-tip"),
        ("provider: files", "provider: fils"),
        ("control_group: 5%", "control_group: 500%"),
        ("control_group: 5%", "control_group: 100%"),
        ("at_most: 120000", "at_most: 120k"),
        ("share: 50%, subject", "share: 50%, audience: x, subject"),
        ("every tuesday 09:00 ", "tuesdays "),
        ("until: 2027-03-31", "until: 31.3.2027"),
        ("36h before", "36h"),
        ("approval: every time", "approval: never"),
        ("5000 per hour", "fast"),
        ("bounces: 4%", "bounces: 4"),
        ("respect_seats: true", "respect_seats: sometimes"),
        ("medium: email", "meduim: email"),
    ],
)
def test_editors_refuse_what_check_refuses(tmp_path: Path, was: str, becomes: str) -> None:
    settings = project(tmp_path)
    assert was in FULL
    text = FULL.replace(was, becomes, 1)
    with pytest.raises(ConfigError):
        parse_campaign(SourceText("c.yaml", text), "c", settings)
    validator = Draft7Validator(campaign_schema(settings))
    assert not validator.is_valid(read_yaml(SourceText("c.yaml", text)).data)


def test_every_block_is_known_with_its_options_and_their_descriptions() -> None:
    blocks = SCHEMA["properties"]["blocks"]["items"]["anyOf"][0]["properties"]
    assert set(blocks) == set(plugins.names(PACKAGE))
    for name in plugins.names(PACKAGE):
        options, scalar, *_ = blocks[name]["anyOf"]
        kind: Any = plugins.load(PACKAGE, name)
        assert set(options["properties"]) == set(kind.model_fields)
        assert all(option["description"] for option in options["properties"].values())
        assert scalar == options["properties"][kind.scalar]


def test_a_project_offers_its_own_topics_and_providers(tmp_path: Path) -> None:
    (tmp_path / "recmail.toml").write_text(TOML + 'news = "News"\n[provider.relay]\ntype = "smtp"\n')
    settings = load_settings(tmp_path)
    properties = campaign_schema(settings)["properties"]
    assert properties["topic"]["enum"] == ["course-tips", "news"]
    assert properties["provider"]["enum"] == ["files", "relay", None]
    assert not is_stale(tmp_path, settings)  # there is none
    write_schema(tmp_path, settings)
    assert not is_stale(tmp_path, settings)
    (tmp_path / "recmail.toml").write_text(TOML)
    assert is_stale(tmp_path, load_settings(tmp_path))


def test_every_key_is_described() -> None:
    waiting: list[tuple[str, Any]] = [("", SCHEMA)]
    while waiting:
        path, schema = waiting.pop()
        for name, inner in schema.get("properties", {}).items():
            assert inner.get("description"), f"{path}.{name}"
            waiting.append((f"{path}.{name}", inner))
        for choice in [*schema.get("anyOf", []), schema.get("items")]:
            if isinstance(choice, dict):
                waiting.append((path, choice))


# Campaigns of which many are right: what check accepts, the schema has to accept.
def _mostly(*right: object, wrong: object) -> st.SearchStrategy[Any]:
    return st.sampled_from([*right] * 8 + [wrong])


_TEXT = _mostly("Hello", "x", "50 %", "éè", wrong=" ")
_TIME = _mostly("3h", "30d", "1w", "45m", wrong="3 hours")
_SHARE = _mostly("5%", "0%", "100 %", "0.25%", wrong="101%")
_WHEN = _mostly(
    *("every day 09:00", "every weekday 00:00", "2026-12-01 09:00", "0 9  LW * *", "0 9 * jan-jun TUE#2"),
    wrong="every tuesday 9:00",
)
_APPROVAL = _mostly(
    "every time", "once, while people change by at most 5% and checks stay clean", wrong="never"
)
_ZONE = _mostly("Asia/Kolkata", "UTC", wrong="Mars")
_MAILBOX = _mostly("a@b.example", "Acme <a@b.example>", '"A, B" <a@b.example>', wrong="Acme")
_COUNT = _mostly(1, 2, 3, 20, wrong=21)


def _some(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    nothing = {name: st.none() | values for name, values in optional.items()}
    return st.fixed_dictionaries(required, optional=nothing)


_VARIETY = st.fixed_dictionaries({}, optional={"per_category": st.none() | _COUNT, "new_releases": _COUNT})
_OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "title": st.none() | _TEXT,
        "show": _COUNT,
        "at_least": _COUNT,
        "variety": _VARIETY,
        "not_again_within": st.none() | _TIME,
        "fallback": st.lists(_mostly("popular", "staff_picks", wrong="text"), max_size=2),
    },
)
_BLOCK = (
    _mostly("popular", "top_picks", "staff_picks", wrong="text")
    | st.fixed_dictionaries({"popular": _OPTIONS | _COUNT | st.none()})
    | st.fixed_dictionaries({"top_picks": _OPTIONS | _COUNT})
    | st.fixed_dictionaries({"text": _TEXT | st.fixed_dictionaries({"text": _TEXT})})
    | st.fixed_dictionaries({"trending_now": st.none() | _COUNT | _OPTIONS})
)
_BLOCKS = st.lists(_BLOCK, min_size=1, max_size=3)
_AUDIENCE = _mostly("everyone", "last_seen within 30d", wrong="nobody")
_VARIANT = _some({"name": _TEXT, "share": _SHARE}, {"subject": _TEXT, "from": _MAILBOX, "template": _TEXT})
_SCHEDULE = _some(
    {"when": _WHEN},
    {
        "timezone": _ZONE | st.just("recipient"),
        "unknown_timezone": _ZONE,
        "until": _mostly("2027-03-31", wrong="2027-02-30"),
        "prepare": _mostly("36h before", wrong="36h"),
        "approval": _APPROVAL,
        "if_late": _TIME,
    },
)
_RATE = _mostly("5000 per hour", "1 per second", wrong="fast")
CAMPAIGNS = _some(
    {
        "subject": _TEXT,
        "audience": _AUDIENCE | _some({"who": _AUDIENCE}, {"control_group": _SHARE, "at_most": _COUNT}),
        "blocks": _BLOCKS,
    },
    {
        "description": _TEXT,
        "from": _MAILBOX,
        "reply_to": _MAILBOX,
        "preheader": _TEXT,
        "schedule": _WHEN | _SCHEDULE,
        "speed": _RATE | _some({}, {"at_most": _RATE, "pause_if": _some({}, {"bounces": _SHARE})}),
        "exposure": _some({}, {"max_share_per_course": _SHARE}),
        "utm": st.fixed_dictionaries({}, optional={"source": _TEXT, "medium": _TEXT}),
        "tracking": st.fixed_dictionaries({}, optional={"clicks": st.booleans(), "opens": st.booleans()}),
    },
)
_TWO_HALVES = st.just([{"name": "a", "share": "50%"}, {"name": "b", "share": "50%"}])


def is_accepted(data: dict[str, Any]) -> bool:
    """Whether `check` takes a campaign; JSON is YAML."""
    from recmail.campaign import parse_frozen

    try:
        parse_frozen(json.dumps(data), "spring")
    except ConfigError:
        return False
    return True


@given(campaign=CAMPAIGNS, variants=st.none() | _TWO_HALVES | st.lists(_VARIANT, max_size=2))
@settings(deadline=None, max_examples=100)
def test_editors_accept_every_campaign_that_check_accepts(campaign: dict[str, Any], variants: Any) -> None:
    data = campaign if variants is None else {**campaign, "variants": variants}
    if is_accepted(data):
        assert list(VALIDATOR.iter_errors(data)) == []


@given(campaign=CAMPAIGNS, data=st.data())
@settings(deadline=None, max_examples=100)
def test_both_refuse_an_unknown_key_wherever_it_stands(campaign: dict[str, Any], data: st.DataObject) -> None:
    assume(is_accepted(campaign))
    data.draw(st.sampled_from(_mappings(campaign)))["unknwon"] = "x"
    assert not is_accepted(campaign)
    assert not VALIDATOR.is_valid(campaign)


def _mappings(value: Any, inside: str = "") -> list[dict[str, Any]]:
    """Every mapping in a campaign whose keys are fixed: not the options of a block that is not built."""
    if isinstance(value, list):
        return [found for item in value for found in _mappings(item)]
    if not isinstance(value, dict):
        return []
    return [
        value,
        *(found for key, inner in value.items() if key != "trending_now" for found in _mappings(inner)),
    ]


def test_only_languages_of_their_own_and_sums_are_left_to_check(tmp_path: Path) -> None:
    """The mistakes of mistakes/ that an editor lets pass are in segments, Jinja and shares."""
    validator = Draft7Validator(campaign_schema(project(tmp_path)))
    passed = set()
    for path in MISTAKES.glob("*.yaml"):
        try:
            document = read_yaml(SourceText(path.name, path.read_bytes().decode("utf-8-sig")))
        except ConfigError:
            continue
        if not document.problems and validator.is_valid(document.data):
            answer = path.with_suffix(".txt").read_text()
            passed |= {key.rpartition(".")[2] for key in re.findall(r"^\S+:\d+:\d+: (\S+): ", answer, re.M)}
    assert passed
    assert passed <= {"audience", "who", "where", "subject", "preheader", "variants"}
