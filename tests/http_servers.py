"""A real HTTP server on loopback that stands for a provider, fails as it is told, and keeps a record."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from tests.servers import HOST, listening

KEY = "idempotency-key"
_NOT_FORWARDED = {"host", "connection", "transfer-encoding", "content-length", "date", "server"}


class Fault(StrEnum):
    """What can happen to a request besides an answer."""

    CUT_BEFORE = "cut before the body"  # reset when the headers have come
    CUT_AFTER = "cut after the body"  # taken, then reset
    HANGS = "no answer"  # taken, then silence until the server is closed
    BROKEN = "500"  # not taken, which nobody can know
    GARBLED = "malformed JSON"  # taken, with an answer that is cut off


@dataclass(frozen=True)
class Request:
    """What came in; names of headers in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What is answered."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


Answer = Callable[[Request], Reply]


@dataclass(frozen=True)
class Exchange:
    """One request, and what became of it.

    Attributes:
        said: the provider's answer, if the request came to it; whatever the client heard of that.
        again: the answer was an older one, under the same idempotency key.
    """

    request: Request
    fault: Fault | Answer | None
    said: Reply | None
    again: bool = False


@dataclass
class HttpServer:
    """Asks `answer` unless `fault` has something else in mind for a request.

    Attributes:
        answer: the provider.
        fault: what goes wrong with a request, seen without its body: a fault, or another provider.
        certificate: file with certificate and key; then the connection is encrypted.
        exchanges: all of them, in the order of their ends.
    """

    answer: Answer
    fault: Callable[[Request], Fault | Answer | None] = lambda _head: None
    certificate: Path | None = None
    exchanges: list[Exchange] = field(default_factory=list)
    url: str = ""
    closed: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    _answers: dict[str, tuple[bytes, Reply]] = field(default_factory=dict)

    @contextmanager
    def running(self) -> Iterator[HttpServer]:
        """Listen until the end of the block."""
        listener = _Listener((HOST, 0), _Handler)
        listener.script = self
        scheme = "http"
        if self.certificate:
            context, scheme = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), "https"
            context.load_cert_chain(str(self.certificate))
            listener.socket = context.wrap_socket(listener.socket, server_side=True)
        self.url = f"{scheme}://{HOST}:{listener.server_address[1]}"
        with listening(listener, before_end=self.closed.set):
            yield self

    def take(self, request: Request, answer: Answer) -> tuple[Reply, bool]:
        """What a provider answers; its first yes again under the same key, as those do that know keys."""
        reply, key = answer(request), request.headers.get(KEY)
        if not key or reply.status >= 300:
            return reply, False
        with self.lock:
            body, first = self._answers.setdefault(key, (request.body, reply))
        if body != request.body:
            return Reply(409, b"{}"), False
        return first, first is not reply

    def note(self, exchange: Exchange) -> None:
        """Keep what happened."""
        with self.lock:
            self.exchanges.append(exchange)


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256
    script: HttpServer

    def server_bind(self) -> None:
        # Little fits between two sockets, so that a cut in a body comes before the body's end.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        super().server_bind()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # an answer leaves in one piece
    server: _Listener

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:  # the client went away
            return

    def finish(self) -> None:
        try:
            super().finish()
        except (OSError, ValueError):
            return

    def _serve(self) -> None:
        script = self.server.script
        headers = {name.lower(): value for name, value in self.headers.items()}
        head = Request(self.command, self.path, headers, b"")
        fault = script.fault(head)
        if fault is Fault.CUT_BEFORE:
            script.note(Exchange(head, fault, None))
            self._reset()
            return
        request = replace(head, body=self.rfile.read(int(headers.get("content-length") or 0)))
        if fault is Fault.BROKEN:
            script.note(Exchange(request, fault, None))
            self._say(Reply(500, b"<h1>Internal Server Error</h1>"))
            return
        said, again = script.take(request, script.answer if isinstance(fault, Fault | None) else fault)
        script.note(Exchange(request, fault, said, again))
        if fault is Fault.HANGS:
            script.closed.wait()
        if fault in (Fault.HANGS, Fault.CUT_AFTER):
            self._reset()
        else:
            self._say(Reply(200, b'{"data": [{"id') if fault is Fault.GARBLED else said)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - http.server's own

    def _say(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in {"Content-Type": "application/json", **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def _reset(self) -> None:
        # RST instead of FIN: what a crashed or unplugged server looks like.
        self.close_connection = True
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.request.close()


def forward(url: str) -> Answer:
    """A provider that is another server: one that nobody here wrote."""
    place = urlsplit(url)

    def answer(request: Request) -> Reply:
        connection = HTTPConnection(place.hostname or HOST, place.port, timeout=30)
        try:
            connection.request(
                request.method,
                place.path + request.path,
                request.body or None,
                {name: value for name, value in request.headers.items() if name not in _NOT_FORWARDED},
            )
            found = connection.getresponse()
            kept = {name: value for name, value in found.getheaders() if name.lower() not in _NOT_FORWARDED}
            return Reply(found.status, found.read(), kept)
        finally:
            connection.close()

    return answer
