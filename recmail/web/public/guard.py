"""Around every request: bodies of a size, headers that browsers obey, and no bug that shows or traces."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any

from anyio import move_on_after
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recmail.web.public.door import Door
from recmail.web.public.pages import problem

_LONGEST = 16 * 1024  # bytes of a form; ours have a few hundred
_LONGEST_WEBHOOK = 1024 * 1024  # SendGrid's batches are the largest, 768 KiB at most
_PATIENCE_S = 20.0  # for a whole body: 200 visitors who send a letter a minute would keep all others out
_PAGE = (
    "default-src 'none'; style-src 'self'; img-src 'self' https:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "content-security-policy": _PAGE,
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "referrer-policy": "no-referrer",  # the address is the visitor's key
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "x-robots-tag": "noindex, nofollow",
}
"""What every answer carries, unless it says otherwise itself."""
_A_YEAR = "max-age=31536000"


class Guard:
    """An ASGI application around ours; the body is in scope["body"] when ours is called."""

    def __init__(self, application: ASGIApp, door: Door) -> None:
        self._application, self._door = application, door
        encrypted = door.project.settings.sender.public_url.startswith("https:")
        self._headers = {**HEADERS, **({"strict-transport-security": _A_YEAR} if encrypted else {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        answer = _Answer(send, self._headers)
        request = Request(scope)
        request.scope["app"] = self._application
        status, body = 408, None
        with move_on_after(_PATIENCE_S):
            status, body = 413, await _body(request, receive)
        if body is None:
            refusal = problem(request, status)
            refusal.headers["connection"] = "close"  # or the rest would go on coming, and be waited for
            await refusal(scope, receive, answer.send)
            return
        scope["body"] = body
        try:
            await self._application(scope, _replay(body, receive), answer.send)
        except Exception as error:  # a bug: said where somebody looks, without what it had in hand
            self._door.report(request, "bug", _place(error))
            if not answer.begun:
                await problem(request, 500)(scope, receive, answer.send)


class _Answer:
    """Passes an answer on, with our headers."""

    def __init__(self, send: Send, headers: Mapping[str, str]) -> None:
        self._send, self._headers = send, headers
        self.begun = False

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            headers = MutableHeaders(scope=message)
            for name, value in self._headers.items():
                headers.setdefault(name, value)
        await self._send(message)


async def _body(request: Request, receive: Receive) -> bytes | None:
    """Read a whole body; None when it is longer than it may be."""
    longest = _LONGEST_WEBHOOK if request.scope["path"].startswith("/webhooks/") else _LONGEST
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared[:20]) > longest:
        return None
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        more = message.get("more_body", False)
        if size > longest:
            return None
    return b"".join(parts)


def _replay(body: bytes, after: Receive) -> Receive:
    left = [body]

    async def receive() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await after()

    return receive


def _place(error: Exception) -> str:
    """Return what kind of error it was and where; its message may hold what people wrote or who they are."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "recmail" in frame.filename] or frames
    where = ours[-1] if ours else None
    name = where.filename.rpartition("recmail/")[2] if where else "?"
    return f"{type(error).__name__} in {name}:{where.lineno if where else 0}"
