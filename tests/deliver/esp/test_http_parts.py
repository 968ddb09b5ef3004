"""A finished message gives back what went into it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recmail.deliver.esp.http_parts import Mailbox, take_apart
from recmail.records import Outgoing
from recmail.render.email import Email
from recmail.render.mime import MessageHeaders, build_mime
from tests.deliver.esp.contract_http import UNSUBSCRIBE, outgoing

LINES = st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=90), max_size=4)


def test_envelope_names_bodies_and_headers_come_back() -> None:
    parts = take_apart(outgoing())
    assert parts.sender == Mailbox("Acme, Kurse", "learn@acme.example")
    assert parts.recipient == Mailbox("Zoë Ó Brien", "u1@example.org")
    assert parts.reply_to == Mailbox("Acme", "help@acme.example")
    assert parts.headers == {
        "List-Id": "<tips.acme.example>",
        "Feedback-ID": "7:weekly:recmail",
        "List-Unsubscribe": f"<{UNSUBSCRIBE}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def test_an_address_that_is_not_ascii_stays_as_it_is() -> None:
    parts = take_apart(outgoing(recipient="jörg@xn--bcher-kva.example"))
    assert parts.recipient == Mailbox("Zoë Ó Brien", "jörg@xn--bcher-kva.example")


def test_without_a_reply_address_there_is_none() -> None:
    mime = b"From: a@acme.example\r\nTo: u@example.org\r\nSubject: Hi\r\n\r\nHello\r\n"
    parts = take_apart(Outgoing("a@acme.example", "u@example.org", mime, "1@acme.example", "Hi"))
    assert (parts.reply_to, parts.text, parts.html) == (None, "Hello\n", "")


@pytest.mark.parametrize(
    ("name", "written"),
    [("", "a@b.c"), ("Joe, jr", '"Joe, jr" <a@b.c>'), ('The "Ace" \\', '"The \\"Ace\\" \\\\" <a@b.c>')],
)
def test_a_name_is_quoted(name: str, written: str) -> None:
    assert str(Mailbox(name, "a@b.c")) == written


@given(text=LINES, html=LINES, subject=st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1))
def test_whatever_is_written_comes_back(text: list[str], html: list[str], subject: str) -> None:
    email = Email(subject=subject, preheader="", html="\n".join(html), text="\n".join(text))
    headers = MessageHeaders(
        from_=(subject, "a@acme.example"),
        to=("", "u@example.org"),
        date=datetime(2026, 11, 2, tzinfo=UTC),
        message_id="1@acme.example",
        feedback_id="1:a:recmail",
    )
    mime = build_mime(email, headers=headers)
    parts = take_apart(Outgoing("a@acme.example", "u@example.org", mime, "1@acme.example", subject))
    assert parts.text.removesuffix("\n") == email.text.removesuffix("\n")
    assert parts.html.removesuffix("\n") == email.html.removesuffix("\n")
    assert parts.sender.name == subject
