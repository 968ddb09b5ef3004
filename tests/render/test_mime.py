"""Messages: what the standard library's parser reads back, and what is refused."""

from __future__ import annotations

import binascii
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes, message_from_string
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import SMTPUTF8, default
from email.utils import parseaddr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recmail.errors import RenderError
from recmail.render.email import Email
from recmail.render.mime import MessageHeaders, ascii_address, build_mime, wire_address
from recmail.tokens import email_key

EMAIL = Email(subject="Ana, 3 courses", preheader="", html="<p>Olá</p>\n", text="Olá\n")
HEADERS = MessageHeaders(
    from_=("Acme Courses", "learn@acme.example"),
    to=("Ana Sousa", "ana@example.org"),
    date=datetime(2026, 11, 24, 9, 0, tzinfo=timezone(timedelta(hours=5, minutes=30))),
    message_id="f3a1@acme.example",
    reply_to=("", "help@acme.example"),
    list_id="course-tips.acme.example",
    unsubscribe_url="https://acme.example/u/3yQ",
    feedback_id="weekly:acme:course-tips:recmail",
)


def parsed(message: bytes) -> EmailMessage:
    read = message_from_bytes(message, policy=default)
    assert isinstance(read, EmailMessage)
    return read


def defects(message: EmailMessage) -> list[object]:
    found: list[object] = []
    for part in message.walk():
        found += part.defects
        for _, value in part.items():
            found += value.defects
    return found


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def test_a_message_has_the_headers_that_mailbox_providers_ask_for():
    message = build_mime(EMAIL, headers=HEADERS)
    head = message.split(b"\r\n\r\n")[0].decode()
    assert head.split("\r\n") == [
        "From: Acme Courses <learn@acme.example>",
        "Date: Tue, 24 Nov 2026 09:00:00 +0530",
        "Reply-To: <help@acme.example>",
        "List-Id: <course-tips.acme.example>",
        "Feedback-ID: weekly:acme:course-tips:recmail",
        "To: Ana Sousa <ana@example.org>",
        "Subject: Ana, 3 courses",
        "Message-ID: <f3a1@acme.example>",
        "List-Unsubscribe: <https://acme.example/u/3yQ>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        "MIME-Version: 1.0",
        "Content-Type: multipart/alternative;",
        ' boundary="=_a9634328e6bf2992328e827ec4b1704e"',  # printf f3a1@acme.example | sha256sum
    ]


def test_text_comes_before_html():
    parts = [part.get_content_type() for part in parsed(build_mime(EMAIL, headers=HEADERS)).iter_parts()]
    assert parts == ["text/plain", "text/html"]


def test_one_click_is_offered_only_over_https():
    message = parsed(
        build_mime(EMAIL, headers=replace(HEADERS, unsubscribe_url="http://127.0.0.1:8025/u/3yQ"))
    )
    assert message["List-Unsubscribe"] == "<http://127.0.0.1:8025/u/3yQ>"
    assert message["List-Unsubscribe-Post"] is None


def test_headers_that_are_not_given_are_absent():
    bare = MessageHeaders(from_=HEADERS.from_, to=HEADERS.to, date=HEADERS.date, message_id="1@acme.example")
    message = parsed(build_mime(EMAIL, headers=bare))
    assert set(message.keys()) == {
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "MIME-Version",
        "Content-Type",
    }


def test_a_test_message_says_so():
    assert parsed(build_mime(EMAIL, headers=replace(HEADERS, test=True)))["X-Recmail-Test"] == "yes"
    assert parsed(build_mime(EMAIL, headers=HEADERS))["X-Recmail-Test"] is None


def test_the_same_message_has_the_same_bytes():
    assert build_mime(EMAIL, headers=HEADERS) == build_mime(EMAIL, headers=HEADERS)


