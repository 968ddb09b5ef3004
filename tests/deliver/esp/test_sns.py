"""Amazon SNS: only what it signed, of our topic, and new, is opened."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from recmail.deliver.esp import Webhook, sns
from recmail.deliver.esp.sns import host_of, open_envelope
from recmail.deliver.esp.webhooks import LARGEST_BYTES
from recmail.errors import DataError, RefusedError
from tests.conftest import NOW
from tests.deliver.esp.signing import (
    CERTIFICATE_URL,
    SNS_HOST,
    TOPIC,
    by_sns,
    certificate,
    confirmation,
    envelope,
)


class Amazon:
    """Stands for Amazon's pages: gives out the certificate, and remembers what was asked for."""

    def __init__(self, page: bytes) -> None:
        self.page, self.asked = page, list[str]()

    def __call__(self, url: str) -> bytes:
        self.asked.append(url)
        return self.page


@pytest.fixture
def amazon(monkeypatch: pytest.MonkeyPatch) -> Amazon:
    monkeypatch.setattr(sns, "_certificates", {})
    return Amazon(certificate(NOW))


def opened(request: Webhook, amazon: Amazon, topic: str = TOPIC) -> sns.Notice | None:
    return open_envelope(request.body, topic, now=NOW, get=amazon)


@pytest.mark.parametrize("version", ["1", "2"])
def test_both_versions_of_the_signature_are_checked(amazon: Amazon, version: str) -> None:
    notice = opened(by_sns(envelope("hello\n", NOW, SignatureVersion=version)), amazon)
    assert notice == sns.Notice("19ba9823-d7f2-53c1-860e-cb10e0d13dfc", "hello\n", NOW)


def test_a_message_without_a_subject_is_signed_without_it(amazon: Amazon) -> None:
    sent = {name: value for name, value in envelope("hello", NOW).items() if name != "Subject"}
    assert opened(by_sns(sent), amazon) is not None


def test_the_certificate_is_fetched_once(amazon: Amazon) -> None:
    for _ in range(3):
        opened(by_sns(envelope("hello", NOW)), amazon)
    assert amazon.asked == [CERTIFICATE_URL]


def test_a_signature_of_another_key_is_refused(amazon: Amazon) -> None:
    other = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    with pytest.raises(RefusedError, match="signature"):
        opened(by_sns(envelope("hello", NOW), other), amazon)


@pytest.mark.parametrize(
    "change",
    [
        {"Message": "hell"},
        {"MessageId": "another"},
        {"Timestamp": "2026-11-02T08:59:59.000Z"},
        {"Subject": None},
        {"Type": "UnsubscribeConfirmation", "Token": "t", "SubscribeURL": f"{SNS_HOST}/"},
        {"SignatureVersion": "1"},
        {"Signature": "not base64"},
        {"Signature": ""},
        {"Message": "\ud800"},
    ],
)
def test_nothing_of_it_may_be_changed(amazon: Amazon, change: dict[str, Any]) -> None:
    sent = json.loads(by_sns(envelope("hello", NOW)).body)
    with pytest.raises(RefusedError, match="signature"):
        opened(Webhook({}, json.dumps({**sent, **change}).encode()), amazon)


@pytest.mark.parametrize(
    "url",
    [
        "https://sns.us-east-1.amazonaws.com.evil.example/SimpleNotificationService-1.pem",
        "https://evil.example/SimpleNotificationService-1.pem",
        "https://sns.us-east-1.amazonaws.com@evil.example/SimpleNotificationService-1.pem",
        "https://evil.example\\@sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.us-east-1.amazonaws.com:8443/SimpleNotificationService-1.pem",
        "http://sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://bucket.s3.us-east-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.us-east-1.amazonaws.com/?Action=GetTopicAttributes&x=SimpleNotificationService-1.pem",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem?x=1",
        "https://sns.us-east-1.amazonaws.com/../SimpleNotificationService-1.pem",
        "/SimpleNotificationService-1.pem",
        "file:///etc/passwd",
    ],
)
def test_a_certificate_comes_from_the_topics_own_host_only(amazon: Amazon, url: str) -> None:
    with pytest.raises(RefusedError, match=r"SigningCertURL is not of https://sns\.us-east-1"):
        opened(by_sns(envelope("hello", NOW, SigningCertURL=url)), amazon)
    assert amazon.asked == []


def test_a_certificate_that_has_run_out_is_refused(amazon: Amazon) -> None:
    amazon.page = certificate(NOW, days=-1)
    with pytest.raises(RefusedError, match="not valid now"):
        opened(by_sns(envelope("hello", NOW)), amazon)


