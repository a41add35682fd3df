"""A sidecar over a fresh database, and a recorder that fills it as a worker would."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx2
import pytest
import uvicorn

from hitl_stream.contract.record import StoredRecord
from hitl_stream.embedded.postgres import free_port
from hitl_stream.sidecar import app
from hitl_stream.sidecar.demo_login import DemoIssuer
from hitl_stream.store import position
from hitl_stream.store.batch import Span
from hitl_stream.store.database import Database
from hitl_stream.store.recording import Recorder
from tests.duties import scene
from tests.event import binary, data
from tests.harness import wait
from tests.sidecar import described
from tests.sidecar.listening import Running
from tests.sidecar.race import Race

RESULTS = "wargaming.results"
PLACES = 10**9
URL = "http://127.0.0.1:8027"
ISSUER = DemoIssuer(f"{URL}/demo")


@dataclass
class Upstream:
    """Feeds results straight into the recorder, one transaction each."""

    recorder: Recorder
    epoch: int
    at: int = 0

    async def feed(self, *records: StoredRecord) -> None:
        placed = [record._replace(offset=self.at + n) for n, record in enumerate(records)]
        end = self.at + len(placed)
        await self.recorder.record_results([Span(RESULTS, 0, self.at, end, self.epoch, list(placed))])
        self.at = end

    async def result(self, event_id: str = "e-1", **changes: Any) -> None:
        """The good result of tests.event, changed."""
        await self.feed(binary(event_id, data(**changes)))


@asynccontextmanager
async def recording(url: str) -> AsyncIterator[Upstream]:
    """A worker's recorder that owns the input."""
    worker = await Database.open(url, "hitl_worker", size=2, name="test-worker")
    async with worker.connection() as conn:
        claims = await position.claim(conn, "cluster", RESULTS, {0: (0, PLACES)}, "id-1", "me")
        await position.claim_shards(conn, [0], "me")
    yield Upstream(Recorder(worker, "cluster"), claims[0].epoch)
    await worker.close()


@pytest.fixture
async def upstream(database: str) -> AsyncIterator[Upstream]:
    async with recording(database) as made:
        yield made


def bearer(name: str) -> dict[str, str]:
    """Headers of a request that this person of the demo sends."""
    return {"Authorization": f"Bearer {ISSUER.token(name)}"}


@pytest.fixture
async def client(database: str) -> AsyncIterator[httpx2.AsyncClient]:
    """Talks to a sidecar as alice, a reviewer; other headers make it somebody else."""
    reader = await Database.open(database, "hitl_sidecar", size=4, name="test-sidecar", command_timeout_s=5)
    transport = httpx2.ASGITransport(app.create(reader, ISSUER), raise_app_exceptions=False)
    hooks = {"response": [described.check]}
    async with httpx2.AsyncClient(
        transport=transport, base_url=URL, headers=bearer("alice"), event_hooks=hooks
    ) as made:
        yield made
    await reader.close()


@pytest.fixture
async def race(database: str) -> AsyncIterator[Race]:
    """Everything that touches a patch, on one database."""
    reader = await Database.open(database, "hitl_sidecar", size=16, name="test-race", command_timeout_s=30)
    transport = httpx2.ASGITransport(app.create(reader, ISSUER), raise_app_exceptions=False)
    observer = await asyncpg.connect(database)
    async with scene.standing(database) as scenery, httpx2.AsyncClient(transport=transport, base_url=URL) as made:
        yield Race(scenery, made, observer, bearer)
    await observer.close()
    await reader.close()


@pytest.fixture
async def running(database: str) -> AsyncIterator[Running]:
    """A sidecar on a port."""
    reader = await Database.open(database, "hitl_sidecar", size=8, name="test-live")
    port = free_port()
    made = app.create(reader, ISSUER, origins=("https://console.example",))
    config = uvicorn.Config(made, port=port, log_config=None, ws="websockets-sansio", lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started

    await wait.until_async(started)
    yield Running(port, bearer)
    server.should_exit = True
    await serving
    await reader.close()
