"""The door to Amazon SES: boto3's client, what had left when a call broke, and what its answers mean."""

from __future__ import annotations

import importlib
import importlib.util
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from recmail.deliver.esp.outgoing_body import FollowedBody
from recmail.errors import (
    AccountRefused,
    DeliveryError,
    MessageRefused,
    OutcomeUnknown,
    RecipientRefused,
    TemporaryFailure,
)
from recmail.settings.secret import hide

MISSING = "SES needs boto3, which is not installed: pip install 'recmail[ses]'"
CONNECT_TIMEOUT_S = 10.0
_LONGEST_SAID = 300
_THROTTLED = {"TooManyRequests", "Throttling", "ThrottledException", "LimitExceeded", "RequestThrottled"}
_DAILY = re.compile(r"daily .*quota", re.IGNORECASE)
_UNVERIFIED = re.compile(r"not verified|authority to send", re.IGNORECASE)
# What SES says of an address that cannot be one; our own was good for the messages before.
_NO_ADDRESS = re.compile(
    r"missing final '?@|missing '@'|domain (?:starts|ends|contains|name)|local (?:part|address|name)|"
    r"illegal (?:address|semicolon)|user name is missing|invalid domain",
    re.IGNORECASE,
)
_KEYS = (
    "check access_key_id, secret_access_key and region, or the keys that AWS's own chain finds "
    "(AWS_ACCESS_KEY_ID, AWS_PROFILE, the machine's role)"
)
_ADVICE = {  # by AWS's name of the error: nobody's message is at fault
    "AccountSuspended": "Amazon has suspended sending; its reason is in the SES console",
    "SendingPaused": "sending is paused for the account or the configuration set; see the SES console",
    "MailFromDomainNotVerified": "the MX record of the custom MAIL FROM domain is missing",
    "NotFound": "check configuration_set and region",
    "AccessDenied": "allow the key ses:SendEmail and ses:SendRawEmail, and ses:GetAccount for doctor",
    "UnrecognizedClient": _KEYS,
    "InvalidClientTokenId": _KEYS,
    "InvalidSignature": _KEYS,
    "SignatureDoesNotMatch": _KEYS,
    "ExpiredToken": _KEYS,
    "RequestExpired": "is this machine's clock right?",
}


def is_installed() -> bool:
    """Return whether the extra `ses` is there."""
    return importlib.util.find_spec("boto3") is not None


@lru_cache(maxsize=1)
def _loader() -> Any:
    """Reads what AWS says of its API, which is most of the time that making a client takes."""
    return importlib.import_module("botocore.loaders").create_loader()


def _session() -> Any:
    """AWS's own chain anew, as keys may have changed; boto3's sessions are no more than this."""
    session = importlib.import_module("botocore.session").get_session()
    session.register_component("data_loader", _loader())
    return session


@dataclass(frozen=True)
class Access:
    """Where SES is, and how to get in; None is left to AWS's own chain."""

    region: str | None
    endpoint_url: str | None
    login: tuple[str, str] | None
    is_local: bool


