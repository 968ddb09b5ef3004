"""An IMAP server on loopback (RFC 3501): one folder, as much of it as reading unread mail takes."""

from __future__ import annotations

import re
import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.servers import HOST, listening


@dataclass
class ImapServer:
    """Its one folder.

    Attributes:
        mails: by uid.
        seen: the uids that are flagged.
        uid_behind: gives a mail's number behind its text, as some servers do.
        breaks_at: closes the connection at this command.
    """

    mails: dict[int, bytes]
    seen: set[int] = field(default_factory=set)
    uid_behind: bool = False
    breaks_at: str = ""
    port: int = 0

    @contextmanager
    def running(self) -> Iterator[ImapServer]:
        """Listen until the end of the block."""
        server = _Listener((HOST, 0), _Session)
        server.script = self
        self.port = server.server_address[1]
        with listening(server):
            yield self


class _Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True
    script: ImapServer


class _Session(socketserver.StreamRequestHandler):
    server: _Listener

    def handle(self) -> None:
        self._say("* OK IMAP4rev1 ready")
        while line := self.rfile.readline().decode().strip():
            tag, _, command = line.partition(" ")
            verb = command.upper()
            if self.server.script.breaks_at and self.server.script.breaks_at in verb:
                return
            self._answer(tag, command, verb)
            if verb == "LOGOUT":
                return

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")

    def _answer(self, tag: str, command: str, verb: str) -> None:
        script = self.server.script
        result = "OK done"
        if verb == "CAPABILITY":
            self._say("* CAPABILITY IMAP4rev1")
        elif verb.startswith("LOGIN"):
            result = "OK in" if command == 'LOGIN bounces "se cret"' else "NO [AUTHENTICATIONFAILED] wrong"
        elif verb.startswith("SELECT"):
            result = "OK [READ-WRITE] selected" if '"INBOX"' in command else "NO no such folder"
            self._say(f"* {len(script.mails)} EXISTS")
        elif verb.startswith("UID SEARCH"):
            self._say(f"* SEARCH {' '.join(str(uid) for uid in sorted(script.mails.keys() - script.seen))}")
        elif verb.startswith("UID FETCH"):
            self._fetch(command)
        elif verb.startswith("UID STORE"):
            assert r"(\Seen)" in command
            script.seen |= _uids(command)
        self._say(f"{tag} {result}")

    def _fetch(self, command: str) -> None:
        most = int(re.search(r"BODY\.PEEK\[\]<0\.(\d+)>", command)[1])  # type: ignore[index]
        for uid in sorted(_uids(command)):
            text = self.server.script.mails[uid][:most]
            before, behind = ("", f" UID {uid}") if self.server.script.uid_behind else (f"UID {uid} ", "")
            self.wfile.write(f"* {uid} FETCH ({before}BODY[]<0> {{{len(text)}}}\r\n".encode() + text)
            self._say(f"{behind})")


def _uids(command: str) -> set[int]:
    return {int(uid) for uid in command.split(" ")[2].split(",")}
