"""The documentation says what the code does: its tables are renewed, its campaigns can be read."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from recmail.campaign import parse_campaign
from recmail.settings.source import SourceText
from tests.campaign.projects import project
from tests.render.contexts import SETS

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(DOCS.glob("*.md"))


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_generated_parts_are_as_the_code_has_them(page: Path, generate: ModuleType) -> None:
    text = page.read_text("utf-8")
    assert generate.renewed(text) == text, "run: make docs"


def test_the_reference_is_generated() -> None:
    text = (DOCS / "campaigns.md").read_text("utf-8")
    assert "| `control_group` |" in text
    assert "| `courses[].title` |" in (DOCS / "templates.md").read_text("utf-8")


@pytest.mark.parametrize("template", SETS)
def test_every_set_of_templates_is_described_and_has_a_picture(template: str) -> None:
    assert f"| `{template}` |" in (DOCS / "templates.md").read_text("utf-8")
    assert 20_000 < (DOCS / f"{template}.png").stat().st_size < 200_000


def test_every_campaign_in_the_documentation_can_be_read(tmp_path: Path) -> None:
    settings = project(tmp_path)
    campaigns = [
        text
        for page in PAGES
        for text in re.findall("^```yaml\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    ]
    assert len(campaigns) >= 2
    for text in campaigns:
        assert parse_campaign(SourceText("docs.yaml", text), "docs", settings).blocks
