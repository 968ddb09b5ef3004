"""Amazon SES: one message a request, over API version 2, as finished MIME.

Documentation: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html

Limits: 40 MB a message; a rate a second and a quota of 24 hours for each account and region, which are read
from the account where `at_most` does not say less.

Oddities:
- Personal emails cannot be sent in bulk: SendBulkEmail fills in a template of theirs.
- No idempotency keys, and boto3 sends again by itself unless told not to: what gets no answer stays unknown
  until an event with its tag, or a person, says.
- Every message gets a Message-ID of SES's own; ours travels in the tag `message_id`.
- FromEmailAddress would replace the From header and its name, so it is left out.
- A new account is in the sandbox; it then calls recipients "not verified" in the words it has for senders.
"""

from __future__ import annotations

import copy
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime
from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, model_validator

from recmail.deliver.crash import crash_at
from recmail.deliver.esp import Doubt, EspOptions, Webhook
from recmail.deliver.esp.ses_account import check_account, check_sender, read_account
from recmail.deliver.esp.ses_client import MISSING, Access, Client, is_installed
from recmail.deliver.esp.ses_webhook import read, read_saved
from recmail.deliver.esp.sns import host_of
from recmail.deliver.esp.webhooks import MESSAGE_TAG
from recmail.errors import DeliveryError, OutcomeUnknown
from recmail.records import Event, Outgoing
from recmail.settings import Secret, as_secret, is_loopback
from recmail.settings.rates import Rate
from recmail.settings.source import shown

PROBE_TIMEOUT_S = 10.0  # somebody waits for it
_TAG = re.compile(r"[A-Za-z0-9_.@-]{1,256}")  # what the value of a message tag may consist of


