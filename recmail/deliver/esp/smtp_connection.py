"""One SMTP connection, used by one thread, and an exact idea of what had left when it broke."""

from __future__ import annotations

from recmail.deliver.crash import crash_at, is_armed
from recmail.deliver.esp.smtp_envelope import Envelope, envelope, stuffed
from recmail.deliver.esp.smtp_opening import Server, open_session
from recmail.deliver.esp.smtp_replies import Reply, Stage, refusal
from recmail.deliver.esp.smtp_session import Session
from recmail.errors import DeliveryError, OutcomeUnknown, TemporaryFailure
from recmail.records import Outgoing

_PIECE_BYTES = 65_536  # what has to leave within the time-out of a command
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
        self._session: Session | None = open_session(server)
        self._is_fresh = True
        self._has_delivered = False

    def send(self, message: Outgoing) -> str:
        """Deliver one message, as `Esp.send`."""
        enveloped = envelope(message, return_path=self._return_path)
        crash_at("before-envelope")
        session, body = self._begin(enveloped)
        reply = self._transfer(session, body)
        if not reply.accepts:
            raise self._refused(Stage.CONTENT, reply)
        self._has_delivered = True
        return reply.queue_id

    def close(self) -> None:
        """Say goodbye, briefly."""
        session, self._session = self._session, None
        if session is not None:
            session.quit()

    def _begin(self, enveloped: Envelope) -> tuple[Session, bytes]:
        """Come to where the body may follow, on a new connection if the server has closed this one."""
        for is_last in (self._is_fresh, True):
            if self._session is None:
                self._session, self._is_fresh = open_session(self._server), True
                self._has_delivered = False
            session = self._session
            commands = enveloped.commands(session.offers, self._server.place)
            try:
                stage, reply, body = self._announce(session, commands, enveloped.mime)
            except TemporaryFailure:
                if is_last:
                    raise
                continue
            if reply.closes and stage is Stage.SENDER and not is_last:
                self._drop()
                continue
            self._is_fresh = False
            if stage is Stage.CONTENT and reply.code == _GO_ON:
                return session, body
            raise self._refused(stage, reply)
        raise AssertionError("the second round returns or raises")

    def _announce(
        self, session: Session, commands: tuple[bytes, ...], mime: bytes
    ) -> tuple[Stage, Reply, bytes]:
        """Give the commands before the body; return the first no, else the last answer; and the body.

        If the connection breaks here, nothing was accepted. Sent together where the server allows (RFC 2920),
        they take one round trip instead of three, and the body is made while the server is busy with them.
        """
        together = "pipelining" in session.offers
        no: tuple[Stage, Reply] | None = None
        stage = Stage.SENDER
        try:
            session.send(b"".join(commands) if together else commands[0])
            body = stuffed(mime)
            for stage, command in zip(_STAGES, commands, strict=True):
                if not together and stage is not Stage.SENDER:
                    session.send(command)
                reply = session.reply()
                wanted = reply.code == _GO_ON if stage is Stage.CONTENT else reply.accepts
                no = no or (None if wanted else (stage, reply))
                if no and not together:
                    break
            if no and reply.code == _GO_ON:  # it waits for a message that has no recipient
                session.send(b".\r\n")
                session.reply()
        except OSError as error:
            self._drop()
            if no is None:
                lost = f"{self._server.place} was lost at {_STAGES[stage]}"
                raise TemporaryFailure(f"{lost}: {error}") from error
        return *(no or (stage, reply)), body

    def _transfer(self, session: Session, body: bytes) -> Reply:
        """Send body and final dot, and wait for the answer.

        The dot leaves last, so a sending that fails is certain: without the dot the server cannot have
        accepted the message (RFC 5321 4.1.1.4). From then on it may have.
        """
        data = body + b".\r\n"
        piece_bytes = len(data) // 2 + 1 if is_armed() else _PIECE_BYTES
        crash_at("before-body")
        try:
            for start in range(0, len(data), piece_bytes):
                if start:
                    crash_at("mid-body")
                session.send(data[start : start + piece_bytes])
        except OSError as error:
            self._drop()
            raise TemporaryFailure(f"{self._server.place} was lost in the message: {error}") from error
        crash_at("after-body")
        try:
            reply = session.late_reply(self._reply_timeout_s)
        except OSError as error:
            self._drop()
            raise OutcomeUnknown(
                f"{self._server.place} took the message and gave no answer: {error}"
            ) from error
        crash_at("after-reply")
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
                self._session.send(b"RSET\r\n")
                self._session.reply()
        except OSError:
            self._drop()  # the next message opens another
        return error

    def _drop(self) -> None:
        if self._session is not None:
            self._session.close()
        self._session = None
