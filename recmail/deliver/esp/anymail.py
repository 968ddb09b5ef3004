"""Mailgun, Brevo, Mailjet, SparkPost and others, through django-anymail and without a Django project.

Documentation: https://anymail.dev/en/stable/esps/

Limits: the provider's; one message a request.

Oddities:
- It sends without idempotency keys: what gets no answer stays unknown until a person says.
- The provider builds the MIME and the Message-ID; ours travels as metadata where there is such a thing.
- Whether a key is good, only a message tells; and what comes back is not read here.
- Links and opens are rewritten as the account's settings at the provider say.
"""

from __future__ import annotations

import importlib
import importlib.util
import threading
from contextlib import closing
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from recmail.deliver.crash import crash_at
from recmail.deliver.esp import EspOptions
from recmail.deliver.esp.http_door import CONNECT_TIMEOUT_S, Answer
from recmail.deliver.esp.http_options import refusal
from recmail.deliver.esp.http_parts import take_apart
from recmail.deliver.esp.outgoing_body import FollowedBody
from recmail.errors import (
    AccountRefused,
    DeliveryError,
    MessageRefused,
    OutcomeUnknown,
    RecipientRefused,
    TemporaryFailure,
    did_you_mean,
)
from recmail.records import Outgoing
from recmail.settings import Secret, as_secret, is_loopback
from recmail.settings.secret import HIDDEN, is_secret_name
from recmail.settings.source import shown

MISSING = "this needs django-anymail, which is not installed: pip install 'recmail[anymail]'"
READ_TIMEOUT_S = 60.0
_LONGEST_SAID = 300
_KNOWN = (
    *("brevo", "mailersend", "mailgun", "mailjet", "mailtrap", "mandrill", "postal", "sparkpost"),
    "unisender_go",
)
_OURS = {"postmark", "resend", "sendgrid", "ses"}
_WITH_METADATA = {"brevo", "mailgun", "mailjet", "mailtrap", "mandrill", "sparkpost", "unisender_go"}
_NAMED = {"mailersend": "api_token", "mailtrap": "api_token"}  # what anymail calls their keys
_THROTTLED = {420, 429}  # SparkPost says 420 at times
_lock = threading.Lock()


def _esp(name: str) -> str:
    if name in _OURS:
        raise ValueError(f'found {shown(name)}, to which recmail speaks itself: write type = "{name}"')
    if name not in _KNOWN:
        hint = did_you_mean(name, _KNOWN) or f"; expected one of {', '.join(_KNOWN)}"
        raise ValueError(f"found {shown(name)}{hint}")
    return name


class Anymail(EspOptions):
    """[provider.NAME] with type = "anymail".

    Attributes:
        esp: which provider.
        secret_key: the second half of Mailjet's key.
        options: the provider's other settings in anymail's words, lower case and without its name, such as
            sender_domain or api_url for Mailgun.
    """

    esp: Annotated[str, AfterValidator(_esp)]
    api_key: Annotated[Secret, BeforeValidator(as_secret)]
    secret_key: Annotated[Secret | None, BeforeValidator(as_secret)] = None
    options: dict[str, str | int | bool] = Field(default_factory=dict)

    @field_validator("options")
    @classmethod
    def _without_secrets(cls, options: dict[str, str | int | bool]) -> dict[str, str | int | bool]:
        for name in options:
            if is_secret_name(name):
                raise ValueError(f"{name} is a secret; api_key and secret_key have places of their own")
        url = options.get("api_url")
        if url is not None:
            parts = urlsplit(str(url))
            if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
                raise ValueError(f"found {shown(url)}; expected https:// (http:// only on this machine)")
        return options

    @model_validator(mode="after")
    def _usable(self) -> Anymail:
        if importlib.util.find_spec("anymail") is None:
            raise ValueError(MISSING)
        self._secrets()  # now, so that a missing variable is said before the first message
        return self

    def _secrets(self) -> dict[str, str]:
        named = {_NAMED.get(self.esp, "api_key"): self.api_key, "secret_key": self.secret_key}
        return {name: secret.reveal() for name, secret in named.items() if secret is not None}

    @property
    def leaves_machine(self) -> bool:
        """False for a server on loopback."""
        return not is_loopback(urlsplit(str(self.options.get("api_url", ""))).hostname or "")

    def connect(self) -> AnymailConnection:
        """Open one connection; somebody must answer there, as `EspOptions.connect`."""
        return AnymailConnection(self.esp, {**self.options, **self._secrets()}, secrets=self._secrets())

    def probe(self) -> str:
        """Find out whether somebody answers, as `EspOptions.probe`."""
        with closing(self.connect()) as connection:
            return f"{connection.place} answers; whether the key is good, recmail preview --to shows"


def _backend(esp: str, options: dict[str, Any]) -> Any:
    """The provider's class of anymail, opened; Django's settings are empty and made once."""
    settings = importlib.import_module("django.conf").settings
    with _lock:
        if not settings.configured:
            settings.configure()
    try:
        kind = _strict(importlib.import_module(f"anymail.backends.{esp}").EmailBackend)
        timeouts = {"requests_timeout": (CONNECT_TIMEOUT_S, READ_TIMEOUT_S)}
        backend = kind(**options, **timeouts)
    except importlib.import_module("django.core.exceptions").ImproperlyConfigured as error:
        raise AccountRefused(f"{esp}: {' '.join(str(error).split())[:_LONGEST_SAID]}") from error
    except TypeError as error:
        raise AccountRefused(f"{esp}: {error}") from error
    backend.open()
    return backend


