"""A mail server on loopback that takes everything and keeps nothing: postfix's smtp-sink, else our own."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HOST = "127.0.0.1"
_COUNTED = re.compile(r"mesg=(\d+)")
_STARTS_WITHIN_S = 10.0


class Receiver:
    """A running server; `name` says which."""

    def __init__(self, name: str, port: int, log: Path) -> None:
        self.name, self.port, self._log = name, port, log

    def accepted(self) -> int:
        """How many messages the server has taken so far, by its own count."""
        counts = _COUNTED.findall(self._log.read_text(errors="replace"))
        return int(counts[-1]) if counts else 0


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Start a server on a free port of loopback, and end it."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    name, command = _command(port)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        # Not a pipe: nobody reads while messages come in, and a full pipe would stop the server.
        with log.open("wb") as out:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            _wait_for(process, port, log)
            yield Receiver(name, port, log)
        finally:
            process.terminate()
            process.wait()


def _command(port: int) -> tuple[str, list[str]]:
    sink = shutil.which("smtp-sink", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if sink is None:
        return "asyncio", [sys.executable, "-u", __file__, str(port)]
    unprivileged = ["-u", "nobody"] if os.geteuid() == 0 else []  # it refuses to run as root without
    return "smtp-sink", [sink, "-c", *unprivileged, f"{HOST}:{port}", "200"]


def _wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while True:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(
                    f"the mail server did not start: {log.read_text(errors='replace')}"
                ) from error
            time.sleep(0.05)
        else:
            return


async def _session(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, counter: Iterator[int]
) -> None:
    """Answer one client as smtp-sink does, and print the same counter."""
    writer.write(b"220 loopback ESMTP\r\n")
    while line := await reader.readline():
        verb = line[:4].upper().strip()
        if verb == b"EHLO":
            writer.write(b"250-loopback\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
        elif verb == b"DATA":
            writer.write(b"354 go on\r\n")
            await writer.drain()
            while (await reader.readline()) not in (b".\r\n", b""):
                pass
            writer.write(b"250 2.0.0 Ok\r\n")
            print(f"mesg={next(counter)}", end="\r")
        else:
            writer.write(b"221 Bye\r\n" if verb == b"QUIT" else b"250 2.0.0 Ok\r\n")
        await writer.drain()
        if verb == b"QUIT":
            break
    writer.close()


async def _serve(port: int) -> None:
    counter = iter(range(1, sys.maxsize))
    server = await asyncio.start_server(lambda reader, writer: _session(reader, writer, counter), HOST, port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
