"""Real SMTP servers on loopback: one that fails as it is told, and postfix's smtp-sink where there is one."""

from __future__ import annotations

import base64
import os
import shutil
import socket
import socketserver
import ssl
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

HOST = "127.0.0.1"
CERTIFICATES = Path(__file__).parent / "certificates"
CUT = "cut"
"""An answer that is none: the connection is reset."""
HANG = "hang"
"""No answer until the server is closed."""


@contextmanager
def listening(
    server: socketserver.BaseServer, *, before_end: Callable[[], object] = lambda: None
) -> Iterator[None]:
    """Let a server answer in a thread of its own until the end of the block."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        before_end()
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(frozen=True)
class Received:
    """A message that the server took; `body` is what was meant, dots undoubled."""

    sender: str
    recipient: str
    body: bytes


@dataclass
class SmtpServer:
    """A server that says yes to everything, except as told.

    Attributes:
        answers: by verb (CONNECT, EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA, BODY), one for each time in turn;
            the last one stays, an empty one is a yes. BODY is what follows the final dot; a message counts
            as received unless that is a refusal.
        recipients: answers to RCPT by address.
        certificate: file with certificate and key; then STARTTLS is offered, or with `implicit` expected.
        users: passwords by user; then AUTH is offered.
        cut_in_body: resets the connection when this much of a message has come.
        most_messages: after as many the server closes a connection with 421.
        hold: called with each recipient before the answer to the body; keeps that answer back.
        eager: says 354 to DATA even without a recipient.
    """

    answers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    recipients: Mapping[str, str] = field(default_factory=dict)
    certificate: Path | None = None
    implicit: bool = False
    users: Mapping[str, str] = field(default_factory=dict)
    extensions: Sequence[str] = ("SIZE 50000000", "ENHANCEDSTATUSCODES")
    cut_in_body: int | None = None
    most_messages: int | None = None
    eager: bool = False
    hold: Callable[[str], None] = lambda _recipient: None
    received: list[Received] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    closed: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    _asked: dict[str, int] = field(default_factory=dict)

    def answer(self, verb: str, default: str) -> str:
        """What is said to a verb this time."""
        wanted = self.answers.get(verb)
        if not wanted:
            return default
        with self.lock:
            turn = self._asked.get(verb, 0)
            self._asked[verb] = turn + 1
        return wanted[min(turn, len(wanted) - 1)] or default

    @contextmanager
    def running(self) -> Iterator[SmtpServer]:
        """Listen until the end of the block."""
        server = _Listener((HOST, self.port), _Session)
        server.script = self
        self.port = server.server_address[1]
        with listening(server, before_end=self.closed.set):
            yield self

    def bodies(self) -> dict[str, list[bytes]]:
        """What was received, by recipient."""
        with self.lock:
            found: dict[str, list[bytes]] = {}
            for one in self.received:
                found.setdefault(one.recipient, []).append(one.body)
            return found


class _Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128
    script: SmtpServer


class _CutError(Exception):
    """The connection is to be reset."""


class _Session(socketserver.StreamRequestHandler):
    server: _Listener
    disable_nagle_algorithm = True

    def handle(self) -> None:
        self.script = self.server.script
        self.sender = self.recipient = ""
        self.messages = 0
        with self.script.lock:
            self.script.connections += 1
        try:
            if self.script.implicit:
                self._encrypt()
            if self._say(self.script.answer("CONNECT", "220 test ESMTP")) and not self._closing:
                self._converse()
        except _CutError:
            # RST instead of FIN: what a crashed or unplugged server looks like.
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.request.close()
        except OSError:  # the client went away, or did not like our certificate
            return

    def finish(self) -> None:
        try:
            super().finish()
        except (OSError, ValueError):
            return
        finally:
            self.request.close()  # the encrypted one; the listener only knows the plain one

    def _converse(self) -> None:
        while not self._closing and (line := self.rfile.readline(2_000)):
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            with self.script.lock:
                self.script.commands.append(text)
            verb = text.split(" ")[0].upper()
            getattr(self, f"_{verb.lower()}", self._unknown)(verb, text)

    _closing = False

    def _say(self, answer: str) -> bool:
        """Answer; tell whether it was a yes."""
        if answer == CUT:
            raise _CutError
        if answer == HANG:
            self.script.closed.wait()
            raise _CutError
        self.wfile.write(answer.encode() + b"\r\n")
        self._closing = answer.startswith(("421", "221"))
        return answer[0] in "23"

    def _unknown(self, verb: str, _text: str) -> None:
        self._say(f"500 5.5.1 {verb} is not known")

    def _ehlo(self, _verb: str, _text: str) -> None:
        words = [*self.script.extensions]
        encrypted = isinstance(self.request, ssl.SSLSocket)
        if self.script.certificate and not encrypted:
            words.append("STARTTLS")
        if self.script.users and (encrypted or not self.script.certificate):
            words.append("AUTH PLAIN")
        lines = ["test", *words]
        text = "\r\n".join(f"250{'-' if at < len(lines) - 1 else ' '}{word}" for at, word in enumerate(lines))
        self._say(self.script.answer("EHLO", text))

    _helo = _ehlo

    def _starttls(self, _verb: str, _text: str) -> None:
        if self._say(self.script.answer("STARTTLS", "220 go on")):
            self._encrypt()

    def _encrypt(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(str(self.script.certificate))
        self.request = context.wrap_socket(self.request, server_side=True)
        self.connection = self.request
        self.setup()

    def _auth(self, _verb: str, text: str) -> None:
        given = base64.b64decode(text.split(" ")[2]).decode().split("\0")
        good = self.script.users.get(given[1]) == given[2]
        refused = "535 5.7.8 authentication failed"
        self._say(self.script.answer("AUTH", "235 2.7.0 welcome" if good else refused))

    def _mail(self, _verb: str, text: str) -> None:
        if self.script.most_messages is not None and self.messages >= self.script.most_messages:
            self._say("421 4.7.0 too many messages on this connection")
        elif self._say(self.script.answer("MAIL", "250 2.1.0 ok")):
            self.sender = text.partition("<")[2].partition(">")[0]

    def _rcpt(self, _verb: str, text: str) -> None:
        address = text.partition("<")[2].partition(">")[0]
        if self._say(self.script.recipients.get(address) or self.script.answer("RCPT", "250 2.1.5 ok")):
            self.recipient = address

    def _data(self, _verb: str, _text: str) -> None:
        if not self.recipient and not self.script.eager:
            self._say("503 5.5.1 no recipient")
            return
        answer = self.script.answer("DATA", "354 go on")
        if not self._say(answer) or not answer.startswith("354"):
            return
        lines: list[bytes] = []
        size = 0
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                return
            lines.append(line[1:] if line.startswith(b".") else line)
            size += len(line)
            if self.script.cut_in_body is not None and size >= self.script.cut_in_body:
                raise _CutError
        yes = "250 2.0.0 Ok: queued as TEST1" if self.recipient else "554 5.5.1 no valid recipients"
        self.script.hold(self.recipient)
        answer = self.script.answer("BODY", yes)
        if answer[0] not in "45":
            with self.script.lock:
                self.script.received.append(Received(self.sender, self.recipient, b"".join(lines)))
        self.messages += 1
        self.sender = self.recipient = ""
        self._say(answer)

    def _rset(self, _verb: str, _text: str) -> None:
        self.sender = self.recipient = ""
        self._say("250 2.0.0 ok")

    def _quit(self, _verb: str, _text: str) -> None:
        self._say("221 2.0.0 bye")


def unused_port() -> int:
    """A port of loopback on which nobody listens."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