@pytest.mark.parametrize(
    "change",
    [
        {"to": ("Ana\r\nBcc: all@example.org", "ana@example.org")},
        {"to": ("Ana\x07", "ana@example.org")},
        {"to": ("Ana\u2028Sousa", "ana@example.org")},
        {"to": ("Ana", "ana@example.org>\r\nBcc: <all@example.org")},
        {"to": ("Ana", "ana@exam\nple.org")},
        {"from_": ("Acme\n", "learn@acme.example")},
        {"reply_to": ("", "help@acme.example, all@example.org")},
        {"message_id": "1@acme.example\r\nBcc: all@example.org"},
        {"message_id": "1@acme.example> <2@acme.example"},
        {"list_id": "course tips.acme.example"},
        {"unsubscribe_url": "https://acme.example/u/ 3yQ"},
        {"unsubscribe_url": "https://acme.example/\r\n\r\n<script>"},
        {"unsubscribe_url": "https://acme.example/" + "u" * 1000},
        {"feedback_id": "weekly:acme\n"},
        {"feedback_id": "wéekly"},
    ],
)
def test_a_header_that_could_break_out_is_refused(change):
    with pytest.raises(RenderError):
        build_mime(EMAIL, headers=replace(HEADERS, **change))


@pytest.mark.parametrize("subject", ["Hi\r\nBcc: all@example.org", "Hi\x00", "Hi\ud800"])
def test_a_subject_with_line_breaks_or_controls_is_refused(subject):
    with pytest.raises(RenderError, match="Subject"):
        build_mime(replace(EMAIL, subject=subject), headers=HEADERS)


def test_a_date_without_zone_is_a_bug_of_the_caller():
    with pytest.raises(ValueError, match="aware"):
        build_mime(EMAIL, headers=replace(HEADERS, date=datetime(2026, 11, 24)))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("ana@example.org", "ana@example.org"),
        ("ana+x@bücher.example", "ana+x@xn--bcher-kva.example"),
        ("ana@उदाहरण.example", "ana@xn--p1b6ci4b4b3a.example"),
        ("Ana@faß.example", "Ana@xn--fa-hia.example"),
        ("taro..yamada.@docomo.example", '"taro..yamada."@docomo.example'),
        ('"ana sousa"@example.org', '"ana sousa"@example.org'),
    ],
)
def test_domains_become_a_labels_and_odd_local_parts_are_quoted(address, expected):
    assert ascii_address(address) == expected


# What addresses consist of, and letters that lower case, composition or IDNA change.
_LOCAL = st.text(st.one_of(st.sampled_from("aZ9.-_+"), st.sampled_from('@!"éıK\u0301')), max_size=4)
_DOMAIN = st.text(st.one_of(st.sampled_from("aZ9-."), st.characters(categories=["L", "M", "N"])), max_size=6)
_CHANGING = st.text(st.sampled_from("aZ.-@ßİıKéÅςΣक्षन\u0301\u200c\u3002．"), max_size=4)


@settings(max_examples=200, deadline=None)
@given(_LOCAL, st.one_of(_DOMAIN, _CHANGING))
def test_what_is_kept_as_an_address_can_be_addressed(local: str, domain: str):
    address = f"{local}@x{domain}.org".strip()
    key = email_key(address)
    if key is not None:
        assert email_key(wire_address(address)) == key


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ana",
        "@example.org",
        "ana@",
        "ana sousa@example.org",
        "a@b@example.org",
        "आना@example.org",
        "ana@例え",
        "ana@ex\u200dample.org",
        "ana@exam ple.org",
        "ana@-example.org",
        "ana@example..org",
        "ana@" + "é" * 70 + ".org",
    ],
)
def test_what_cannot_be_addressed_is_refused(address):
    with pytest.raises(RenderError):
        ascii_address(address)


