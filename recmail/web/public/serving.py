"""Listening: the public application behind a proxy that speaks TLS with the world."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Sequence

import anyio.to_thread
import uvicorn
from starlette.types import ASGIApp

from recmail.errors import RecmailError

_THREADS = 12  # connections to PostgreSQL that SQLAlchemy opens at most: 15
_AT_ONCE = 200  # requests; more are told to come again (503)


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin; pages wait in line for the database before they wait for one of its connections."""
        anyio.to_thread.current_default_thread_limiter().total_tokens = _THREADS
        await super().startup(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to whoever started us."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """Open the port; 0 takes any that is free.

    Raises:
        RecmailError: it is taken, or may not be opened.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=256)
    except OSError as error:
        raise RecmailError(f"cannot listen on {host}, port {port}: {error.strerror}") from error


def serve(
    application: ASGIApp,
    listener: socket.socket,
    stop: threading.Event,
    *,
    proxies: Sequence[str] = (),
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Answer until somebody says stop; what is in hand is finished.

    Args:
        proxies: addresses and networks whose X-Forwarded-For is believed; nobody else's is.
    """
    config = uvicorn.Config(
        application,
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,  # addresses of pages are people's keys
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        limit_concurrency=_AT_ONCE,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=10,
    )
    server = _Server(config)

    def watch() -> None:
        stop.wait()
        server.should_exit = True

    threading.Thread(target=watch, name="stop", daemon=True).start()
    ready()
    server.run(sockets=[listener])
