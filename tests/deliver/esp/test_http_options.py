"""What providers over HTTP share: their settings, and what an answer means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from recmail.deliver.esp.http_door import Answer
from recmail.deliver.esp.http_options import refusal
from recmail.deliver.esp.sendgrid import Sendgrid
from recmail.errors import (
    AccountRefused,
    ConfigError,
    DeliveryError,
    MessageRefused,
    OutcomeUnknown,
    TemporaryFailure,
)
from recmail.settings import Secret
from tests.deliver.esp.contract_http import SECRET

DATE = "Mon, 02 Nov 2026 09:00:00 GMT"


def open_with(monkeypatch: pytest.MonkeyPatch, *, key: str = SECRET, **fields: Any) -> Sendgrid:
    monkeypatch.setenv("API_KEY", key)
    return Sendgrid(api_key=Secret("env:API_KEY", Path()), **fields)


def answer(status: int, text: str = "", **headers: str) -> Answer:
    return Answer("api.acme.example", status, {k.replace("_", "-"): v for k, v in headers.items()}, text)


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel"])
def test_a_key_that_no_header_can_carry_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    with pytest.raises(ValidationError, match="env:API_KEY holds something else") as caught:
        open_with(monkeypatch, key=key)
    assert key not in str(caught.value)


def test_a_key_that_is_not_there_is_said_before_the_first_message() -> None:
    with pytest.raises(ConfigError, match="environment variable NOWHERE is not set"):
        Sendgrid(api_key=Secret("env:NOWHERE", Path()))


def test_a_key_is_never_written_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", SECRET)
    with pytest.raises(ValidationError, match="expected env:NAME or file:PATH"):
        Sendgrid.model_validate({"api_key": "some key"})


@pytest.mark.parametrize(
    "url",
    ["http://api.acme.example", "api.acme.example", "https://me:secret@acme.example", "ftp://a.example", ""],
)
def test_keys_travel_encrypted_or_not_at_all(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    with pytest.raises(ValidationError, match="expected"):
        open_with(monkeypatch, base_url=url)


def test_only_loopback_is_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_with(monkeypatch).leaves_machine
    assert (
        open_with(monkeypatch, base_url="https://api.eu.sendgrid.com/").url == "https://api.eu.sendgrid.com"
    )
    assert not open_with(monkeypatch, base_url="http://localhost:4010").leaves_machine


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (301, AccountRefused),
        (400, MessageRefused),
        (401, AccountRefused),
        (403, AccountRefused),
        (404, AccountRefused),
        (408, TemporaryFailure),
        (413, MessageRefused),
        (422, MessageRefused),
        (429, TemporaryFailure),
        (500, OutcomeUnknown),
        (502, OutcomeUnknown),
        (503, OutcomeUnknown),
        (504, OutcomeUnknown),
    ],
)
def test_what_a_status_means(status: int, error: type[DeliveryError]) -> None:
    assert type(refusal(answer(status))) is error


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7),
        ({"retry_after": "Mon, 02 Nov 2026 09:01:30 GMT", "date": DATE}, 90),
        ({"retry_after": "Mon, 02 Nov 2026 08:00:00 GMT", "date": DATE}, 0),
        ({"retry_after": "Mon, 02 Nov 2026 09:01:30 GMT"}, None),
        ({"retry_after": "soon"}, None),
        ({}, None),
    ],
)
def test_when_to_come_back(headers: dict[str, str], seconds: float | None) -> None:
    found = refusal(answer(429, **headers))
    assert isinstance(found, TemporaryFailure)
    assert found.retry_after_s == seconds
    assert found.slows


def test_a_long_answer_is_cut() -> None:
    said = str(answer(500, "<html>\n" + "very " * 500))
    assert said.startswith("api.acme.example answered 500: <html> very very")
    assert len(said) < 400
