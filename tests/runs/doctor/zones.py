"""A real name server on loopback that answers from a dict."""

from __future__ import annotations

import socketserver
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from recmail.runs.doctor.lookup import Lookup
from tests.servers import HOST, listening

BROKEN = "broken"
"""Instead of records: the server fails at this name (SERVFAIL)."""


@dataclass
class NameServer:
    """Answers over UDP; a name that is not in the zone, nor above one that is, does not exist.

    Attributes:
        zone: by "name TYPE", texts as a zone file has them without their quotes.
    """

    zone: Mapping[str, Sequence[str] | str]
    silent: bool = False
    asked: list[str] = field(default_factory=list)
    port: int = 0

    @contextmanager
    def running(self) -> Iterator[NameServer]:
        """Answer until the end of the block."""
        server = _Listener((HOST, 0), _Question)
        server.script = self
        self.port = server.server_address[1]
        with listening(server):
            yield self

    def lookup(self, *, patience_s: float = 3.0) -> Lookup:
        """Somebody who asks this server."""
        return Lookup([HOST], port=self.port, patience_s=patience_s)

    def answer(self, query: dns.message.Message) -> dns.message.Message:
        """What a server of this zone says."""
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append(f"{name} {kind}")
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        records = self.zone.get(f"{name} {kind}")
        if records == BROKEN:
            reply.set_rcode(dns.rcode.SERVFAIL)
        elif records:
            texts = [_quoted(text) if kind == "TXT" else text for text in records]
            reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *texts))
        elif not any(
            known.split()[0] == name or known.split()[0].endswith(f".{name}") for known in self.zone
        ):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        return reply


def _quoted(text: str) -> str:
    """A text in pieces of at most 255 bytes, as TXT records have them."""
    return " ".join(f'"{text[start : start + 255]}"' for start in range(0, len(text), 255))


class _Listener(socketserver.ThreadingUDPServer):
    script: NameServer


class _Question(socketserver.BaseRequestHandler):
    server: _Listener

    def handle(self) -> None:
        data, socket = self.request
        if not self.server.script.silent:
            reply = self.server.script.answer(dns.message.from_wire(data))
            socket.sendto(reply.to_wire(max_size=65_535), self.client_address)


@contextmanager
def asking(zone: Mapping[str, Sequence[str] | str]) -> Iterator[Lookup]:
    """Somebody who asks a server with this zone."""
    with NameServer(zone).running() as server:
        yield server.lookup()
