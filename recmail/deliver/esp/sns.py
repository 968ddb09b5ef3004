"""Amazon SNS: what it posts is opened only when it is signed, of our topic, and new.

Documentation: docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html. Oddities: JSON comes as
text/plain; a topic signs with SHA-1 (SignatureVersion 1) until its owner chooses 2; the certificate comes
without the authority that signed it, so that it is Amazon's is known from where it was fetched.
"""

from __future__ import annotations

import base64
import binascii
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from recmail.deliver.esp.webhooks import check_age, check_size, read_json, read_time
from recmail.errors import DataError, RefusedError

Fetch = Callable[[str], bytes]
"""Reads a page of Amazon's; raises DataError when it cannot be had."""

OLDEST = timedelta(days=1)  # SNS may try for an hour, and longer when it has trouble itself
_ARN = re.compile(
    r"arn:(aws|aws-cn|aws-us-gov):sns:([a-z]{2}(?:-[a-z]+)+-\d):\d{12}:[A-Za-z0-9_-]{1,256}(?:\.fifo)?"
)
_CERTIFICATE_PATH = re.compile(r"/SimpleNotificationService-[A-Za-z0-9_-]+\.pem")
_NOTIFICATION = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_SIGNED = {
    "Notification": _NOTIFICATION,
    "SubscriptionConfirmation": _CONFIRMATION,
    "UnsubscribeConfirmation": _CONFIRMATION,
}
_HASHES: Mapping[object, Callable[[], hashes.HashAlgorithm]] = {"1": hashes.SHA1, "2": hashes.SHA256}
_PATIENCE_S = 5.0  # SNS itself gives us 15
_LARGEST_PAGE = 64_000
_MOST_CERTIFICATES = 16
_certificates: dict[str, x509.Certificate] = {}
_lock = threading.Lock()


@dataclass(frozen=True)
class Notice:
    """What was published to our topic.

    Attributes:
        notice_id: the same however often it is delivered.
    """

    notice_id: str
    message: str
    at: datetime


def host_of(topic_arn: str) -> str:
    """Return the host that speaks for a topic.

    Raises:
        ValueError: it is no topic's ARN.
    """
    found = _ARN.fullmatch(topic_arn)
    if not found:
        raise ValueError(
            f"found {topic_arn[:80]!r}; expected the ARN of an SNS topic, such as "
            "arn:aws:sns:eu-west-1:123456789012:ses-events"
        )
    return f"sns.{found[2]}.amazonaws.com" + (".cn" if found[1] == "aws-cn" else "")


def fetch(url: str) -> bytes:
    """Read a page, following no redirect.

    Raises:
        DataError: it cannot be read now, so the message is to come again.
    """
    try:
        with (
            httpx.Client(timeout=_PATIENCE_S, follow_redirects=False) as client,
            client.stream("GET", url) as answer,
        ):
            page = b""
            for piece in answer.iter_bytes(4_096):
                page += piece
                if len(page) > _LARGEST_PAGE:
                    raise DataError(f"{urlsplit(url).hostname} sends a page without an end")
            if answer.status_code != httpx.codes.OK:
                raise DataError(f"{urlsplit(url).hostname} answered {answer.status_code}")
            return page
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise DataError(f"cannot read from {urlsplit(url).hostname}: {error}") from error


def open_envelope(body: bytes, topic_arn: str, *, now: datetime, get: Fetch = fetch) -> Notice | None:
    """Check what SNS posted and return what was published; None when it only was about the subscription.

    A subscription to our own topic is confirmed on the way, to no other.

    Raises:
        RefusedError: it is not of our topic, not signed by SNS, or too old.
        DataError: the certificate cannot be fetched now, or the confirmation did not get through.
    """
    check_size(body)
    envelope = _envelope(body)
    if envelope["TopicArn"] != topic_arn:  # before anything is fetched for a stranger
        raise RefusedError("it is of another SNS topic than topic_arn")
    host = host_of(topic_arn)
    _check_signature(envelope, host, now, get)
    at = read_time(envelope["Timestamp"])
    if at is None:
        raise RefusedError("it has no Timestamp")
    check_age(at, now, most=OLDEST)
    if envelope["Type"] == "SubscriptionConfirmation":
        get(_confirmation(envelope, host))
    if envelope["Type"] != "Notification":
        return None
    return Notice(envelope["MessageId"], envelope["Message"], at)


def _envelope(body: bytes) -> dict[str, Any]:
    try:
        found = read_json(body)
    except DataError as error:  # who sends it is not known yet
        raise RefusedError("it is not a message of Amazon SNS: not JSON") from error
    signed = _SIGNED.get(str(found.get("Type"))) if isinstance(found, dict) else None
    if signed is None:
        raise RefusedError("it is not a message of Amazon SNS")
    needed = (*signed, "Signature", "SigningCertURL")
    wrong = [name for name in needed if name != "Subject" and not isinstance(found.get(name), str)]
    if wrong or not isinstance(found.get("Subject", ""), str | None):
        raise RefusedError(f"it is not a message of Amazon SNS: no {', '.join(wrong) or 'Subject'}")
    return dict(found)


def _check_signature(envelope: Mapping[str, Any], host: str, now: datetime, get: Fetch) -> None:
    algorithm = _HASHES.get(envelope.get("SignatureVersion"))
    if algorithm is None:
        raise RefusedError("its SignatureVersion is neither 1 nor 2")
    key = _public_key(envelope["SigningCertURL"], host, now, get)
    fields = (name for name in _SIGNED[envelope["Type"]] if envelope.get(name) is not None)
    text = "".join(f"{name}\n{envelope[name]}\n" for name in fields)
    try:
        signature = base64.b64decode(envelope["Signature"], validate=True)
        key.verify(signature, text.encode(), padding.PKCS1v15(), algorithm())
    except (binascii.Error, ValueError, InvalidSignature) as error:
        raise RefusedError("its signature is not Amazon's") from error


def _public_key(url: str, host: str, now: datetime, get: Fetch) -> rsa.RSAPublicKey:
    if not _is_at(url, host) or not _CERTIFICATE_PATH.fullmatch(url.removeprefix(f"https://{host}")):
        raise RefusedError(f"its SigningCertURL is not of https://{host}")
    with _lock:
        certificate = _certificates.get(url)
    if certificate is None:
        certificate = _read_certificate(get(url))
        with _lock:
            if len(_certificates) >= _MOST_CERTIFICATES:
                _certificates.clear()
            _certificates[url] = certificate
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise RefusedError("the certificate of its signature is not valid now")
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise RefusedError("the certificate of its signature has no RSA key")
    return key


def _read_certificate(page: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(page)
    except ValueError as error:
        raise DataError("what Amazon sent is no certificate") from error


def _confirmation(envelope: Mapping[str, Any], host: str) -> str:
    """The page that confirms; it is signed, and still nothing else than that is asked for."""
    url = str(envelope["SubscribeURL"])
    query = parse_qs(urlsplit(url).query)
    wanted = {"Action": ["ConfirmSubscription"], "TopicArn": [envelope["TopicArn"]]}
    if not _is_at(url, host) or any(query.get(name) != value for name, value in wanted.items()):
        raise RefusedError(f"its SubscribeURL is no confirmation at https://{host}")
    return url


def _is_at(url: str, host: str) -> bool:
    """Whether an address is that host's and no trick: `https://host@elsewhere`, another port, `http`."""
    return url.startswith(f"https://{host}/") and url.isascii() and url.isprintable() and "\\" not in url
