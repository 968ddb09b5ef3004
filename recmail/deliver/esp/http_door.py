"""The door to providers over HTTP: a request, its answer, and exactly what had left when it broke."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from recmail import __version__
from recmail.deliver.crash import crash_at
from recmail.errors import AccountRefused, DeliveryError, OutcomeUnknown, TemporaryFailure
from recmail.settings.secret import HIDDEN

CONNECT_TIMEOUT_S = 10.0
WRITE_TIMEOUT_S = 60.0
QUESTION_TIMEOUT_S = 10.0  # somebody waits for it
_LONGEST_SAID = 300  # of an answer, in messages for people


@dataclass(frozen=True)
class Answer:
    """What a provider says; names of headers in lower case."""

    place: str
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def accepts(self) -> bool:
        """The request as such was good; its messages may still be refused."""
        return 200 <= self.status < 300

    @property
    def json(self) -> Any:
        """The body as JSON; None when it is none."""
        try:
            return json.loads(self.text)
        except ValueError:
            return None

    @property
    def retry_after_s(self) -> float | None:
        """When to come back: Retry-After (RFC 9110 10.2.3), measured by the server's own clock."""
        value = self.headers.get("retry-after", "")
        if value.isdigit():
            return float(value)
        return self.seconds_until(_time(value))

    def seconds_until(self, moment: datetime | None) -> float | None:
        """How far off a time is that the server names; None when either is not known."""
        here = _time(self.headers.get("date", ""))
        if moment is None or here is None:
            return None
        return max(0.0, (moment - here).total_seconds())

    def __str__(self) -> str:
        said = " ".join(self.text.split())[:_LONGEST_SAID]
        return f"{self.place} answered {self.status}" + (f": {said}" if said else "")


def _time(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _timeout(read_s: float) -> httpx.Timeout:
    return httpx.Timeout(CONNECT_TIMEOUT_S, read=read_s, write=WRITE_TIMEOUT_S, pool=None)


class Door:
    """Connections to one provider that are kept open and shared by threads.

    Args:
        headers: of every request.
        secret: part of them that is kept out of every text.
        read_timeout_s: how long an answer may take when messages have left.

    Attributes:
        reached: somebody answered, and since then nobody was out of reach.
    """

    def __init__(
        self, url: str, *, headers: Mapping[str, str], secret: str, read_timeout_s: float, is_local: bool
    ) -> None:
        self.place = httpx.URL(url).netloc.decode("ascii")
        self._secret = secret
        self.reached = False
        self._read_timeout_s = read_timeout_s
        self._client = httpx.Client(
            base_url=url,
            headers={"User-Agent": f"recmail/{__version__}", "Accept": "application/json", **headers},
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=None),
            trust_env=not is_local,  # a proxy is for other machines
        )

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send JSON.

        Raises:
            AccountRefused: this is not who it should be.
            TemporaryFailure: not all of the body had left, so nothing was accepted.
            OutcomeUnknown: it had, and there was no answer.
        """
        request = self._client.build_request(
            "POST",
            path,
            content=body,
            headers={"Content-Type": "application/json", **headers},
            timeout=_timeout(self._read_timeout_s),
        )
        return self._ask(request)

    def get(self, path: str) -> Answer:
        """Ask a question.

        Raises:
            AccountRefused, TemporaryFailure: as `post`.
        """
        try:
            return self._ask(self._client.build_request("GET", path, timeout=_timeout(QUESTION_TIMEOUT_S)))
        except OutcomeUnknown as error:
            raise TemporaryFailure(str(error)) from error

    def close(self) -> None:
        """End all connections."""
        self._client.close()

    def _ask(self, request: httpx.Request) -> Answer:
        left = False

        def trace(event: str, _info: object) -> None:
            # httpcore says which step of a request is done. It goes on reading when writing failed, because
            # a server may answer early, so the exception that comes in the end does not tell.
            nonlocal left
            if event.endswith("send_request_body.started"):
                left = False  # a request to a proxy came before
                crash_at("before-body")
            elif event.endswith("send_request_body.complete"):
                left = True
                crash_at("after-body")

        request.extensions["trace"] = trace
        try:
            found = self._client.send(request)
        except httpx.RequestError as error:
            raise self._broken(error, left=left) from error
        self.reached = True
        lower = {name.lower(): value for name, value in found.headers.items()}
        return Answer(self.place, found.status_code, lower, self._hidden(found.text))

    def _broken(self, error: httpx.RequestError, *, left: bool) -> DeliveryError:
        said = self._hidden(str(error)) or type(error).__name__
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return AccountRefused(f"{self.place}: its certificate is not valid: {cause.verify_message}")
            cause = cause.__cause__ or cause.__context__
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
            self.reached = False
            return TemporaryFailure(f"cannot reach {self.place}: {said}")
        if left:
            return OutcomeUnknown(f"{self.place} took the request and gave no answer: {said}")
        return TemporaryFailure(f"{self.place} was lost in the request: {said}")

    def _hidden(self, text: str) -> str:
        return text.replace(self._secret, HIDDEN)
