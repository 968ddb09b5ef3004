"""Events out of files: recmail's own lines and a provider's, rejected ones listed and mended."""

from __future__ import annotations

import csv
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from recmail.deliver.esp import Provider
from recmail.errors import DataError
from recmail.feedback.recording import Counts
from recmail.feedback.saved_events import Reading, SavedEvents, import_events
from tests.feedback.postcards import Postcards
from tests.feedback.sent import KEY, people, sent_run, state, suppressed


def read(
    database: sa.Engine, file: Path, now: datetime, *, provider: bool = False, dry_run: bool = False
) -> SavedEvents:
    cards = Provider("cards", Postcards()) if provider else None
    return import_events(database, file, Reading(cards, KEY, now, dry_run, file.parent))


def own(number: int, now: datetime, **more: Any) -> str:
    line = {"kind": "delivered", "at": now.isoformat(), "provider_id": f"1-{number}", "provider": "relay"}
    return json.dumps(line | more)


def test_lines_of_both_kinds_twice(database: sa.Engine, now: datetime, tmp_path: Path) -> None:
    people(database, now, 3)
    sent_run(database, 1, now, people=range(3))
    cards = [{"id": "7", "what": "came back", "when": now.isoformat(), "card": "1-2", "why": "moved"}]
    lines = [
        "\ufeff" + own(0, now),
        own(1, now, kind="bounced", dead=True, key="b-1"),
        "",
        own(1, now, kind="bounced", dead=True, key="b-1"),
        json.dumps({"postcards": cards}),
    ]
    file = tmp_path / "saved.ndjson"
    file.write_text("\n".join(lines), encoding="utf-8")
    before = state(database)
    tried = read(database, file, now, provider=True, dry_run=True)
    assert (tried.lines, tried.counts, tried.rejected) == (4, Counts(new=3), 0)
    assert state(database) == before
    assert read(database, file, now, provider=True).counts == Counts(new=3, suppressed=2)
    assert suppressed(database) == {1: "hard_bounce", 2: "hard_bounce"}
    once = state(database)
    assert read(database, file, now + timedelta(days=1), provider=True).counts == Counts(known=3)
    assert state(database) == once


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_rejected_lines_are_listed_and_can_be_mended(
    database: sa.Engine, now: datetime, tmp_path: Path
) -> None:
    people(database, now, 2)
    sent_run(database, 1, now, people=[0, 1])
    file = tmp_path / "saved.ndjson"
    lines = [
        b"{",
        own(0, now, kind="deliverd", at="yesterday", stauts="5.1.1", dead="yes").encode(),
        json.dumps({"kind": "opened", "at": "2031-01-01T00:00Z"}).encode(),
        json.dumps({"RecordType": "Delivery"}).encode(),
        own(0, now).encode() + b"\xff",
        own(1, now).encode(),
    ]
    file.write_bytes(b"\n".join(lines))
    found = read(database, file, now)
    assert (found.lines, found.rejected, found.counts) == (6, 5, Counts(new=1))
    assert set(found.rejects) == {
        "no JSON; expected one event a line, as `jq -c . FILE` writes them",
        "stauts: unknown key; did you mean status?; dead: expected true or false; "
        "kind: unknown; did you mean delivered?; at: expected a time such as 2026-11-02T09:00:00Z",
        "at: is in the future; message_id and provider_id are missing; expected one of them",
        "no event of recmail's, which has kind and at; for a provider's own name it by --provider",
        "not UTF-8",
    }
    assert found.rejects_file == tmp_path / "saved.ndjson.rejects.csv"
    with found.rejects_file.open(encoding="utf-8", newline="") as table:
        rejected = list(csv.DictReader(table))
    assert [row["reject_line"] for row in rejected] == ["1", "2", "3", "4", "5"]
    mended = tmp_path / "mended.rejects.csv"
    with mended.open("w", encoding="utf-8", newline="") as table:
        writer = csv.DictWriter(table, rejected[0])
        writer.writeheader()
        writer.writerow(rejected[1] | {"event": own(0, now)})
    assert read(database, mended, now).counts == Counts(new=1)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_file_that_is_not_there_is_said(database: sa.Engine, now: datetime, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.ndjson: no such file"):
        read(database, tmp_path / "gone.ndjson", now)