def _strict(kind: type) -> Any:
    """The class of a provider, which now says which options it does not know; Django takes them all."""
    base = importlib.import_module("django.core.mail.backends.base").BaseEmailBackend

    class Rest(base):  # type: ignore[misc, valid-type]
        def __init__(self, fail_silently: bool = False, **rest: object) -> None:
            if rest:
                raise TypeError(f"its options in recmail.toml are not anymail's: {', '.join(rest)}")
            super().__init__(fail_silently=fail_silently)

    return type(kind.__name__, (kind, Rest), {})


class AnymailConnection:
    """One thread's access to a provider.

    Attributes:
        place: the provider, for messages.
    """

    def __init__(self, esp: str, options: dict[str, Any], *, secrets: dict[str, str]) -> None:
        self._esp, self._secrets = esp, [*secrets.values()]
        self._requests = importlib.import_module("requests")
        self._errors = importlib.import_module("anymail.exceptions")
        self._mail = importlib.import_module("django.core.mail")
        self._backend = _backend(esp, options)
        self.place = f"{self._backend.esp_name} at {urlsplit(self._backend.api_url).netloc}"
        self._body = FollowedBody()
        self._follow_bodies()
        try:
            self._backend.session.head(self._backend.api_url, timeout=CONNECT_TIMEOUT_S)
        except self._requests.RequestException as error:
            self.close()
            raise self._broken(error) from error

    def _follow_bodies(self) -> None:
        connection = self

        class Adapter(self._requests.adapters.HTTPAdapter):  # type: ignore[misc, name-defined]
            """Sends bodies that know whether they have left."""

            def send(self, request: Any, *arguments: Any, **named: Any) -> Any:
                body = request.body or b""
                connection._body = FollowedBody(body.encode() if isinstance(body, str) else body)
                if request.body:
                    request.body = connection._body
                return super().send(request, *arguments, **named)

        for scheme in ("https://", "http://"):
            self._backend.session.mount(scheme, Adapter())

    def send(self, message: Outgoing) -> str:
        """Deliver one message, as `Esp.send`."""
        parts = take_apart(message)
        mail = self._mail.EmailMultiAlternatives(
            parts.subject,
            parts.text,
            str(parts.sender),
            [str(parts.recipient)],
            reply_to=[str(parts.reply_to)] if parts.reply_to else None,
            headers=dict(parts.headers),
        )
        if parts.html:
            mail.attach_alternative(parts.html, "text/html")
        if self._esp in _WITH_METADATA:
            mail.metadata = {"message_id": message.message_id}
        self._body = FollowedBody()
        crash_at("before-envelope")
        try:
            self._backend.send_messages([mail])
        except self._errors.AnymailRecipientsRefused as error:
            raise RecipientRefused(f"{self.place} refused the address: {self._said(error)}") from error
        except self._errors.AnymailUnsupportedFeature as error:
            raise AccountRefused(f"{self.place} cannot send what recmail's mail has: {error}") from error
        except self._errors.AnymailError as error:
            raise self._broken(error) from error
        crash_at("after-reply")
        return self._provider_id(mail.anymail_status)

    def _provider_id(self, status: Any) -> str:
        """What became of the one recipient: https://anymail.dev/en/stable/sending/anymail_additions/."""
        said = next(iter(status.status or {"unknown"}))
        if said == "failed":
            raise MessageRefused(f"{self.place} says that it failed")
        if said not in ("sent", "queued"):
            raise OutcomeUnknown(f"{self.place} does not say what became of the message")
        return str(status.message_id or "")

    def _broken(self, error: Exception) -> DeliveryError:
        answer = getattr(error, "response", None)
        if answer is not None:
            return self._refusal(answer)
        kinds, said = self._requests.exceptions, self._said(error.__cause__ or error)
        if isinstance(error, kinds.SSLError):
            return AccountRefused(f"{self.place}: its certificate is not valid: {said}")
        if self._body.has_left:
            return OutcomeUnknown(f"{self.place} took the message and gave no answer: {said}")
        if isinstance(error, kinds.RequestException):
            return TemporaryFailure(f"cannot reach {self.place}: {said}")
        return MessageRefused(f"{self.place}: {said}")  # nothing was asked: anymail could not write it

    def _refusal(self, answer: Any) -> DeliveryError:
        lower = {name.lower(): value for name, value in answer.headers.items()}
        heard = Answer(self.place, answer.status_code, lower, self._hidden(answer.text))
        if heard.accepts:
            return OutcomeUnknown(f"{heard}, which cannot be read")
        if heard.status in _THROTTLED:
            return TemporaryFailure(str(heard), retry_after_s=heard.retry_after_s, slows=True)
        return refusal(heard)

    def _said(self, error: BaseException) -> str:
        return self._hidden(" ".join(str(error).split())[:_LONGEST_SAID])

    def _hidden(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text

    def close(self) -> None:
        """End the connection."""
        self._backend.close()
