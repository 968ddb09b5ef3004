"""Every file in mistakes/ is answered with the text beside it: all mistakes at once, each at its place."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from recmail.campaign import load_campaign
from recmail.campaign.explain import explain_values
from recmail.campaign.yaml import read_yaml
from recmail.errors import ConfigError
from recmail.settings.source import SourceText
from tests.campaign.projects import project

MISTAKES = Path(__file__).parent / "mistakes"
GOOD = "subject: Hello\naudience: everyone\nblocks: [popular]\n"


def answer(folder: Path, data: bytes, name: str = "spring") -> str:
    settings = project(folder)
    path = folder / "campaigns" / f"{name}.yaml"
    path.write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        load_campaign(path, settings)
    return str(caught.value)


@pytest.mark.parametrize("case", sorted(path.stem for path in MISTAKES.glob("*.yaml")))
def test_a_mistake_is_answered_as_written_down(tmp_path: Path, case: str) -> None:
    found = answer(tmp_path, (MISTAKES / f"{case}.yaml").read_bytes())
    assert found + "\n" == (MISTAKES / f"{case}.txt").read_text()


def test_no_answer_prints_a_secret() -> None:
    secrets = ("hunter2", "sk_live_abc", "AKIAABC", "SG.abc")
    for path in MISTAKES.glob("*.txt"):
        assert [secret for secret in secrets if secret in path.read_text()] == []
    assert all(any(secret in path.read_text() for path in MISTAKES.glob("*.yaml")) for secret in secrets)


def test_windows_line_ends_move_no_place(tmp_path: Path) -> None:
    data = GOOD.replace("popular", "popluar").replace("\n", "\r\n").encode()
    assert answer(tmp_path, data) == (
        "campaigns/spring.yaml:3:10: blocks[0]: unknown block 'popluar'; did you mean popular?\n"
        "    3 | blocks: [popluar]\n"
        "      |          ^"
    )
    text = "subject: x\r\naudience: |\r\n  everyone\r\n  and nobody\r\nblocks: [popular]\r\n"
    folder = tmp_path / "two"
    folder.mkdir()
    assert answer(folder, text.encode()).startswith("campaigns/spring.yaml:4:7: audience: found 'nobody'")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"subject: Caf\xe9\n", "campaigns/spring.yaml:1:13: is not UTF-8 text; save it as UTF-8"),
        (GOOD.encode("utf-16"), "campaigns/spring.yaml:1:1: is not UTF-8 text; save it as UTF-8"),
        (b"#" * 1_000_001, "campaigns/spring.yaml: is larger than 1 MB; is it the right file?"),
        (
            b"[" * 500,
            f"campaigns/spring.yaml:1:21: is nested too deeply\n    1 | {'[' * 159}…\n      | {' ' * 20}^",
        ),
        (
            b"subject: a\x00b",
            "campaigns/spring.yaml:1:11: the character U+0000 may not stand in a YAML file; remove it\n"
            "    1 | subject: a·b\n      |           ^",
        ),
    ],
)
def test_a_file_that_is_no_campaign_at_all_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    assert answer(tmp_path, data) == message


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    settings = project(tmp_path)
    with pytest.raises(ConfigError, match=r"campaigns/spring.yaml: cannot be read: No such file"):
        load_campaign(tmp_path / "campaigns" / "spring.yaml", settings)


@pytest.mark.parametrize("name", ["spring sale", "frühling", "a.b", "x" * 101])
def test_a_name_that_cannot_be_typed_everywhere_is_refused(tmp_path: Path, name: str) -> None:
    assert "use letters, digits, - and _" in answer(tmp_path, GOOD.encode(), name)


@pytest.mark.parametrize(
    "line", ["{{ " + "(" * 900 + "1" + ")" * 900 + " }}", "{% for a in courses %}" * 21 + "{% endfor %}" * 21]
)
def test_deep_templates_are_refused_before_they_are_compiled_for_people(tmp_path: Path, line: str) -> None:
    found = answer(tmp_path, GOOD.replace("Hello", f'"{line}"').encode())
    assert found.startswith("campaigns/spring.yaml:1:")
    assert "subject: too long or too deeply nested" in found


def test_a_subject_as_long_as_a_letter_is_refused(tmp_path: Path) -> None:
    text = GOOD.replace("Hello", "x" * 2001)
    found = answer(tmp_path, text.encode())
    assert found.splitlines()[0] == "campaigns/spring.yaml:1:10: subject: has 2,001 characters; at most 2,000"


class Foreign(BaseModel):
    """Options as another package might write them."""

    model_config = ConfigDict(extra="forbid", strict=True)

    mood: Literal["calm", "loud"] = "calm"
    weight: float = 1.0
    near: list[int] = []


def test_options_of_other_packages_are_explained_too() -> None:
    document = read_yaml(SourceText("c.yaml", "mood: wild\nweight: much\nnear: [1, x]\nwieght: 3\n"))
    with pytest.raises(ValidationError) as caught:
        Foreign.model_validate(document.data)
    found = sorted(explain_values(document, caught.value, Foreign))
    assert [str(problem).splitlines()[0] for problem in found] == [
        "c.yaml:1:7: mood: found 'wild'; input should be 'calm' or 'loud'",
        "c.yaml:2:9: weight: found 'much'; expected a number",
        "c.yaml:3:11: near[1]: found 'x'; expected a whole number",
        "c.yaml:4:1: wieght: unknown key; did you mean weight?",
    ]