def test_what_is_no_certificate_is_tried_again(amazon: Amazon) -> None:
    amazon.page = b"<html>busy</html>"
    with pytest.raises(DataError, match="no certificate"):
        opened(by_sns(envelope("hello", NOW)), amazon)
    amazon.page = certificate(NOW)
    assert opened(by_sns(envelope("hello", NOW)), amazon) is not None


def test_another_topic_is_refused_before_anything_is_fetched(amazon: Amazon) -> None:
    with pytest.raises(RefusedError, match="another SNS topic"):
        opened(by_sns(envelope("hello", NOW)), amazon, f"{TOPIC}-2")
    assert amazon.asked == []


@pytest.mark.parametrize("age", [timedelta(hours=25), timedelta(minutes=-6)])
def test_a_replay_is_refused(amazon: Amazon, age: timedelta) -> None:
    with pytest.raises(RefusedError, match="signed"):
        opened(by_sns(envelope("hello", NOW - age)), amazon)


def test_our_own_subscription_is_confirmed(amazon: Amazon) -> None:
    asked = confirmation(NOW)
    assert opened(by_sns(asked), amazon) is None
    assert amazon.asked == [CERTIFICATE_URL, asked["SubscribeURL"]]


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "https://evil.example/?Action=ConfirmSubscription&TopicArn=" + TOPIC,
        f"{SNS_HOST}/?Action=DeleteTopic&TopicArn={TOPIC}",
        f"{SNS_HOST}/?Action=ConfirmSubscription&TopicArn={TOPIC}-2",
        f"{SNS_HOST}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Action=DeleteTopic",
    ],
)
def test_a_confirmation_asks_no_other_page_even_when_it_is_signed(amazon: Amazon, url: str) -> None:
    with pytest.raises(RefusedError, match="SubscribeURL"):
        opened(by_sns(confirmation(NOW, SubscribeURL=url)), amazon)
    assert amazon.asked == [CERTIFICATE_URL]


def test_an_unsigned_confirmation_asks_for_nothing(amazon: Amazon) -> None:
    sent = {**confirmation(NOW), "Signature": "AAAA"}
    with pytest.raises(RefusedError, match="signature"):
        opened(Webhook({}, json.dumps(sent).encode()), amazon)
    assert amazon.asked == [CERTIFICATE_URL]


def test_an_end_of_the_subscription_is_not_undone(amazon: Amazon) -> None:
    assert opened(by_sns(confirmation(NOW, Type="UnsubscribeConfirmation")), amazon) is None
    assert amazon.asked == [CERTIFICATE_URL]


@pytest.mark.parametrize(
    "body",
    [b"", b"hello", b"[]", b"{}", b'{"Type": "Notification"}', b'{"Type": ["Notification"]}', b"[" * 100_000],
)
def test_what_is_no_message_of_sns_is_refused(amazon: Amazon, body: bytes) -> None:
    with pytest.raises(RefusedError, match="not a message of Amazon SNS"):
        opened(Webhook({}, body), amazon)


def test_a_body_without_an_end_is_refused(amazon: Amazon) -> None:
    with pytest.raises(RefusedError, match="bytes"):
        opened(Webhook({}, b" " * (LARGEST_BYTES + 1)), amazon)


def test_each_partition_has_its_host() -> None:
    assert host_of("arn:aws-cn:sns:cn-north-1:123456789012:x") == "sns.cn-north-1.amazonaws.com.cn"
    assert host_of("arn:aws-us-gov:sns:us-gov-west-1:123456789012:x") == "sns.us-gov-west-1.amazonaws.com"
    for wrong in ("x", "arn:aws:sqs:us-east-1:123456789012:x", "arn:aws:sns:evil.example/:123456789012:x"):
        with pytest.raises(ValueError, match="expected the ARN"):
            host_of(wrong)


class _Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/elsewhere":
            self.send_response(302)
            self.send_header("Location", "/page")
            self.end_headers()
            return
        self.send_response(200 if self.path in ("/page", "/endless") else 404)
        self.end_headers()
        self.wfile.write(b"x" * (100_000 if self.path == "/endless" else 3))

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def pages() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Pages)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_page_is_read_whole_and_no_redirect_followed(pages: str) -> None:
    assert sns.fetch(f"{pages}/page") == b"xxx"
    for path, why in (("elsewhere", "302"), ("missing", "404"), ("endless", "without an end")):
        with pytest.raises(DataError, match=why):
            sns.fetch(f"{pages}/{path}")


def test_a_page_that_cannot_be_had_is_asked_for_again() -> None:
    with pytest.raises(DataError, match="cannot read"):
        sns.fetch("http://127.0.0.1:1/")
