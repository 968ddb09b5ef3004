"""Signs requests as providers do, with keys of the tests' own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from recmail.deliver.esp import Webhook

TOPIC = "arn:aws:sns:us-east-1:123456789012:ses-events"
SNS_HOST = "https://sns.us-east-1.amazonaws.com"
CERTIFICATE_URL = f"{SNS_HOST}/SimpleNotificationService-0123456789abcdef.pem"
SVIX_SECRET = "whsec_" + base64.b64encode(b"a secret of the tests").decode()
LOGIN = ("recmail", "open sesame")


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def certificate(now: datetime, *, days: int = 30) -> bytes:
    """A certificate of the key that signs, valid from a day before `now` until some days after it."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(7)
    builder = builder.not_valid_before(now - timedelta(days=40)).not_valid_after(now + timedelta(days=days))
    signed = builder.public_key(rsa_key().public_key()).sign(rsa_key(), hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM)


def envelope(message: Any, now: datetime, **changes: Any) -> dict[str, Any]:
    """A notification of SNS, not signed yet."""
    text = message if isinstance(message, str) else json.dumps(message)
    return {
        "Type": "Notification",
        "MessageId": "19ba9823-d7f2-53c1-860e-cb10e0d13dfc",
        "TopicArn": TOPIC,
        "Subject": "Amazon SES Email Event Notification",
        "Message": text,
        "Timestamp": now.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "SignatureVersion": "2",
        "SigningCertURL": CERTIFICATE_URL,
        "UnsubscribeURL": f"{SNS_HOST}/?Action=Unsubscribe",
        **changes,
    }


def confirmation(now: datetime, **changes: Any) -> dict[str, Any]:
    """SNS asks whether we want this subscription, not signed yet."""
    url = f"{SNS_HOST}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37"
    changes = {"Type": "SubscriptionConfirmation", "Token": "2336412f37", "SubscribeURL": url, **changes}
    asked = envelope("You have chosen to subscribe to the topic.", now, **changes)
    return {name: value for name, value in asked.items() if name != "Subject"}


def by_sns(sent: dict[str, Any], key: rsa.RSAPrivateKey | None = None) -> Webhook:
    """Sign as docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html says."""
    names = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    text = "".join(f"{name}\n{sent[name]}\n" for name in names if name in sent)
    algorithm = hashes.SHA1() if sent["SignatureVersion"] == "1" else hashes.SHA256()
    signature = (key or rsa_key()).sign(text.encode(), padding.PKCS1v15(), algorithm)
    body = json.dumps({**sent, "Signature": base64.b64encode(signature).decode()}).encode()
    return Webhook({"content-type": "text/plain; charset=UTF-8"}, body)


def by_svix(event: Any, at: datetime, *, secret: str = SVIX_SECRET, event_id: str = "msg_2W2D3q") -> Webhook:
    """Sign as docs.svix.com/receiving/verifying-payloads/how-manual says."""
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    seconds = str(int(at.timestamp()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signature = hmac.digest(key, f"{event_id}.{seconds}.".encode() + body, hashlib.sha256)
    return Webhook(
        {
            "svix-id": event_id,
            "svix-timestamp": seconds,
            "svix-signature": f"v1,{base64.b64encode(signature).decode()}",
        },
        body,
    )


def sendgrid_key() -> str:
    """The verification key as SendGrid shows it."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(ec_key().public_key().public_bytes(serialization.Encoding.DER, form)).decode()


def by_sendgrid(events: Any, at: datetime, key: ec.EllipticCurvePrivateKey | None = None) -> Webhook:
    """Sign as SendGrid's security features of the Event Webhook say."""
    body = events if isinstance(events, bytes) else json.dumps(events).encode()
    seconds = str(int(at.timestamp()))
    signature = (key or ec_key()).sign(seconds.encode() + body, ec.ECDSA(hashes.SHA256()))
    return Webhook(
        {
            "x-twilio-email-event-webhook-signature": base64.b64encode(signature).decode(),
            "x-twilio-email-event-webhook-timestamp": seconds,
        },
        body,
    )


def by_postmark(event: Any, login: tuple[str, str] = LOGIN) -> Webhook:
    """Add user and password as HTTP clients do for https://user:password@host."""
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    encoded = base64.b64encode(":".join(login).encode()).decode()
    return Webhook({"authorization": f"Basic {encoded}"}, body)
