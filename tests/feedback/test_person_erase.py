"""Somebody who was erased is nowhere: not in a table, a file, or the database's bytes; and stays away."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.tables import (
    consent,
    events,
    interactions,
    ledger,
    ledger_context,
    ledger_events,
    suppressions,
)
from recmail.errors import DataError
from recmail.feedback.accesses import read_accesses
from recmail.feedback.erasing import take_away_what_came_later
from recmail.feedback.person_erase import Erasure, erase, find_person, rehearse
from recmail.feedback.person_export import export_document
from recmail.feedback.person_known import read_known
from recmail.feedback.receipt import Receipt
from recmail.feedback.recording import Returned, match_again, record
from recmail.history.importing_target import Counts
from recmail.records import Event, EventKind
from recmail.runs.project import Project
from recmail.tokens import email_hash, email_key
from tests.conftest import NOW
from tests.feedback.lives import ADDRESS, COOKIE, FIRST, ID, LAST, NAMES, bring, everything, make_life, people

GONE = {
    "interactions": 1,
    "searches": 1,
    "clusters": 1,
    "printed contexts": 3,
    "errors of messages": 1,
    "what happened to messages": 1,
    "what came back": 2,
    "wishes how often": 1,
    "proofs of consent": 1,
    "events that wait": 3,
    "other ids": 1,
    "rejected rows": 2,
    "emails in Maildirs": 1,
    "previews": 1,
    "exported files": 1,
}


@pytest.fixture
def life(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A project in which everything is known about one person."""
    made = make_life(tmp_path, database_url, monkeypatch)
    yield made
    made.engine.dispose()


def person(life: Project, who: str = ID) -> Erasure:
    return find_person(life.engine, life.settings, who)


def erased(life: Project, who: str = ID) -> Receipt:
    return erase(life.engine, life.settings, person(life, who), who="me", now=NOW, compact=False)


def counted(receipt: Receipt) -> dict[str, int]:
    return {one.what: one.count for one in receipt.gone}


