"""What mail servers send back, in the shapes that they have, and out of the mailboxes that it comes to."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from recmail.errors import DataError
from recmail.feedback.bounce_report import is_dead, read_report
from recmail.feedback.bounces import read_bounces
from recmail.feedback.mailbox import Mailbox, MaildirOptions
from recmail.feedback.recording import Counts, record
from recmail.records import EventKind
from recmail.tokens import in_mailbox, sign
from tests.conftest import NOW
from tests.feedback.sent import KEY, people, sent_run, suppressed
from tests.ledgers import row_of, standing

K = EventKind
FOLDER = Path(__file__).parent / "bounces"
ALL = sorted(path.stem for path in FOLDER.glob("*.eml"))


def mail(name: str, *, message_id: str = "ours@acme.example", run_no: int = 1, user_no: int = 0) -> bytes:
    """A mail about the message of one person, with CRLF as it travels."""
    text = (FOLDER / f"{name}.eml").read_text()
    filled = {
        "{token}": in_mailbox(sign(KEY, run_no, user_no, "bounce")),
        "{link}": sign(KEY, run_no, user_no, "unsubscribe"),
        "{message_id}": message_id,
    }
    for mark, value in filled.items():
        text = text.replace(mark, value)
    return text.replace("\n", "\r\n").encode()


# Kind, status, whether the address is dead, and how the message is known.
SAID = {
    "exchange_online": (K.BOUNCED, "5.1.10", True, (1, 0)),
    "gmail": (K.BOUNCED, "5.2.2", False, None),
    "exim": (K.BOUNCED, "5.1.1", True, (1, 0)),
    "qmail": (K.BOUNCED, "5.1.1", True, None),
    "policy": (K.BOUNCED, "5.7.515", False, (1, 0)),
    "delayed": (K.DEFERRED, "4.4.1", False, (1, 0)),
    "complaint": (K.COMPLAINED, "", False, (1, 0)),
    "complaint_by_link": (K.COMPLAINED, "", False, (1, 0)),
}


@pytest.mark.parametrize("name", SAID)
def test_what_servers_say(name: str, now: datetime) -> None:
    (one,) = read_report(mail(name), keys=(KEY,), now=now)
    event = one.event
    assert (event.kind, event.status, event.dead, one.row) == SAID[name]
    assert one.row is not None or event.message_id == "ours@acme.example"
    assert not one.vouched
    assert "Hello" not in event.raw


def test_what_is_no_report_tells_nothing(now: datetime) -> None:
    assert read_report(mail("absent"), keys=(KEY,), now=now) == []


def test_tokens_of_another_key_count_for_nothing(now: datetime) -> None:
    (one,) = read_report(mail("complaint_by_link"), keys=(b"x" * 32,), now=now)
    assert one.row is None
    (one,) = read_report(mail("complaint_by_link"), keys=(b"x" * 32, KEY), now=now)
    assert one.row == (1, 0)


def test_a_token_may_stand_right_behind_other_letters(now: datetime) -> None:
    raw = mail("policy").replace(b"b+", b"bounce")
    (one,) = read_report(raw, keys=(KEY,), now=now)
    assert one.row == (1, 0)


def test_the_same_report_has_the_same_key_by_whichever_way_it_came(now: datetime) -> None:
    raw = mail("gmail")
    other = b"Received: by another.example; Mon, 02 Nov 2026 09:00:09 +0000\r\n" + raw
    keys = {read_report(one, keys=(KEY,), now=now)[0].event.key for one in (raw, other)}
    assert len(keys) == 1


@given(st.binary(max_size=300), st.sampled_from(ALL), st.integers(0, 2_000), st.integers(0, 300))
def test_broken_mail_is_read_or_refused(noise: bytes, name: str, start: int, length: int) -> None:
    raw = mail(name)
    broken = raw[:start] + noise + raw[start + length :]
    try:
        read_report(broken, keys=(KEY,), now=NOW)
    except DataError:
        return


@pytest.mark.parametrize(
    ("status", "dead"),
    [
        ("5.1.1", True),
        ("5.1.10", True),
        ("5.2.1", True),
        ("5.1.8", False),
        ("5.2.2", False),
        ("5.7.1", False),
        ("4.1.1", False),
        ("5.0.0", False),
        ("", False),
    ],
)
def test_which_addresses_are_dead(status: str, dead: bool) -> None:
    assert is_dead(status) == dead


def maildir(folder: Path, *mails: bytes) -> Mailbox:
    """A Maildir with mails that nobody has looked at."""
    for name in ("new", "cur", "tmp"):
        (folder / name).mkdir(parents=True)
    for number, raw in enumerate(mails):
        (folder / "new" / f"{number:03}.host").write_bytes(raw)
    return Mailbox("returned", MaildirOptions(folder=folder))


def names(folder: Path, part: str) -> list[str]:
    return sorted(path.name for path in (folder / part).iterdir())


def test_a_maildir_is_read_once(database: sa.Engine, now: datetime, tmp_path: Path) -> None:
    people(database, now, 4)
    sent_run(database, 1, now, people=range(3), provider_id="")
    sent_run(database, 2, now, people=[3], state="unknown")
    ours = [row_of(database, number).message_id for number in range(3)]
    folder = tmp_path / "Maildir"
    mailbox = maildir(
        folder,
        mail("exim", message_id=ours[0]),
        mail("gmail", message_id=ours[1]).replace(b"u0@", b"u1@"),
        mail("delayed", run_no=2, user_no=3).replace(b"u0@", b"u3@"),
        mail("forged"),
        mail("absent"),
    )
    (folder / "cur").joinpath("seen:2,S").write_bytes(mail("complaint", user_no=2))
    (folder / "cur").joinpath("looked at:2,F").write_bytes(b"spam\r\n")
    tried = read_bounces(database, mailbox, keys=(KEY,), now=now, dry_run=True)
    assert (tried.mails, tried.other, tried.counts) == (6, 2, Counts(new=4, stray=1))
    found = read_bounces(database, mailbox, keys=(KEY,), now=now)
    assert found.counts == Counts(new=4, stray=1, suppressed=1, settled=1)
    assert suppressed(database) == {0: "hard_bounce"}
    assert standing(database, 2) == ["sent"]
    assert names(folder, "new") == []
    assert names(folder, "cur") == [
        *(f"{number:03}.host:2,S" for number in range(5)),
        "looked at:2,FS",
        "seen:2,S",
    ]
    assert read_bounces(database, mailbox, keys=(KEY,), now=now).mails == 0


def test_a_kill_before_mails_are_marked_loses_nothing(
    database: sa.Engine, now: datetime, tmp_path: Path
) -> None:
    people(database, now, 1)
    sent_run(database, 1, now, people=[0])
    mailbox = maildir(tmp_path / "Maildir", mail("exim"))
    told = read_report(mail("exim"), keys=(KEY,), now=now)
    record(database, "returned", told, key=KEY, now=now)  # and then the process was killed
    assert read_bounces(database, mailbox, keys=(KEY,), now=now).counts == Counts(known=1)


def test_mail_is_not_believed_of_another_address(database: sa.Engine, now: datetime) -> None:
    """Whoever got a message knows its token; that is no word about anybody else's address."""
    people(database, now, 2)
    sent_run(database, 1, now, people=[0])
    raw = mail("exim").replace(b"u0@", b"u1@")
    counts = record(database, "returned", read_report(raw, keys=(KEY,), now=now), key=KEY, now=now)
    assert counts == Counts(new=1)
    assert suppressed(database) == {}


def test_a_complaint_without_an_address_is_of_the_person_s_own(database: sa.Engine, now: datetime) -> None:
    people(database, now, 1)
    sent_run(database, 1, now, people=[0])
    told = read_report(mail("complaint"), keys=(KEY,), now=now)
    assert record(database, "fbl", told, key=KEY, now=now).suppressed == 1
    assert suppressed(database) == {0: "complaint"}


def test_a_folder_that_cannot_be_read_is_said(database: sa.Engine, now: datetime, tmp_path: Path) -> None:
    mailbox = maildir(tmp_path / "Maildir")
    (tmp_path / "Maildir" / "new").rmdir()
    (error,) = read_bounces(database, mailbox, keys=(KEY,), now=now).errors
    assert str(error).startswith("[bounces.returned] ")
    assert str(error).endswith("Maildir/new: no such file or directory")