# --- not ours -------------------------------------------------------------------------------------

SMTP_SINK = shutil.which("smtp-sink", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


@contextmanager
def smtp_sink(*options: str) -> Iterator[tuple[int, Path]]:
    """Run postfix's smtp-sink, which takes everything; give its port and the folder with a file a message."""
    with tempfile.TemporaryDirectory() as name, _sink(Path(name), *options, "-d", f"{name}/%M.") as port:
        yield port, Path(name)


@contextmanager
def smtp_sink_mailbox(*options: str) -> Iterator[tuple[int, Path]]:
    """The same with one file of all messages, each written at once when it is whole."""
    with tempfile.TemporaryDirectory() as name, _sink(Path(name), *options, "-D", f"{name}/mail") as port:
        yield port, Path(name) / "mail"


@contextmanager
def _sink(folder: Path, *options: str) -> Iterator[int]:
    assert SMTP_SINK is not None
    port = unused_port()
    command = [SMTP_SINK, *options, f"{HOST}:{port}", "200"]
    if os.geteuid() == 0:  # it refuses to stay root, and pytest's own folders are closed to others
        folder.chmod(0o777)
        command[1:1] = ["-u", "nobody"]
    # Not a pipe: nobody reads while messages come in, and a full pipe would stop the server.
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await_port(process, port)
        yield port
    finally:
        process.terminate()
        process.wait()


def _await_port(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            assert time.monotonic() < deadline, "smtp-sink does not listen"
            with suppress(subprocess.TimeoutExpired):
                pytest.fail(f"smtp-sink ended with {process.wait(timeout=0.01)}")
        else:
            return
