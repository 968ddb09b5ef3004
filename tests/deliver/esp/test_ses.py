"""Amazon SES: moto answers, with a server between that keeps the record and lets things go wrong."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Iterator, Sequence
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parseaddr
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from recmail.deliver.esp.ses import Ses
from recmail.deliver.esp.ses_client import refusal
from recmail.errors import (
    AccountRefused,
    DeliveryError,
    MessageRefused,
    OutcomeUnknown,
    RecipientRefused,
    TemporaryFailure,
)
from recmail.settings import Secret
from recmail.settings.rates import read_rates
from tests.conftest import NOW
from tests.deliver.esp.contract_http import SECRET, ProviderContract, Seen, outgoing
from tests.deliver.esp.signing import TOPIC
from tests.http_servers import Answer, HttpServer, Reply, Request, forward
from tests.servers import CERTIFICATES, unused_port

PATH = "/v2/email/outbound-emails"
# docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetAccount.html; moto does not know it.
ACCOUNT: dict[str, Any] = {
    "DedicatedIpAutoWarmupEnabled": False,
    "EnforcementStatus": "HEALTHY",
    "ProductionAccessEnabled": True,
    "SendQuota": {"Max24HourSend": 50000.0, "MaxSendRate": 14.0, "SentLast24Hours": 1234.0},
    "SendingEnabled": True,
}
SAID = {
    MessageRefused: (400, "MessageRejected", "The message contains a virus."),
    AccountRefused: (400, "SendingPausedException", "Email sending is disabled."),
    TemporaryFailure: (429, "TooManyRequestsException", "Maximum sending rate exceeded."),
    RecipientRefused: (400, "BadRequestException", "Domain starts with dot"),
}


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """A server of SES that nobody here wrote; the sender's domain is verified."""
    server = ThreadedMotoServer("127.0.0.1", unused_port(), verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    client = boto3.client(
        "sesv2",
        region_name="eu-west-1",
        endpoint_url=url,
        aws_access_key_id="AKIAEXAMPLE",
        aws_secret_access_key="x",
    )
    client.create_email_identity(EmailIdentity="acme.example")
    client.close()
    yield url
    server.stop()


def ses(url: str, monkeypatch: pytest.MonkeyPatch, *, patience_s: float = 30.0, **more: Any) -> Ses:
    monkeypatch.setenv("SES_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("SES_SECRET", SECRET)
    monkeypatch.setattr(Ses, "reply_timeout_s", patience_s)
    key_id, secret = Secret("env:SES_KEY_ID", CERTIFICATES), Secret("env:SES_SECRET", CERTIFICATES)
    keys = {"access_key_id": key_id, "secret_access_key": secret, "region": "eu-west-1"}
    return Ses.model_validate({**keys, "endpoint_url": url, "connections": 10, **more})


def error(status: int, name: str, message: str) -> Reply:
    return Reply(status, json.dumps({"message": message}).encode(), {"x-amzn-ErrorType": name})


def parts(message: Message) -> dict[str, str]:
    return {
        part.get_content_type(): bytes(part.get_payload(decode=True)).decode()
        for part in message.walk()
        if not part.is_multipart()
    }


class TestSes(ProviderContract):
    silence_s = 0.3  # moto is not quick
    moto: str

    @pytest.fixture(autouse=True)
    def _server(self, moto: str) -> None:
        self.moto = moto

    def options(self, url: str, patch: pytest.MonkeyPatch, *, patience_s: float = 30.0) -> Ses:
        return ses(url, patch, patience_s=patience_s, configuration_set="events")

    def provider(self) -> Answer:
        return forward(self.moto)

    def told(self, request: Request) -> Reply:
        if request.path == "/v2/email/account":
            return Reply(200, json.dumps(ACCOUNT).encode())
        return forward(self.moto)(request)

    def sends(self, request: Request) -> bool:
        return request.path == PATH

    def seen(self, request: Request) -> Sequence[Seen]:
        asked = json.loads(request.body)
        assert "FromEmailAddress" not in asked
        message = message_from_bytes(base64.b64decode(asked["Content"]["Raw"]["Data"]))
        (recipient,) = asked["Destination"]["ToAddresses"]
        bodies = parts(message)
        subject = str(make_header(decode_header(message["Subject"])))
        headers = {name.lower(): "".join(value.splitlines()) for name, value in message.items()}
        sender = parseaddr(message["From"])[1]
        return [Seen(sender, recipient, subject, bodies["text/plain"], bodies["text/html"], headers)]

    def refusing(self, recipients: Collection[str]) -> Answer:
        def answer(request: Request) -> Reply:
            [seen] = self.seen(request)
            return self.no(RecipientRefused) if seen.recipient in recipients else self.provider()(request)

        return answer

    def no(self, kind: type[DeliveryError]) -> Reply:
        return error(*SAID[kind])

    # --- SES alone ----------------------------------------------------------------------------------

    def test_events_can_be_matched_and_are_published(self, server: HttpServer, esp: Any) -> None:
        esp.send(outgoing(7))
        asked = json.loads(server.exchanges[-1].request.body)
        assert asked["EmailTags"] == [{"Name": "message_id", "Value": outgoing(7).message_id}]
        assert asked["ConfigurationSetName"] == "events"

    def test_one_call_is_one_request(self, server: HttpServer, esp: Any) -> None:
        """Retries of botocore would send again."""
        server.fault = lambda head: (lambda _: Reply(503, b"{}")) if self.sends(head) else None
        with pytest.raises(OutcomeUnknown):
            esp.send(outgoing())
        assert len(self.calls(server)) == 1

    def test_a_sender_that_is_not_verified_is_our_fault(self, esp: Any) -> None:
        other = outgoing().mime.replace(b"learn@acme.example", b"learn@else.example")
        message = outgoing()
        with pytest.raises(AccountRefused, match="verify the sender's domain"):
            esp.send(type(message)(message.sender, message.recipient, other, message.message_id, "x"))

    def test_wrong_keys_are_said_before_the_first_message(
        self, server: HttpServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.fault = lambda _: lambda _: error(403, "InvalidClientTokenId", "The token is invalid.")
        with pytest.raises(AccountRefused, match="access_key_id"):
            self.options(server.url, monkeypatch).connect()

    # --- the account ------------------------------------------------------------------------------

    def account(self, server: HttpServer, **changes: Any) -> None:
        found = Reply(200, json.dumps({**ACCOUNT, **changes}).encode())
        server.fault = lambda head: (lambda _: found) if head.path == "/v2/email/account" else None

    def test_quotas_are_read_from_the_account(
        self, server: HttpServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = self.options(server.url, monkeypatch)
        assert [str(rate) for rate in found.limits()] == ["14 per second", "50000 per day"]
        own = ses(server.url, monkeypatch, at_most=["5 per second"])
        assert own.limits() == own.at_most == read_rates("5 per second")
        assert ses(f"http://127.0.0.1:{unused_port()}", monkeypatch).limits() == ()
        self.account(server, SendQuota={"Max24HourSend": -1.0, "MaxSendRate": 0.5, "SentLast24Hours": 0.0})
        assert [str(rate) for rate in self.options(server.url, monkeypatch).limits()] == ["1 per second"]

    def test_looking_says_what_the_account_may(
        self, server: HttpServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        said = self.options(server.url, monkeypatch).probe()
        assert said == (
            f"SES at {server.url} answers: the account may send 14 per second and 50,000 per day, "
            "1,234 used in the last 24 hours"
        )
        assert not self.calls(server)

    def test_a_key_that_may_only_send_is_good(
        self, server: HttpServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        denied = error(403, "AccessDeniedException", "not authorized to perform ses:GetAccount")
        server.fault = lambda head: (lambda _: denied) if head.path == "/v2/email/account" else None
        options = self.options(server.url, monkeypatch)
        assert options.probe().endswith("the key is good, but the account cannot be looked at")
        assert options.limits() == ()
        connection = options.connect()
        assert connection.send(outgoing())
        connection.close()

    def test_all_is_well(self, server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
        options = ses(server.url, monkeypatch, configuration_set="events", topic_arn=TOPIC)
        assert list(options.doubts(["learn@acme.example", "courses@news.acme.example"])) == []
        assert options.reads_webhooks

    def test_what_stands_in_the_way_is_said_with_the_next_step(
        self, server: HttpServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.account(
            server, ProductionAccessEnabled=False, EnforcementStatus="PROBATION", SendingEnabled=False
        )
        found = list(ses(server.url, monkeypatch, at_most=["20 per second"]).doubts(["learn@else.example"]))
        assert [(one.found.split(":")[0], one.stops) for one in found] == [
            ("sending is switched off for the account", True),
            ("Amazon has the account under review or stopped", False),
            ("the account is in the sandbox", False),
            ("at_most says 20 per second, and the account may send 14 per second", False),
            ("else.example is not verified, so SES takes nothing from it", True),
            ("bounces and complaints do not come back to recmail", False),
        ]
        assert 'at_most = ["14 per second", "50000 per day"]' in found[3].next
        assert all(one.next for one in found)


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "name", "message", "kind", "advice"),
    [
        (400, "AccountSuspendedException", "suspended", AccountRefused, "SES console"),
        (400, "MailFromDomainNotVerifiedException", "x", AccountRefused, "MAIL FROM"),
        (
            404,
            "NotFoundException",
            "Configuration set <x> does not exist",
            AccountRefused,
            "configuration_set",
        ),
        (400, "MessageRejected", "Email address is not verified.", AccountRefused, "verify the sender"),
        (403, "AccessDeniedException", "is not authorized", AccountRefused, "ses:SendRawEmail"),
        (403, "UnrecognizedClientException", "The token is invalid.", AccountRefused, "AWS_PROFILE"),
        (403, "SignatureDoesNotMatch", "x", AccountRefused, "secret_access_key"),
        (403, "Something", "", AccountRefused, "Something"),
        (429, "TooManyRequestsException", "Daily message quota exceeded.", AccountRefused, "24 hours"),
        (400, "ThrottlingException", "Maximum sending rate exceeded.", TemporaryFailure, "exceeded"),
        (400, "BadRequestException", "Local address contains control", RecipientRefused, "Local"),
        (400, "BadRequestException", "Duplicate header", MessageRefused, "Duplicate"),
        (413, "RequestEntityTooLarge", "", MessageRefused, "TooLarge"),
        (500, "InternalServiceErrorException", "", OutcomeUnknown, "Internal"),
    ],
)
def test_each_error_is_what_it_says(
    status: int, name: str, message: str, kind: type[DeliveryError], advice: str
) -> None:
    about = {"HTTPStatusCode": status, "HTTPHeaders": {}}
    found = refusal("SES", {"Error": {"Code": name, "Message": message}, "ResponseMetadata": about})
    assert type(found) is kind
    assert advice in str(found)


# --- settings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"endpoint_url": "http://email.example.com"}, "https://"),
        ({"endpoint_url": "email.example.com"}, "expected an address"),
        ({"region": "Ireland"}, "such as eu-west-1"),
        ({"topic_arn": "arn:aws:sqs:eu-west-1:1:x"}, "expected the ARN"),
        ({"configuration_set": "a b"}, "a name of letters"),
        ({"access_key_id": "AKIAEXAMPLE"}, "expected env:NAME"),
        ({"access_key_id": Secret("env:HOME", CERTIFICATES)}, "belong together"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused(values: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Ses.model_validate(values)


def test_a_missing_extra_names_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "boto3", None)
    with pytest.raises(ValueError, match=r"pip install 'recmail\[ses\]'"):
        Ses()


def test_amazon_is_elsewhere() -> None:
    assert Ses(region="eu-west-1").leaves_machine
    assert not Ses(region="eu-west-1").reads_webhooks


def test_without_keys_or_region_the_next_step_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nonexistent")
    with pytest.raises(AccountRefused, match="write region = "):
        Ses().connect()
    with pytest.raises(AccountRefused, match="Unable to locate credentials; check access_key_id"):
        Ses(region="eu-west-1", endpoint_url="http://127.0.0.1:1").connect()


def test_webhooks_need_a_topic() -> None:
    from recmail.deliver.esp import Webhook
    from recmail.errors import RefusedError

    with pytest.raises(RefusedError, match="ses has no webhooks"):
        Ses().read_webhook(Webhook({}, b"{}"), now=NOW)
    with pytest.raises(RefusedError, match="not a message of Amazon SNS"):
        Ses(topic_arn=TOPIC).read_webhook(Webhook({}, b"{}"), now=NOW)
