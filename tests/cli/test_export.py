"""What the CRM gets is CSV or JSON that adds up, whole or not at all."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from tests.cli.conftest import AT, read_json, recmail

HEADER = "user_id,email,topic,at,channel,reason"


def test_everybody_who_may_not_be_mailed_any_more_is_exported(project: Path) -> None:
    result = recmail("export", "unsubscribes", "--now", AT, project=project)
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    with (project / "data" / "users.csv").open(encoding="utf-8", newline="") as file:
        said_no = {row["user_id"] for row in csv.DictReader(file) if row["email_consent"] == "no"}
    assert said_no <= {row["user_id"] for row in rows}
    assert {row["reason"] for row in rows} >= {"opted_out", "hard_bounce", "complaint"}
    assert result.stderr == f"{len(rows)} unsubscribed\n"
    as_json = read_json(recmail("export", "unsubscribes", "--now", AT, "--json", project=project))
    assert [{**row, "email": row["email"] or ""} for row in as_json["unsubscribes"]] == rows


def test_without_anybody_there_is_the_header_and_a_word(project: Path) -> None:
    result = recmail("export", "unsubscribes", "--since", "2027-01-01", project=project)
    assert result.stdout == f"{HEADER}\n"
    assert result.stderr == "nobody unsubscribed since 2027-01-01 00:00 UTC\n"
    none = recmail("export", "unsubscribes", "--since", "2027-01-01", "--json", project=project)
    assert read_json(none)["unsubscribes"] == []


def test_a_file_is_written_whole(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    result = recmail("export", "unsubscribes", "--out", out, "--now", AT, project=project)
    assert (result.stdout, str(out) in result.stderr) == ("", True)
    assert out.read_text("utf-8") == recmail("export", "unsubscribes", "--now", AT, project=project).stdout
    recmail("export", "unsubscribes", "--out", out, "--json", "--now", AT, project=project)
    assert json.loads(out.read_text("utf-8"))["schema_version"] == 1
    assert [path.name for path in tmp_path.iterdir() if "out.csv" in path.name] == ["out.csv"]


def test_what_cannot_be_done_is_said(project: Path, tmp_path: Path) -> None:
    nowhere = tmp_path / "no such folder" / "out.csv"
    failed = recmail("export", "unsubscribes", "--out", nowhere, project=project, code=1)
    assert "no such file or directory" in failed.stderr
    wrong = recmail("export", "unsubscribes", "--since", "yesterday", project=project, code=2)
    assert "expected a time such as" in wrong.stderr
