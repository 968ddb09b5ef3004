"""A road of some length to a server on loopback: a proxy that hands everything on later, in order.

Started as `delay.py PORT SERVER_PORT SECONDS`; the seconds are for each way.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

HOST = "127.0.0.1"
_STARTS_WITHIN_S = 10.0
_CHUNK_BYTES = 65_536


@contextmanager
def delayed(server_port: int, *, each_way_s: float) -> Iterator[int]:
    """Start the proxy in a process of its own, give its port, and end it."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, __file__, str(port), str(server_port), str(each_way_s)])
    try:
        deadline = time.monotonic() + _STARTS_WITHIN_S
        while True:
            try:
                socket.create_connection((HOST, port), timeout=1).close()
                break
            except OSError as error:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit("the delaying proxy did not start") from error
                time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float) -> None:
    """Hand on what comes, each piece so much later; the end of it too."""
    clock = asyncio.get_running_loop()
    on_the_road: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def arrive() -> None:
        while True:
            due, piece = await on_the_road.get()
            await asyncio.sleep(due - clock.time())
            if not piece:
                break
            writer.write(piece)
        writer.close()

    arriving = asyncio.create_task(arrive())
    while True:
        try:
            piece = await reader.read(_CHUNK_BYTES)
        except ConnectionError:
            piece = b""
        on_the_road.put_nowait((clock.time() + delay_s, piece))
        if not piece:
            break
    await arriving


async def _serve(port: int, server_port: int, delay_s: float) -> None:
    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(HOST, server_port)
        for end in (writer, back):
            end.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.gather(_carry(reader, back, delay_s), _carry(there, writer, delay_s))

    async with await asyncio.start_server(session, HOST, port, backlog=256) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
