"""The Maildir: whole emails, nobody twice, and a page that shows what is there."""

from __future__ import annotations

import base64
import json
import mailbox
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from recmail.deliver.esp import files_index
from recmail.deliver.esp.files import Files, file_name
from recmail.errors import AccountRefused
from recmail.records import Outgoing


def outgoing(
    number: int, *, subject: str = "Three courses", name: str = "Ana", html: str | None = None
) -> Outgoing:
    message = EmailMessage(policy=SMTP)
    message["From"] = "Acme Courses <learn@acme.example>"
    message["To"] = f'"{name}" <u{number}@example.org>'
    message["Date"] = "Mon, 02 Nov 2026 09:00:00 +0000"
    message["Subject"] = subject
    message["Message-ID"] = f"<{number}@acme.example>"
    message.set_content("Plain words\n")
    message.add_alternative(
        html or f"<!doctype html><html><head></head><body>Hi {name}</body></html>", "html"
    )
    return Outgoing(
        "learn@acme.example", f"u{number}@example.org", bytes(message), f"{number}@acme.example", subject
    )


@pytest.fixture
def outbox(tmp_path: Path) -> Files:
    """An empty outbox."""
    return Files(folder=tmp_path / "outbox")


def listed(outbox: Files) -> list[list[str]]:
    """What the page lists: file, date, subject, name, address, sender, path."""
    found = re.search(
        r'<script type="application/json" id="data">(.*?)</script>', outbox.page.read_text(), re.S
    )
    assert found is not None
    rows: list[list[str]] = json.loads(found[1])
    return rows


def send(outbox: Files, *messages: Outgoing) -> list[str]:
    connection = outbox.connect()
    ids = [connection.send(message) for message in messages]
    connection.close()
    return ids


def test_other_programs_read_the_maildir(outbox: Files) -> None:
    first = outgoing(1)
    assert send(outbox, first, outgoing(2)) == ["1@acme.example", "2@acme.example"]
    found = mailbox.Maildir(outbox.folder, create=False)
    assert sorted(message["To"] for message in found) == ['"Ana" <u1@example.org>', '"Ana" <u2@example.org>']
    assert (outbox.folder / "new" / "1@acme.example").read_bytes() == first.mime
    assert list((outbox.folder / "tmp").iterdir()) == []


def test_the_same_message_again_makes_no_second_copy(outbox: Files) -> None:
    send(outbox, outgoing(1), outgoing(1))
    assert send(outbox, outgoing(1)) == ["1@acme.example"]
    assert len(list((outbox.folder / "new").iterdir())) == 1
    assert len(listed(outbox)) == 1


def test_a_message_that_was_opened_in_a_mail_program_is_not_delivered_again(outbox: Files) -> None:
    send(outbox, outgoing(1))
    (outbox.folder / "new" / "1@acme.example").rename(outbox.folder / "cur" / "1@acme.example:2,S")
    assert send(outbox, outgoing(1)) == ["1@acme.example"]
    assert list((outbox.folder / "new").iterdir()) == []
    assert [row[6] for row in listed(outbox)] == ["cur/1@acme.example:2,S"]


def test_an_id_that_cannot_be_a_files_name_becomes_a_hash() -> None:
    assert file_name("1a.b_c@acme.example") == "1a.b_c@acme.example"
    for message_id in ("../../evil", "a/b@c", ".hidden", "a:2,S", "x" * 300, ""):
        assert re.fullmatch("[0-9a-f]{64}", file_name(message_id))


def test_many_threads_write_at_once(outbox: Files) -> None:
    def some(first: int) -> None:
        connection = outbox.connect()
        for number in range(first, first + 25):
            connection.send(outgoing(number))
        connection.close()

    threads = [threading.Thread(target=some, args=(first,)) for first in range(0, 100, 25)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list((outbox.folder / "new").iterdir())) == len(listed(outbox)) == 100


# --- what a person sees ---------------------------------------------------------------------------


def test_the_page_lists_what_was_sent_the_newest_first(outbox: Files) -> None:
    send(outbox, outgoing(1, subject="First", name="Zoë"), outgoing(2, subject="Second", name="கவிதா"))
    second, first = listed(outbox)
    assert first == [
        "1@acme.example",
        "2026-11-02T09:00:00+00:00",
        "First",
        "Zoë",
        "u1@example.org",
        "Acme Courses <learn@acme.example>",
        "new/1@acme.example",
    ]
    assert (second[2], second[3]) == ("Second", "கவிதா")


def test_a_long_name_is_not_torn_apart(outbox: Files) -> None:
    name = "தேன்மொழி ராமன் சுப்பிரமணியன்"
    send(outbox, replace(outgoing(1), mime=_with_encoded_words(name)))
    assert listed(outbox)[0][3] == name


def _with_encoded_words(name: str) -> bytes:
    words = [base64.b64encode(name[at : at + 7].encode()).decode() for at in range(0, len(name), 7)]
    phrase = "\r\n ".join(f"=?utf-8?b?{word}?=" for word in words)
    return f"To: {phrase} <u@example.org>\r\n\r\nHi\r\n".encode()


def test_an_address_in_other_letters_is_listed_as_it_is(outbox: Files) -> None:
    plain = outgoing(1)
    changed = plain.mime.replace(b"u1@example.org", "añu@example.org".encode())
    send(outbox, replace(plain, mime=changed, recipient="añu@example.org"))
    ((*_, name, address, _sender, _path),) = listed(outbox)
    assert (name, address) == ("Ana", "añu@example.org")


def test_what_is_no_email_is_left_alone(outbox: Files) -> None:
    send(outbox, outgoing(1))
    (outbox.folder / "new" / "odd").write_bytes(b"Content-Type: text/html; charset=klingon\r\n\r\n\xff")
    outbox.connect().close()
    assert [row[0] for row in listed(outbox)] == ["1@acme.example"]


