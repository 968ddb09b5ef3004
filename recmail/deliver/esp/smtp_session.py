"""An open SMTP session: commands go out, answers come back, several of either at once."""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Mapping

from recmail.deliver.esp.smtp_replies import Reply

COMMAND_TIMEOUT_S = 300.0  # RFC 5321 4.5.3.2
CLOSE_TIMEOUT_S = 5.0
_LONGEST_LINE = 2_048  # RFC 5321 4.5.3.1.5 says 512


class Session:
    """What follows the login, of which smtplib takes care; all methods but the last two raise OSError.

    smtplib reads line by line through two layers of buffers, which costs as much as all the rest of a
    message's envelope.

    Attributes:
        offers: the server's extensions with their parameters, by lower-case name.
    """

    def __init__(self, opened: smtplib.SMTP) -> None:
        assert opened.sock is not None
        self._opened, self._socket = opened, opened.sock
        self._pending = b""
        self.offers: Mapping[str, str] = opened.esmtp_features
        self._socket.settimeout(COMMAND_TIMEOUT_S)
        # The end of a body is a packet of its own; without this it waits until the others are acknowledged.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data: bytes) -> None:
        """Hand over all of it; if this fails, the last of it has not left.

        `sendall` fails only while something is left, and of TLS a record without its end cannot be read.
        """
        self._socket.sendall(data)

    def reply(self) -> Reply:
        """Wait for the next answer."""
        lines: list[bytes] = []
        while True:
            line = self._line()
            lines.append(line[4:])
            if not line[:3].isdigit():
                return Reply.of(-1, line)
            if line[3:4] != b"-":
                return Reply.of(int(line[:3]), b"\n".join(lines))

    def _line(self) -> bytes:
        while (end := self._pending.find(b"\n")) < 0:
            if len(self._pending) > _LONGEST_LINE:
                raise OSError("the answer has a line without an end")
            piece = self._socket.recv(4_096)
            if not piece:
                raise ConnectionResetError("the server closed the connection")
            self._pending += piece
        line, self._pending = self._pending[:end], self._pending[end + 1 :]
        return line

    def late_reply(self, timeout_s: float) -> Reply:
        """Wait for an answer that may take longer than that to a command."""
        self._socket.settimeout(timeout_s)
        reply = self.reply()
        self._socket.settimeout(COMMAND_TIMEOUT_S)
        return reply

    def close(self) -> None:
        """End it at once; never raises."""
        self._opened.close()

    def quit(self) -> None:
        """End it politely and briefly; never raises."""
        try:
            self._socket.settimeout(CLOSE_TIMEOUT_S)
            self.send(b"quit\r\n")
            self.reply()
        except OSError:
            pass
        finally:
            self.close()