def _endpoint(url: str) -> str:
    parts = urlsplit(url)
    if not parts.hostname or parts.scheme not in ("http", "https") or parts.query or parts.username:
        raise ValueError(
            f"found {shown(url)}; expected an address such as https://email.eu-west-1.amazonaws.com"
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError(f"found {shown(url)}; expected https:// (http:// only on this machine)")
    return url.rstrip("/")


def _region(name: str) -> str:
    if not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", name):
        raise ValueError(f"found {shown(name)}; expected a region such as eu-west-1")
    return name


def _configuration_set(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
        raise ValueError(f"found {shown(name)}; expected a name of letters, digits, - and _, such as recmail")
    return name


def _topic(arn: str) -> str:
    host_of(arn)
    return arn


class Ses(EspOptions):
    """[provider.NAME] with type = "ses".

    Attributes:
        region: where the sender's domain is verified, such as eu-west-1; without it AWS's own chain says.
        access_key_id, secret_access_key: without them AWS's own chain is asked: variables, profiles, roles.
        configuration_set: what publishes events; needed for webhooks.
        topic_arn: the SNS topic whose events are believed.
        endpoint_url: a VPC endpoint, or a server for tests.
    """

    reply_timeout_s: ClassVar[float] = 60.0

    connections: int = Field(4, ge=1, le=256)
    region: Annotated[str, AfterValidator(_region)] | None = None
    access_key_id: Annotated[Secret | None, BeforeValidator(as_secret)] = None
    secret_access_key: Annotated[Secret | None, BeforeValidator(as_secret)] = None
    configuration_set: Annotated[str, AfterValidator(_configuration_set)] | None = None
    topic_arn: Annotated[str, AfterValidator(_topic)] | None = None
    endpoint_url: Annotated[str, AfterValidator(_endpoint)] | None = None
    _open: int = PrivateAttr(0)
    _client: Client | None = PrivateAttr(None)
    _lock: threading.Lock = PrivateAttr(default_factory=threading.Lock)
    _failed: tuple[float, DeliveryError] | None = PrivateAttr(None)

    @model_validator(mode="after")
    def _usable(self) -> Ses:
        if not is_installed():
            raise ValueError(MISSING)
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("access_key_id and secret_access_key belong together")
        # Read now, so that a missing variable is said before the first message, not at it.
        if not "".join(self._login() or ()).isascii():
            raise ValueError("access_key_id and secret_access_key must be ASCII")
        return self

    def _login(self) -> tuple[str, str] | None:
        if self.access_key_id is None or self.secret_access_key is None:
            return None
        return self.access_key_id.reveal(), self.secret_access_key.reveal()

    @property
    def leaves_machine(self) -> bool:
        """False for a server on loopback."""
        return not self.endpoint_url or not is_loopback(urlsplit(self.endpoint_url).hostname or "")

    def _new_client(self, reply_timeout_s: float) -> Client:
        access = Access(self.region, self.endpoint_url, self._login(), not self.leaves_machine)
        return Client(access, reply_timeout_s=reply_timeout_s, connections=self.connections)

    # --- sending ----------------------------------------------------------------------------------

    def connect(self) -> SesConnection:
        """Give one more thread the client; somebody who knows us must answer, as `EspOptions.connect`."""
        came_s = time.monotonic()
        with self._lock:
            if self._client is None:
                if self._failed and self._failed[0] >= came_s:  # while we waited for the lock
                    raise copy.copy(self._failed[1])
                self._client = self._opened()
            self._open += 1
            return SesConnection(self, self._client)

    def _opened(self) -> Client:
        client = self._new_client(self.reply_timeout_s)
        try:
            read_account(client)
        except DeliveryError as error:
            self._failed = time.monotonic(), error
            client.close()
            raise
        return client

    def leave(self) -> None:
        """One thread less; the last one closes the client."""
        with self._lock:
            self._open -= 1
            if not self._open and self._client is not None:
                self._client.close()
                self._client = None

    def limits(self) -> tuple[Rate, ...]:
        """`at_most`, else what the account allows, if it can be asked."""
        if self.at_most:
            return self.at_most
        try:
            with closing(self._new_client(PROBE_TIMEOUT_S)) as client:
                account = read_account(client)
                return account.rates if account else ()
        except DeliveryError:
            return ()  # the first connection says it

    # --- looking ----------------------------------------------------------------------------------

    def probe(self) -> str:
        """Ask for the account, as `EspOptions.probe`."""
        with closing(self._new_client(PROBE_TIMEOUT_S)) as client:
            account = read_account(client)
            return f"{client.place} answers: " + (
                f"the account {account}"
                if account
                else "the key is good, but the account cannot be looked at"
            )

    def doubts(self, senders: Sequence[str]) -> Iterator[Doubt]:
        """Quotas, sandbox, and whether the senders' domains are verified."""
        with closing(self._new_client(PROBE_TIMEOUT_S)) as client:
            account = read_account(client)
            if account is not None:
                yield from check_account(account, self.at_most)
            for sender in senders:
                doubt = check_sender(client, sender)
                if doubt is not None:
                    yield doubt
        if not self.topic_arn or not self.configuration_set:
            yield Doubt(
                "bounces and complaints do not come back to recmail",
                "set configuration_set and topic_arn as docs/webhooks.md says",
            )

    # --- what comes back --------------------------------------------------------------------------

    @property
    def reads_webhooks(self) -> bool:
        """Once it is known whose events to believe."""
        return self.topic_arn is not None

    def read_webhook(self, request: Webhook, *, now: datetime) -> Sequence[Event]:
        """Read what SNS posts, as `EspOptions.read_webhook`."""
        if self.topic_arn is None:
            return super().read_webhook(request, now=now)
        return read(request, self.topic_arn, now=now)

    def read_events(self, body: bytes) -> Sequence[Event]:
        """Read what SNS posted once, or the event of SES in it, without its signature.

        Raises:
            DataError: it cannot be read.
        """
        return read_saved(body)


class SesConnection:
    """One thread's access to SES."""

    def __init__(self, options: Ses, client: Client) -> None:
        self._options, self._client = options, client
        self._is_open = True

    def send(self, message: Outgoing) -> str:
        """Deliver one message, as `Esp.send`."""
        parameters: dict[str, object] = {
            "Destination": {"ToAddresses": [message.recipient]},
            "Content": {"Raw": {"Data": message.mime}},
        }
        if self._options.configuration_set:
            parameters["ConfigurationSetName"] = self._options.configuration_set
        if _TAG.fullmatch(message.message_id):
            parameters["EmailTags"] = [{"Name": MESSAGE_TAG, "Value": message.message_id}]
        crash_at("before-envelope")
        answer = self._client.call("send_email", **parameters)
        crash_at("after-reply")
        provider_id = answer.get("MessageId")
        if not provider_id:
            raise OutcomeUnknown(f"{self._client.place} answered without a MessageId")
        return str(provider_id)

    def close(self) -> None:
        """Leave the client to the others."""
        if self._is_open:
            self._is_open = False
            self._options.leave()