def test_a_recipient_may_have_other_letters_before_the_at_and_a_sender_may_not():
    assert wire_address("आना@उदाहरण.example") == "आना@xn--p1b6ci4b4b3a.example"
    data = build_mime(EMAIL, headers=replace(HEADERS, to=("Ana", "añu@example.org")))
    assert "\r\nTo: Ana <añu@example.org>\r\n".encode() in data
    assert (
        message_from_string(data.decode(), policy=SMTPUTF8)["To"].addresses[0].addr_spec == "añu@example.org"
    )
    for changed in ({"from_": ("Ana", "añu@example.org")}, {"reply_to": ("Ana", "añu@example.org")}):
        with pytest.raises(RenderError, match="a sender must have that"):
            build_mime(EMAIL, headers=replace(HEADERS, **changed))


@pytest.mark.parametrize("local", ["a\u200bñ", "ñ\xa0a", "ñ\r\nX: y", "ñ>", "ñ,b", ".ñ", "\u212aate"])
def test_other_letters_bring_nothing_that_breaks_a_header(local):
    with pytest.raises(RenderError):
        wire_address(f"{local}@example.org")


def test_bodies_in_other_scripts_are_shorter_in_base64():
    message = build_mime(replace(EMAIL, text="नमस्ते " * 200, html="<p>Hello</p>"), headers=HEADERS)
    encodings = [part["Content-Transfer-Encoding"] for part in parsed(message).iter_parts()]
    assert encodings == ["base64", "quoted-printable"]


VISIBLE = st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"))
# Beside letters of any script: what the syntax of headers gives a meaning.
SYNTAX = 'ab ."\\,;:=?<>@()[]'
NAMES = (st.text(VISIBLE, max_size=90) | st.text(SYNTAX, max_size=90)).map(
    lambda name: " ".join(name.split())
)
SUBJECTS = st.text(VISIBLE, min_size=1, max_size=300) | st.text(SYNTAX, min_size=1, max_size=300)
# What transfer encodings and SMTP trip over, in any order: ends of lines, dots, blanks, words of any length,
# letters of several bytes, writing direction, boundaries.
PIECES = (
    *(
        "\n",
        "\r\n",
        "\r",
        "\n.",
        "\n.\n",
        "\nFrom ",
        " ",
        "\t",
        " \n",
        "\t\r\n",
        "=",
        "=\n",
        "=3D",
        "--",
        "\n--=_",
    ),
    *(
        "x" * 77,
        "y" * 999,
        "é" * 600,
        "word " * 250,
        "नमस्ते",
        "שלום",
        "\u2067ليلى\u2069",
        "👩🏽\u200d🚀",
        "\u2028",
        "\x00",
    ),
)
BODIES = st.text(st.characters(exclude_categories=("Cs",)), max_size=400) | st.lists(
    st.sampled_from(PIECES), max_size=12
).map("".join)


@settings(deadline=None)
@given(name=NAMES, subject=SUBJECTS, html=BODIES, text=BODIES)
def test_whatever_is_built_parses_back_equal(name, subject, html, text):
    email = Email(subject=subject, preheader="", html=html, text=text)
    data = build_mime(email, headers=replace(HEADERS, to=(name, "ana@example.org")))
    data.decode("ascii")
    assert max(len(line) for line in data.split(b"\r\n")) <= 998
    assert b"\n" not in data.replace(b"\r\n", b"")
    assert b"\r" not in data.replace(b"\r\n", b"")
    message = parsed(data)
    assert defects(message) == []
    assert message["Subject"] == subject
    assert message["To"].addresses[0].addr_spec == "ana@example.org"
    assert display_name(data) == name
    assert body(message, "html") == lines(html)
    assert body(message, "plain") == lines(text)


def display_name(data: bytes) -> str:
    """Return the recipient's name as the older parser reads it.

    The newer one puts a space between two encoded words of a name (python/cpython issue 128110).
    """
    name, _ = parseaddr(message_from_bytes(data)["To"])
    return str(make_header(decode_header(name)))


def lines(text: str) -> str:
    """Return a body with plain newlines and one at its end."""
    return text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n") + "\n"