def bytes_left(folder: Path) -> list[tuple[str, str]]:
    """Files below a folder that hold one of her names, with the name."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [(path.name, name) for path in files for name in NAMES if name.encode() in path.read_bytes()]


def test_nothing_names_them_afterwards(life: Project, tmp_path: Path) -> None:
    before = everything(life.engine)
    assert all(name in before for name in NAMES if "before" not in name and "Goose" not in name)
    if life.engine.dialect.name == "sqlite":  # of rows that changed: why the file is written anew
        assert {"Goosefeather", "ana.before@example.net"} <= {name for _, name in bytes_left(tmp_path)}
    rehearsed = rehearse(life.engine, life.settings, person(life))
    assert (counted(rehearsed), rehearsed.dry_run, everything(life.engine)) == (GONE, True, before)
    assert bytes_left(life.folder / "preview")
    receipt = erased(life)
    assert counted(receipt) == GONE | {"what came back of nobody known": 3}
    after = everything(life.engine)
    assert [name for name in NAMES if name.lower() in after.lower()] == []
    life.engine.dispose()
    assert bytes_left(tmp_path) == []


def test_what_an_erasure_takes_an_export_has(life: Project) -> None:
    with reading(life.engine) as connection:
        known = read_known(connection, 0, now=NOW)
    document = export_document(known, company="Acme", now=NOW)
    told = {str(sorted(one)) for one in document["returned"]}
    assert len(document["returned"]) == len(told) == 3  # with a stray that names only her address
    text = str(document)
    said = ("is full", f"who={ID}", "picks", "Course 0", COOKIE, "wants at most 1 email in 7 days", FIRST)
    assert [words for words in said if words not in text] == []
    assert document["guide"].keys() <= document.keys()


def test_of_others_nothing_goes(life: Project) -> None:
    erased(life)
    with reading(life.engine) as connection:
        of_bo = sa.select(ledger_context.c.context).where(ledger_context.c.user_no == 1)
        assert all(connection.scalars(of_bo))
        assert len(connection.scalars(sa.select(interactions.c.user_no)).all()) == 1
        names = connection.execute(sa.select(events.c.message_id, events.c.provider_id)).all()
        raw = connection.scalars(sa.select(events.c.raw).order_by(events.c.event_no)).all()
        kept = connection.scalars(sa.select(events.c.kind).where(events.c.user_no == 0)).all()
    assert raw == ["{}", "{}", '{"to": "bo@example.org"}', "{}", "{}", "{}"]
    assert sorted(kept) == ["bounced", "clicked"]  # for the figures
    assert {"m@else.example", "else"} <= {*itertools.chain(*names)}  # a stray may still find its message
    rejects = (life.folder / "users.csv.crm.rejects.csv").read_text("utf-8")
    assert rejects.replace("\r", "").splitlines()[1:] == ["4,bad,bo,,Bo"]
    assert [path.name for path in (life.folder / "outbox" / "new").iterdir()] == ["Bo@acme.example"]


def test_what_stays_has_no_name_and_who_waits_is_left_out(life: Project) -> None:
    receipt = erased(life)
    assert (receipt.waiting, receipt.leaving) == (1, 0)
    columns = ledger.c.state, ledger.c.reason, ledger.c.row_hash
    with reading(life.engine) as connection:
        query = sa.select(*columns).where(ledger.c.user_no == 0).order_by(ledger.c.run_no)
        rows = [tuple(row) for row in connection.execute(query)]
        details = connection.scalars(
            sa.select(ledger_events.c.detail).order_by(ledger_events.c.event_no)
        ).all()
    assert rows == [
        ("sent", None, "hash 1"),
        ("skipped", "erased", "hash 2"),
        ("failed", "refused_recipient", "hash 3"),
    ]
    assert details == ["refused_recipient", "erased"]
    hashed = email_hash(life.settings.address_key, email_key(ADDRESS) or "")
    with reading(life.engine) as connection:
        found = connection.execute(sa.select(suppressions.c.email_hash, suppressions.c.reason)).all()
        said = connection.execute(sa.select(consent.c.granted, consent.c.proof).where(consent.c.user_no == 0))
        assert {(row.granted, row.proof) for row in said} == {(True, None)}
        looked = read_accesses(connection, user_no=0, at_most=10)
    assert found == [(hashed, "erased")]
    assert [one.action for one in looked] == ["user erase", "preview", "user export"]
    assert all(one.user_id and one.user_id.startswith("erased:") and not one.detail for one in looked)


def test_no_import_brings_them_back(life: Project) -> None:
    erased(life)
    again = bring(life, "users", people()).counts
    assert (again.erased, again.added, again.changed, again.unchanged) == (1, 0, 0, 1)
    new = bring(life, "users", people() + "new,new@example.org,N,N,yes,form\n").counts
    assert (new.erased, new.added) == (1, 1)
    renamed = bring(life, "users", people(user_id="ana-0815")).counts
    assert (renamed.erased, renamed.added) == (1, 0)
    did = "user_id,other_id,kind,at,course_id\n"
    rows = [
        f"{ID},,viewed,2026-11-02,c0",
        f",{COOKIE},viewed,2026-11-02,c0",
        "ana-0815,,viewed,2026-11-02,c0",
    ]
    events = bring(life, "interactions", did + "\n".join([*rows, "bo,,viewed,2026-11-02,c0"]), source="web")
    assert events.counts == Counts(added=1, erased=3)
    bad = f"user_id,email,signed_up_at\n{ID},,never\n,{ADDRESS},never\nbo,,never\n"
    listed = bring(life, "users", bad, consent_basis="told").rejects_file
    rows = [line.split(",", 2)[2] for line in listed.read_text("utf-8").replace('"', "").splitlines()]
    assert [row.rsplit(",", 3)[-3:] for row in rows[1:]] == [["", "", ""], ["", "", ""], ["bo", "", "never"]]
    after = everything(life.engine)
    assert [name for name in (*NAMES, "ana-0815") if name.lower() in after.lower()] == []


def test_the_command_may_be_repeated_and_takes_what_came_in_meanwhile(life: Project) -> None:
    erased(life)
    for who in (ID, ADDRESS.upper()):
        receipt = erased(life, who)
        assert (receipt.user_no, receipt.user_id, list(receipt.gone)) == (0, "", [])
    with pytest.raises(DataError, match="there is no user 'ana-4712'"):
        person(life, "ana-4712")

    late = {"event_key": "late", "user_no": 0, "course_no": 0, "kind": "viewed", "at": NOW, "source": "web"}
    with writing(life.engine) as connection:
        connection.execute(interactions.insert(), late)
    take_away_what_came_later(life.engine)
    with reading(life.engine) as connection:
        assert connection.scalars(sa.select(interactions.c.user_no)).all() == [1]


def test_what_comes_back_of_them_later_is_kept_without_a_word(life: Project) -> None:
    now, key = NOW + timedelta(hours=1), life.settings.address_key
    dead = Event("before", EventKind.BOUNCED, now, provider_id="slow", raw=f"Dear {LAST}", dead=True)
    record(life.engine, "ses", [Returned(dead)], key=key, now=now)  # nobody can know yet whose that is
    erased(life)
    raw = f'{{"to": "\\u003c{ADDRESS}\\u003e", "name": "{FIRST}"}}'
    said: dict[str, Any] = {"raw": raw, "detail": f"550 {ADDRESS}", "url": f"https://x.example/{ID}"}
    late = [
        Returned(Event(f"about {ADDRESS}", EventKind.BOUNCED, now, email=ADDRESS, **said), row=(1, 0)),
        Returned(Event("stray", EventKind.BOUNCED, now, provider_id="else", **said)),
        Returned(Event("mail", EventKind.BOUNCED, now, email=ADDRESS, message_id="else"), vouched=False),
        Returned(Event("bo", EventKind.BOUNCED, now, email="bo@example.org", raw="Bo"), row=(1, 1)),
    ]
    assert record(life.engine, "ses", late, key=key, now=now).new == 4
    assert record(life.engine, "ses", late, key=key, now=now).known == 4
    with writing(life.engine) as connection:
        mine = ledger.update().where(ledger.c.run_no == 1, ledger.c.user_no == 0)
        connection.execute(mine.values(provider_id="slow"))
    assert match_again(life.engine, now=now).matched == 1
    after = everything(life.engine)
    assert [name for name in NAMES if name.lower() in after.lower()] == []
    with reading(life.engine) as connection:
        query = sa.select(events.c.raw).where(events.c.provider == "ses", events.c.received_at == now)
        assert sorted(connection.scalars(query)) == ["Bo", "{}", "{}", "{}", "{}"]
        assert connection.scalar(sa.select(suppressions.c.reason)) == "erased"


class Killed(BaseException):
    """Instead of SIGKILL: nothing of ours catches it."""


def test_killed_after_any_commit_the_same_command_ends_it(life: Project, tmp_path: Path) -> None:
    left = 0

    def count(_connection: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed

    sa.event.listen(life.engine, "commit", count)
    kills = 0
    while True:
        left = 2 + kills  # each try gets further than the one before
        try:
            erased(life)
        except Killed:
            kills += 1
            life.engine.dispose()
            continue
        break
    assert kills > 4
    after = everything(life.engine)
    assert [name for name in NAMES if name.lower() in after.lower()] == []
    life.engine.dispose()
    assert bytes_left(tmp_path) == []
