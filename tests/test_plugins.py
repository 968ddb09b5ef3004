"""A name becomes a class by its file or by another package's entry point; an unknown one is suggested."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from recmail import plugins
from recmail.errors import ConfigError

GROUP = "recmail.recommend.blocks"


@pytest.fixture
def other_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installed package that brings a block, one that does not import, and one that is no class."""
    (tmp_path / "acme_blocks.py").write_text("class Quiz:\n    pass\n\nnothing = 3\n")
    info = tmp_path / "acme_blocks-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-blocks\nVersion: 1.0\n")
    points = "quiz = acme_blocks:Quiz\nbroken = acme_blocks:Gone\nnothing = acme_blocks:nothing\n"
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{points}popular = acme_blocks:Quiz\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "acme_blocks", raising=False)
    plugins._entry_points.cache_clear()
    yield
    plugins._entry_points.cache_clear()


def test_the_class_of_a_file_is_its_name_in_capitals() -> None:
    assert plugins.class_name("because_you_took") == "BecauseYouTook"
    assert plugins.class_name("svd") == "Svd"


def test_another_package_adds_a_plugin_by_entry_point(other_package: None) -> None:
    assert plugins.load("recommend.blocks", "quiz").__name__ == "Quiz"
    assert "quiz" in plugins.names("recommend.blocks")


def test_a_file_of_ours_wins_over_an_entry_point_of_its_name(other_package: None) -> None:
    assert plugins.load("recommend.blocks", "popular").__name__ == "Popular"


def test_files_that_hold_no_class_of_their_name_are_no_plugins() -> None:
    names = plugins.names("recommend.blocks")
    assert {"top_picks", "popular"} <= set(names)
    assert names == sorted(names)
    assert "svd" in plugins.names("recommend")
    assert "models" not in plugins.names("recommend")


def test_looking_for_scorers_imports_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "recmail.recommend.svd", raising=False)
    plugins.names("recommend")
    assert "recmail.recommend.svd" not in sys.modules


def test_an_unknown_name_is_answered_with_the_nearest_or_with_all(other_package: None) -> None:
    with pytest.raises(
        ConfigError, match=r"recmail.recommend.blocks: there is no 'quizz'; did you mean quiz\?"
    ):
        plugins.load("recommend.blocks", "quizz")
    with pytest.raises(ConfigError, match=r"there is no 'zzz'; there are: .*popular.*quiz"):
        plugins.load("recommend.blocks", "zzz")


@pytest.mark.parametrize("name", ["", "../../errors", "os", "__init__", "blocks.popular", "Popular"])
def test_a_name_from_a_campaign_never_imports_something_else(name: str) -> None:
    with pytest.raises(ConfigError, match="there is no"):
        plugins.load("recommend.blocks", name)


def test_a_broken_entry_point_names_what_it_points_to(other_package: None) -> None:
    with pytest.raises(ConfigError, match="'broken' cannot be loaded from acme_blocks:Gone"):
        plugins.load("recommend.blocks", "broken")
    with pytest.raises(ConfigError, match="'nothing' is not a class"):
        plugins.load("recommend.blocks", "nothing")
