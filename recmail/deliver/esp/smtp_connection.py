"""One SMTP connection, used by one thread, and an exact idea of what had left when it broke."""

from __future__ import annotations

import smtplib

from recmail.deliver.crash import crash_at
from recmail.deliver.esp.smtp_envelope import Envelope, envelope
from recmail.deliver.esp.smtp_opening import COMMAND_TIMEOUT_S, Server, open_session, say_goodbye
from recmail.deliver.esp.smtp_replies import Reply, Stage, refusal
from recmail.errors import DeliveryError, OutcomeUnknown, TemporaryFailure
from recmail.records import Outgoing

_CHUNK_BYTES = 16_384  # the largest TLS record
_STAGES = {Stage.SENDER: "MAIL", Stage.RECIPIENT: "RCPT", Stage.CONTENT: "DATA"}
_GO_ON = 354


class Connection:
    """Opened again when the server closed it between two messages.

    Args:
        reply_timeout_s: how long the server may take to accept a body.
        return_path: as `smtp_envelope.envelope`.
    """

    def __init__(self, server: Server, *, reply_timeout_s: float, return_path: str | None = None) -> None:
        self._server, self._reply_timeout_s, self._return_path = server, reply_timeout_s, return_path
        self._session: smtplib.SMTP | None = open_session(server)
        self._is_fresh = True
        self._has_delivered = False

    def send(self, message: Outgoing) -> str:
        """Deliver one message, as `Esp.send`."""
        enveloped = envelope(message, return_path=self._return_path)
        crash_at("before-envelope")
        session = self._begin(enveloped)
        reply = self._transfer(session, enveloped.body)
        if not reply.accepts:
            raise self._refused(Stage.CONTENT, reply)
        self._has_delivered = True
        return reply.queue_id

    def close(self) -> None:
        """Say goodbye, briefly."""
        session, self._session = self._session, None
        if session is not None:
            say_goodbye(session)

    def _begin(self, enveloped: Envelope) -> smtplib.SMTP:
        """Come to where the body may follow, on a new connection if the server has closed this one."""
        for is_last in (self._is_fresh, True):
            if self._session is None:
                self._session, self._is_fresh = open_session(self._server), True
                self._has_delivered = False
            session = self._session
            commands = enveloped.commands(session.esmtp_features, self._server.place)
            try:
                stage, reply = self._announce(session, commands)
            except TemporaryFailure:
                if is_last:
                    raise
                continue
            if reply.closes and stage is Stage.SENDER and not is_last:
                self._drop()
                continue
            self._is_fresh = False
            if stage is Stage.CONTENT and reply.code == _GO_ON:
                return session
            raise self._refused(stage, reply)
        raise AssertionError("the second round returns or raises")

    def _announce(self, session: smtplib.SMTP, commands: tuple[bytes, ...]) -> tuple[Stage, Reply]:
        """Give the commands before the body; return the first answer that is a no, else the last.

        If the connection breaks here, nothing was accepted. Sent together where the server allows (RFC 2920),
        they take one round trip instead of three.
        """
        together = session.has_extn("pipelining")
        no: tuple[Stage, Reply] | None = None
        stage = Stage.SENDER
        try:
            if together:
                session.send(b"".join(commands))
            for stage, command in zip(_STAGES, commands, strict=True):
                if not together:
                    session.send(command)
                reply = Reply.of(*session.getreply())
                wanted = reply.code == _GO_ON if stage is Stage.CONTENT else reply.accepts
                no = no or (None if wanted else (stage, reply))
                if no and not together:
                    return no
            if no and reply.code == _GO_ON:  # it waits for a message that has no recipient
                session.docmd(".")
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            if no is None:
                lost = f"{self._server.place} was lost at {_STAGES[stage]}"
                raise TemporaryFailure(f"{lost}: {error}") from error
        return no or (stage, reply)

    def _transfer(self, session: smtplib.SMTP, body: bytes) -> Reply:
        """Send body and final dot, and wait for the answer.

        The dot is sent by itself: until then the server cannot have accepted the message (RFC 5321 4.1.1.4),
        so whatever breaks before is certain. From then on it may have.
        """
        assert session.sock is not None
        crash_at("before-body")
        try:
            for start in range(0, len(body), _CHUNK_BYTES):
                session.sock.sendall(body[start : start + _CHUNK_BYTES])
                crash_at("mid-body")
        except OSError as error:
            self._drop()
            raise TemporaryFailure(f"{self._server.place} was lost in the message: {error}") from error
        try:
            session.sock.settimeout(self._reply_timeout_s)
            session.sock.sendall(b".\r\n")
            crash_at("after-body")
            reply = Reply.of(*session.getreply())
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            raise OutcomeUnknown(
                f"{self._server.place} took the message and gave no answer: {error}"
            ) from error
        crash_at("after-reply")
        session.sock.settimeout(COMMAND_TIMEOUT_S)
        if not 200 <= reply.code < 600:
            self._drop()
            raise OutcomeUnknown(f"{self._server.place} gave an answer without meaning: {reply}")
        return reply

    def _refused(self, stage: Stage, reply: Reply) -> DeliveryError:
        """What the answer means; the connection is ready for the next message, or closed."""
        error = refusal(stage, reply, self._server.place, has_delivered=self._has_delivered)
        try:
            if reply.closes or reply.code < 400:
                self._drop()
            elif self._session is not None:
                self._session.rset()
        except (smtplib.SMTPException, OSError):
            self._drop()  # the next message opens another
        return error

    def _drop(self) -> None:
        if self._session is not None:
            self._session.close()
        self._session = None
