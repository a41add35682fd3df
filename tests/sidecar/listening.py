"""Listens to a sidecar's live updates as a client does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx2
import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Close

WAIT_S = 10.0


@dataclass
class Running:
    """A sidecar on a port."""

    port: int
    bearer: Callable[[str], dict[str, str]]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def ticket(self, token: str | None = None) -> str:
        headers = self.bearer("alice") if token is None else {"Authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(base_url=self.url) as client:
            response = await client.post("/hitl/live/ticket", headers=headers)
        assert response.status_code == 201, response.text
        assert list(response.json()) == ["ticket", "expires_at"]
        return str(response.json()["ticket"])

    @asynccontextmanager
    async def listening(
        self, ticket: str | None = None, cursor: str | None = None, query: str = "", **named: Any
    ) -> AsyncIterator[ClientConnection]:
        asked = f"ticket={ticket or await self.ticket()}&{query}" + (f"&cursor={quote(cursor)}" if cursor else "")
        async with connect(f"ws://127.0.0.1:{self.port}/hitl/live?{asked}", proxy=None, **named) as socket:
            yield socket


async def hear(socket: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = orjson.loads(await asyncio.wait_for(socket.recv(), WAIT_S))
    return message


async def end_of(socket: ClientConnection) -> Close:
    """How the sidecar ends it."""
    with pytest.raises(ConnectionClosed) as closed:
        await hear(socket)
    assert closed.value.rcvd is not None
    return closed.value.rcvd