@settings(deadline=None)
@given(BODIES)
def test_lines_of_a_body_are_as_short_as_their_encoding_allows(text):
    part = build_mime(replace(EMAIL, html=text), headers=HEADERS).split(b"\r\n--=_")[2]
    assert max(len(line) for line in part.split(b"\r\n")) <= 76  # RFC 2045 6.7 and 6.8


@given(st.text("ab =.\té", max_size=200) | st.text("a=", min_size=70, max_size=160))
def test_quoted_lines_are_the_standard_librarys(line):
    html = "x" * 2_000 + "\n" + line  # enough of it not to be base64
    part = build_mime(replace(EMAIL, html=html), headers=HEADERS).split(b"\r\n--=_")[2]
    quoted = binascii.b2a_qp(html.encode()).replace(b"\n", b"\r\n")
    assert part.partition(b"\r\n\r\n")[2] == quoted.removesuffix(b"\r\n") + b"\r\n"


def test_equal_moments_in_two_zones_are_written_each_in_its_own():
    there = HEADERS.date
    here = there.astimezone(UTC)
    assert there == here
    assert [
        dates(build_mime(EMAIL, headers=replace(HEADERS, date=date))) for date in (there, here, there)
    ] == [
        ["Tue, 24 Nov 2026 09:00:00 +0530"],
        ["Tue, 24 Nov 2026 03:30:00 +0000"],
        ["Tue, 24 Nov 2026 09:00:00 +0530"],
    ]


def dates(message: bytes) -> list[str]:
    return [str(value) for value in message_from_bytes(message).get_all("Date", [])]


HOSTILE = st.text(st.sampled_from('aé@.<>,;:"\\ \r\n\x00\u2028\x85\u2029\ud800='), min_size=1, max_size=12)
FIELDS = ("from_", "to", "reply_to", "message_id", "list_id", "unsubscribe_url", "feedback_id", "subject")


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(FIELDS), HOSTILE)
def test_no_field_makes_another_header(field, hostile):
    """Whatever stands in a field: the message is refused, or has the headers that it has without it."""
    value = (hostile, "ana@example.org") if field in ("from_", "to", "reply_to") else hostile
    email = replace(EMAIL, subject=hostile) if field == "subject" else EMAIL
    headers = HEADERS if field == "subject" else replace(HEADERS, **{field: value})
    try:
        message = parsed(build_mime(email, headers=headers))
    except RenderError:
        return
    expected = set(parsed(build_mime(EMAIL, headers=HEADERS)).keys())
    if field == "unsubscribe_url":
        expected -= {"List-Unsubscribe-Post"}
    assert set(message.keys()) == expected
    assert defects(message) == []


def test_a_long_subject_is_folded_between_words():
    subject = " ".join(["Interviewing Users Without Leading Them"] * 6)  # 239 characters
    message = build_mime(replace(EMAIL, subject=subject), headers=HEADERS)
    assert (
        b"Subject: Interviewing Users Without Leading Them Interviewing Users Without\r\n Leading" in message
    )
    assert parsed(message)["Subject"] == subject


def test_long_names_and_addresses_take_a_line_each():
    address = "a" * 60 + "@example.org"
    message = build_mime(EMAIL, headers=replace(HEADERS, to=("Ana Sousa", address)))
    assert f"To: Ana Sousa\r\n <{address}>\r\n".encode() in message
    assert parsed(message)["To"].addresses[0].addr_spec == address


def test_an_address_longer_than_a_line_is_refused():
    with pytest.raises(RenderError, match="To: the address is too long"):
        build_mime(EMAIL, headers=replace(HEADERS, to=("", "a" * 990 + "@example.org")))


def test_dates_are_read_back_exactly():
    date = datetime(2026, 11, 24, 3, 30, tzinfo=UTC)
    assert parsed(build_mime(EMAIL, headers=replace(HEADERS, date=date)))["Date"].datetime == date
