"""`recmail train` and `recmail models` as somebody types them: train, compare, use, go back."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import AT, read_json, recmail


def test_train_compare_use_and_go_back(project: Path) -> None:
    (first,) = read_json(recmail("models", "--json", project=project))["models"]
    assert (first["state"], first["auto"]) == ("promoted", first["model"].split("-")[-1])
    trained = recmail("train", "--only", "svd", "--now", AT, "--json", project=project)
    second = read_json(trained)
    assert not second["promoted"]
    assert f"campaigns stay with {first['model']}: svd against " in second["verdict"]

    listed = recmail("models", project=project)
    assert [line.split()[0] for line in listed.stdout.splitlines()[1:]] == [second["model"], first["model"]]

    used = recmail("models", "use", second["model"], project=project)
    assert used.stdout == f"campaigns use {second['model']} from the next plan on\n"
    assert f"the way back: recmail models use {first['model']}" in used.stderr
    plan = read_json(recmail("plan", "weekly-picks", "--now", AT, "--dry-run", "--json", project=project))
    assert plan
    back = read_json(recmail("models", "use", first["model"], "--json", project=project))
    assert back["before"] == second["model"]


def test_a_model_that_is_not_there_is_refused_with_those_that_are(project: Path) -> None:
    result = recmail("models", "use", "1999", project=project, code=1)
    assert "there is no model 1999; the newest are: 2026" in result.stderr


def test_the_report_is_one_page(project: Path, tmp_path: Path) -> None:
    arguments = ("train", "--only", "item_knn", "--now", AT, "--report", tmp_path / "report")
    result = recmail(*arguments, project=project)
    assert "nDCG@10" in result.stdout
    assert f"report: {tmp_path / 'report' / 'index.html'}" in result.stderr.replace("\n", "")
    assert [path.name for path in (tmp_path / "report").iterdir()] == ["index.html"]
    assert read_json(recmail(*arguments, "--json", project=project))["report"].endswith("index.html")


def test_an_unknown_scorer_is_named(project: Path) -> None:
    assert "did you mean ease?" in recmail("train", "--only", "eaze", project=project, code=3).stderr
    failed = recmail("train", "--only", "trending", "--json", project=project, code=1)
    assert "ranks alike for everybody" in json.loads(failed.stdout)["error"]["message"]


def test_without_a_model_says_how_to_get_one(tmp_path: Path) -> None:
    recmail("init", tmp_path / "empty", "--demo", "--users", 50, "--now", AT)
    assert "recmail train" in recmail("models", project=tmp_path / "empty").stderr
