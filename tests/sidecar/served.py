"""A sidecar on a port, in a thread of its own: for clients that know no event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import uvicorn

from hitl_stream.embedded.postgres import free_port
from hitl_stream.sidecar import app
from hitl_stream.sidecar.rate import Rates
from hitl_stream.store.database import Database
from tests.harness import wait
from tests.sidecar import populated
from tests.sidecar.conftest import ISSUER, URL, bearer, recording

UNHURRIED = Rates(gate=10**9, read=10**9, change=10**9)


@contextmanager
def populated_sidecar(database: str) -> Iterator[str]:
    """Its address, once reviews in every state are there. The database is to be a fresh one."""
    config = uvicorn.Config("", port=free_port(), log_config=None, access_log=False, ws="websockets-sansio")
    made = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(_serve(made, database)))
    thread.start()
    try:
        wait.until(lambda: made.started or not thread.is_alive(), 60.0)
        assert made.started, "it ended before it began"
        yield f"http://127.0.0.1:{config.port}"
    finally:
        made.should_exit = True
        thread.join()


async def _serve(server: uvicorn.Server, database: str) -> None:
    reader = await Database.open(database, "hitl_sidecar", size=4, name="test-sidecar", command_timeout_s=5)
    made = app.create(reader, ISSUER, rates=UNHURRIED)
    transport = httpx2.ASGITransport(made)
    async with (
        recording(database) as upstream,
        httpx2.AsyncClient(transport=transport, base_url=URL, headers=bearer("alice")) as client,
    ):
        await populated.fill(database, upstream, client)
    server.config.app = made
    await server.serve()
    await reader.close()