def test_each_email_is_a_page_that_runs_no_scripts(outbox: Files) -> None:
    send(outbox, outgoing(1, html="<!DOCTYPE html><html><HEAD lang=en><title>x</title></HEAD>Hallo</html>"))
    page = (outbox.folder / "pages" / "1@acme.example.html").read_text()
    assert page.startswith('<!DOCTYPE html><html><HEAD lang=en><meta charset="utf-8">')
    assert "script-src 'none'" in page
    assert "Hallo" in page


def test_an_email_without_html_is_shown_as_its_text(outbox: Files) -> None:
    message = EmailMessage(policy=SMTP)
    message["Subject"] = "Plain"
    message.set_content("1 < 2\n")
    send(outbox, Outgoing("a@acme.example", "u@example.org", bytes(message), "p@acme.example", "Plain"))
    page = (outbox.folder / "pages" / "p@acme.example.html").read_text()
    assert "<pre" in page
    assert "1 &lt; 2" in page
    assert page.startswith("<!doctype html><meta")


def test_nothing_in_an_email_ends_the_lists_data(outbox: Files) -> None:
    subject = "</script><script>alert(1)</script><!-- {{digest}} \u2028"
    send(outbox, outgoing(1, subject=subject, name="<script>"))
    (row,) = listed(outbox)
    assert (row[2], row[3]) == (subject, "<script>")
    assert outbox.page.read_text().count("<script>") == 1


def test_an_empty_outbox_has_a_page_too(outbox: Files) -> None:
    outbox.connect().close()
    assert listed(outbox) == []


def test_the_maildir_says_what_there_is_and_not_the_record(outbox: Files) -> None:
    send(outbox, outgoing(1), outgoing(2), outgoing(3))
    record = outbox.folder / "sent.jsonl"
    lines = record.read_bytes().splitlines(keepends=True)
    record.write_bytes(lines[0] + lines[1][:20])  # killed while it wrote the second line
    (outbox.folder / "pages" / "3@acme.example.html").unlink()
    (outbox.folder / "new" / "1@acme.example").unlink()
    send(outbox, outgoing(4))
    assert [row[0][0] for row in listed(outbox)] == ["4", "3", "2"]
    assert (outbox.folder / "pages" / "3@acme.example.html").exists()


def test_a_large_outbox_is_listed_from_its_record_alone(
    outbox: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(outbox, *(outgoing(number) for number in range(50)))
    monkeypatch.setattr(files_index, "message_from_bytes", None)  # reading an email would now fail
    outbox.connect().close()
    assert len(listed(outbox)) == 50


# --- when the disk says no ------------------------------------------------------------------------


def test_a_full_disk_stops_the_run_and_leaves_no_half_email(
    outbox: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    import resource

    connection = outbox.connect()
    connection.send(outgoing(1))
    large = outgoing(2, html="x" * 200_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # A limit on file size makes write() fail in the kernel, as a full disk does.
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(AccountRefused, match=r"outbox/ cannot be written: File too large"):
            connection.send(large)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in (outbox.folder / "new").iterdir()] == ["1@acme.example"]
    assert list((outbox.folder / "tmp").iterdir()) == []
    assert connection.send(large) == "2@acme.example"
    connection.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_disk_without_any_room_is_said_in_words(outbox: Files) -> None:
    connection = outbox.connect()
    (outbox.folder / "pages" / "1@acme.example.html").symlink_to("/dev/full")
    with pytest.raises(AccountRefused, match="outbox/ cannot be written: No space left on device"):
        connection.send(outgoing(1))
    assert list((outbox.folder / "new").iterdir()) == []
    connection.close()


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("a file")
    with pytest.raises(AccountRefused, match=r"outbox/ cannot be written: (Not a directory|File exists)"):
        Files(folder=tmp_path / "outbox").connect()


def test_it_never_leaves_this_machine_and_its_lease_is_short(outbox: Files) -> None:
    assert not outbox.leaves_machine
    assert outbox.sending_lease.total_seconds() == 30
    assert outbox.page == outbox.folder / "index.html"


def test_closing_twice_is_the_same_as_once(outbox: Files) -> None:
    first, second = outbox.connect(), outbox.connect()
    first.close()
    first.close()
    second.send(outgoing(1))
    assert listed(outbox) == []  # the page is written when the last connection closes
    second.close()
    assert len(listed(outbox)) == 1
    assert os.listdir(outbox.folder / "tmp") == []  # noqa: PTH208


def test_a_probe_makes_nothing(outbox: Files) -> None:
    assert outbox.probe() == "outbox/ can be written"
    assert not outbox.folder.exists()
    outbox.connect().close()
    before = sorted(outbox.folder.rglob("*"))
    assert outbox.probe() == "outbox/ can be written"
    assert sorted(outbox.folder.rglob("*")) == before


def test_a_probe_says_what_is_in_the_way(outbox: Files) -> None:
    outbox.folder.write_text("a file")
    with pytest.raises(AccountRefused, match=r"outbox/ cannot be written: outbox is a file"):
        outbox.probe()


@contextmanager
def nobody() -> Iterator[None]:
    """Not as root, who may write everywhere."""
    is_root = os.geteuid() == 0
    if is_root:
        os.setresuid(65_534, 65_534, 0)
    try:
        yield
    finally:
        if is_root:
            os.setresuid(0, 0, 0)


def test_a_probe_says_what_may_not_be_written() -> None:
    with TemporaryDirectory() as folder:  # in a place that everybody may enter, unlike pytest's own
        Path(folder).chmod(0o555)
        with nobody(), pytest.raises(AccountRefused, match="Permission denied"):
            Files(folder=Path(folder)).probe()
