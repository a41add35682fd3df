"""The service around the routes: probes, a database that is away, and who may ask."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from hitl_stream import settings
from hitl_stream.errors import Fatal
from hitl_stream.sidecar import app, server
from hitl_stream.store.database import Database
from tests.harness.postgres import PostgresServer

PATHS = ["/hitl/patches/pending", "/hitl/patches/p-1", f"/hitl/patches/p-1/gate?digest=sha256:{'0' * 64}", "/readyz"]


@pytest.fixture
async def lonely() -> AsyncIterator[httpx2.AsyncClient]:
    """A sidecar that never had a database."""
    transport = httpx2.ASGITransport(app.create(), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as made:
        yield made


def check_unavailable(response: httpx2.Response) -> None:
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0
    assert response.headers["content-type"] == "application/problem+json"
    assert "deployable" not in response.json()


async def test_without_a_database_nothing_is_answered(lonely: httpx2.AsyncClient) -> None:
    for path in PATHS:
        check_unavailable(await lonely.get(path))


async def test_liveness_does_not_look_at_the_database(lonely: httpx2.AsyncClient) -> None:
    assert (await lonely.get("/livez")).status_code == 200


async def test_metrics_are_there_without_a_database(lonely: httpx2.AsyncClient) -> None:
    response = await lonely.get("/metrics")
    assert response.status_code == 200
    assert 'hitl_breaker_open{dependency="postgres"} 1.0' in response.text


async def test_readiness_follows_the_database(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/readyz")).status_code == 200
    assert "hitl_outbox_oldest_seconds" in (await client.get("/metrics")).text


async def test_a_database_that_dies_is_unavailable_and_comes_back() -> None:
    with PostgresServer(durable=True) as postgres:
        reader = await Database.open(postgres.url(), "postgres", size=2, name="test", command_timeout_s=2)
        transport = httpx2.ASGITransport(app.create(reader), raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            assert (await client.get("/readyz")).status_code == 200
            postgres.kill()
            check_unavailable(await client.get("/readyz"))
            check_unavailable(await client.get(PATHS[2]))
            postgres.start()
            assert (await client.get("/readyz")).status_code == 200
        await reader.close()


async def test_another_host_name_is_not_answered() -> None:
    transport = httpx2.ASGITransport(app.create(hosts=["127.0.0.1", "localhost"]))
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8027") as client:
        assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/livez", headers={"Host": "evil.example"})).status_code == 400


def test_outside_of_local_it_serves_loopback_only() -> None:
    server.check_host(settings.load(environment="production", http_host="127.0.0.1"))
    server.check_host(settings.load(environment="local", http_host="0.0.0.0"))
    with pytest.raises(Fatal, match="no login yet"):
        server.check_host(settings.load(environment="production", http_host="0.0.0.0"))
