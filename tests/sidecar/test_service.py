"""The service around the routes: probes, a database that is away, and who may ask."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest
import uvloop

from hitl_stream import settings
from hitl_stream.errors import Fatal
from hitl_stream.sidecar import app, demo_login, server
from hitl_stream.sidecar.demo_login import DemoIssuer
from hitl_stream.sidecar.token import Verifier
from hitl_stream.store.database import Database
from tests.harness.postgres import PostgresServer
from tests.sidecar.conftest import ISSUER, bearer

PATHS = ["/hitl/patches/pending", "/hitl/patches/p-1", f"/hitl/patches/p-1/gate?digest=sha256:{'0' * 64}", "/readyz"]


@pytest.fixture
async def lonely() -> AsyncIterator[httpx2.AsyncClient]:
    """A sidecar that never had a database."""
    transport = httpx2.ASGITransport(app.create(None, ISSUER), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=bearer("alice")) as made:
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
    told = (await client.get("/metrics")).text
    assert "hitl_outbox_oldest_seconds" in told
    assert "hitl_dead_letters_oldest_seconds" in told


async def test_a_database_that_dies_is_unavailable_and_comes_back() -> None:
    with PostgresServer(durable=True) as postgres:
        reader = await Database.open(postgres.url(), "postgres", size=2, name="test", command_timeout_s=2)
        transport = httpx2.ASGITransport(app.create(reader, ISSUER), raise_app_exceptions=False)
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://127.0.0.1", headers=bearer("alice")
        ) as client:
            assert (await client.get("/readyz")).status_code == 200
            postgres.kill()
            check_unavailable(await client.get("/readyz"))
            check_unavailable(await client.get(PATHS[2]))
            postgres.start()
            assert (await client.get("/readyz")).status_code == 200
        await reader.close()


async def test_a_login_without_end_is_refused(lonely: httpx2.AsyncClient) -> None:
    response = await lonely.post("/demo/token", json={"name": "alice", "padding": "x" * 100_000})
    assert (response.status_code, response.json()["type"]) == (413, "/problems/too-large")


def test_the_quicker_event_loop_runs_it() -> None:
    factory = server.loop_factory()
    assert factory is not None
    loop = factory()
    assert isinstance(loop, uvloop.Loop)
    loop.close()


async def test_another_host_name_is_not_answered() -> None:
    transport = httpx2.ASGITransport(app.create(None, ISSUER, hosts=["127.0.0.1", "localhost"]))
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8027") as client:
        assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/livez", headers={"Host": "evil.example"})).status_code == 400


def test_the_demos_login_is_there_on_this_machine_only() -> None:
    assert isinstance(server.vouching(settings.load(environment="local", http_host="127.0.0.1")), DemoIssuer)
    for environment, host in (("local", "0.0.0.0"), ("staging", "127.0.0.1"), ("production", "127.0.0.1")):
        with pytest.raises(Fatal, match="nobody vouches"):
            server.vouching(settings.load(environment=environment, http_host=host))


def test_beside_a_configured_issuer_there_is_no_demo() -> None:
    who = server.vouching(settings.load(auth_issuer="https://id.example", auth_audience="hitl"))
    assert isinstance(who, Verifier)
    assert (who.groups_claim, who.name_claim) == ("groups", "preferred_username")
    assert demo_login.router not in app.routers(who)
    assert demo_login.router in app.routers(ISSUER)


def test_the_claims_are_those_that_are_configured() -> None:
    claims = {"auth_groups_claim": "realm_access.roles", "auth_name_claim": "profile.login"}
    who = server.vouching(settings.load(auth_issuer="https://id.example", auth_audience="hitl", **claims))
    assert isinstance(who, Verifier)
    assert (who.groups_claim, who.name_claim) == ("realm_access.roles", "profile.login")


def test_half_an_issuer_is_none() -> None:
    for given in (
        {"auth_issuer": "https://id.example"},
        {"auth_audience": "hitl"},
        {"auth_jwks_url": "https://id.example/keys"},
    ):
        with pytest.raises(Fatal, match="set both"):
            server.vouching(settings.load(**given))


def test_keys_come_over_https_or_from_this_machine() -> None:
    settings.load(environment="production", auth_issuer="http://127.0.0.1:1", auth_audience="hitl")
    settings.load(environment="local", auth_issuer="http://keycloak:8080", auth_audience="hitl")
    for given in (
        {"environment": "production", "auth_issuer": "http://id.example", "auth_audience": "hitl"},
        {"auth_issuer": "ftp://id.example", "auth_audience": "hitl"},
        {"auth_jwks_url": "id.example/keys"},
    ):
        with pytest.raises(settings.SettingsInvalid, match="HITL_AUTH_"):
            settings.load(**given)
