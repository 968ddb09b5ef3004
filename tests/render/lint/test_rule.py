"""Every rule is one file that says what it is, with one test file."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from recmail.render.lint import rules
from recmail.render.lint.rule import rule_modules

MODULES = rule_modules()
NAMES = [module.__name__.rpartition(".")[2] for module in MODULES]
HOOKS = {"of_templates", "of_written_styles", "of_style", "of_tag", "of_words", "of_message"}


@pytest.mark.parametrize("module", MODULES, ids=NAMES)
def test_a_rule_is_called_as_its_file_and_looks_somewhere(module: ModuleType) -> None:
    name = module.__name__.rpartition(".")[2]
    assert module.RULE.name == name.replace("_", "-")
    assert module.RULE.what
    assert module.RULE.fix
    looks = {one for one in vars(module) if one.startswith("of_")}
    assert looks
    assert looks <= HOOKS
    assert (Path(__file__).parent / "rules" / f"test_{name}.py").exists()


def test_the_folder_says_where_rules_look() -> None:
    assert rules.__doc__
    assert all(f"| {hook}(" in rules.__doc__ for hook in HOOKS)
