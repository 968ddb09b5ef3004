"""Somebody who asks the application, in this process: no server, no cookies, no redirects followed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import anyio
import httpx
from starlette.types import ASGIApp

HOST = "https://mail.acme.example"


@dataclass(frozen=True)
class Visiting:
    """Comes from one address, and sees errors of ours as what they are."""

    application: ASGIApp
    address: str = "192.0.2.1"

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Ask once."""

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.application, client=(self.address, 1))
            async with httpx.AsyncClient(transport=transport, base_url=HOST) as client:
                return await client.request(method, path, **more)

        return anyio.run(ask)

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.request("POST", path, **more)
