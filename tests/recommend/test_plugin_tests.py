"""No plug-in without a test file, so that none goes without the shared checks of its kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from recmail import plugins
from tests.contracts import PLUGIN_PACKAGES

TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("package", PLUGIN_PACKAGES)
def test_every_plugin_has_a_test_file(package: str) -> None:
    folder = TESTS.joinpath(*package.split("."))
    names = plugins.names(package)
    assert names
    assert [name for name in names if not (folder / f"test_{name}.py").is_file()] == []


@pytest.mark.parametrize("package", PLUGIN_PACKAGES)
def test_every_plugins_test_inherits_the_shared_checks(package: str) -> None:
    folder = TESTS.joinpath(*package.split("."))
    for name in plugins.names(package):
        text = (folder / f"test_{name}.py").read_text(encoding="utf-8")
        assert f"class Test{plugins.class_name(name)}(" in text, name
        assert "Contract)" in text, name