class Client:
    """A client of the API that threads share; its own retries are off, since they send again.

    Attributes:
        place: SES and where it is, for messages.
    """

    def __init__(self, access: Access, *, reply_timeout_s: float, connections: int) -> None:
        config = importlib.import_module("botocore.config")
        self._errors = importlib.import_module("botocore.exceptions")
        self._unreadable = importlib.import_module("botocore.parsers").ResponseParserError
        key_id, secret = access.login or (None, None)
        try:
            self._client = _session().create_client(
                "sesv2",
                region_name=access.region,
                aws_access_key_id=key_id,
                aws_secret_access_key=secret,
                endpoint_url=access.endpoint_url,
                config=config.Config(
                    retries={"total_max_attempts": 1},
                    connect_timeout=CONNECT_TIMEOUT_S,
                    read_timeout=reply_timeout_s,
                    max_pool_connections=connections,
                    proxies={} if access.is_local else None,  # a proxy is for other machines
                ),
            )
        except self._errors.BotoCoreError as error:
            if isinstance(error, self._errors.NoRegionError):
                advice = 'write region = "eu-west-1", or where your domain is verified, into its section'
                raise AccountRefused(f"SES is in many regions; {advice}") from error
            raise AccountRefused(f"SES cannot be used: {error}; {_KEYS}") from error
        self.place = f"SES in {self._client.meta.region_name}"
        if access.endpoint_url:
            self.place = f"SES at {access.endpoint_url}"
        self._local = threading.local()
        self._client.meta.events.register("before-send.sesv2.SendEmail", self._follow)

    def _follow(self, request: Any, **_: object) -> None:
        request.body = self._local.body = FollowedBody(request.body or b"")

    def call(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """Ask for something.

        Raises:
            DeliveryError: the answer is no, or there is none.
        """
        self._local.body = FollowedBody()
        try:
            found: Mapping[str, Any] = getattr(self._client, operation)(**parameters)
        except self._errors.ClientError as error:
            raise refusal(self.place, error.response) from error
        except (self._errors.BotoCoreError, self._errors.HTTPClientError, self._unreadable) as error:
            raise self._broken(error, has_left=self._local.body.has_left) from error
        return found

    def _broken(self, error: Exception, *, has_left: bool) -> DeliveryError:
        names, said = self._errors, f"{self.place}: {_short(str(error))}"
        if isinstance(
            error, names.EndpointConnectionError | names.ConnectTimeoutError | names.ProxyConnectionError
        ):
            return TemporaryFailure(f"cannot reach {self.place}: {_short(str(error))}")
        if isinstance(error, names.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
            return AccountRefused(f"{self.place}: its certificate is not valid")
        if isinstance(error, names.ParamValidationError):
            return MessageRefused(said)
        if has_left:
            return OutcomeUnknown(f"{self.place} took the message and gave no answer: {_short(str(error))}")
        if isinstance(error, names.HTTPClientError | names.ConnectionClosedError | self._unreadable):
            return TemporaryFailure(said)
        return AccountRefused(f"{said}; {_KEYS}")  # no keys, or half of them

    def close(self) -> None:
        """End all connections."""
        self._client.close()


def refusal(place: str, response: Mapping[str, Any]) -> DeliveryError:
    """What an answer of SES stands for that is no yes.

    Source: docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html and
    docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas-errors.html.
    """
    about, text = response.get("ResponseMetadata", {}), str(response.get("Error", {}).get("Message", ""))
    name, status = _name_and_status(response)
    said = f"{place} answered {name or status}: {_short(text)}"
    if status >= 500:
        return OutcomeUnknown(said)  # it may have been behind the one who says so, and have accepted it
    if _DAILY.search(text):
        # Trying again would use up everybody's tries before it frees, an hour's share at a time.
        return AccountRefused(
            f"{said}; that is all it may send in 24 hours: resume the run later, or have the quota raised"
        )
    if name in _THROTTLED or status == 429:
        after = str(about.get("HTTPHeaders", {}).get("retry-after", ""))
        return TemporaryFailure(said, retry_after_s=float(after) if after.isdigit() else None, slows=True)
    if _UNVERIFIED.search(text) and name not in _ADVICE:
        return AccountRefused(
            f"{said}; verify the sender's domain in this region, and in the sandbox also the recipients"
        )
    if name in _ADVICE:
        return AccountRefused(f"{said}; {_ADVICE[name]}")
    if name == "BadRequest" and _NO_ADDRESS.search(text):
        return RecipientRefused(said)
    if name in ("MessageRejected", "BadRequest") or status == 413:
        return MessageRefused(said)
    return AccountRefused(said)


def answer_of(error: DeliveryError) -> tuple[str, int]:
    """AWS's name and the status of what a `refusal` stands for; ("", 0) when there was no answer."""
    return _name_and_status(getattr(error.__cause__, "response", {}))


def _name_and_status(response: Mapping[str, Any]) -> tuple[str, int]:
    name = str(response.get("Error", {}).get("Code", "")).removesuffix("Exception")
    return name, int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _short(text: str) -> str:
    return hide(" ".join(text.split())[:_LONGEST_SAID])
