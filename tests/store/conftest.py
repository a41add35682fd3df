"""Databases for the tests of the store, on both servers: Postgres 15 and the embedded one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from hitl_stream.embedded.postgres import Postgres
from hitl_stream.store.database import Database
from tests.harness import database as databases
from tests.store.world import World


@pytest.fixture(scope="module")
def shared_database(any_postgres: Postgres) -> Iterator[str]:
    """A migrated database for a whole module; its tests leave nothing behind."""
    with databases.migrated(any_postgres) as url:
        yield url


@pytest.fixture
async def owner(shared_database: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the owner, in a transaction that is rolled back."""
    conn = await asyncpg.connect(shared_database)
    transaction = conn.transaction()
    await transaction.start()
    yield conn
    await transaction.rollback()
    await conn.close()


@pytest.fixture
def database(any_database: str) -> str:
    """A fresh database for a test that commits; here on each of both servers."""
    return any_database


@pytest.fixture
async def world(database: str) -> AsyncIterator[World]:
    worker = await Database.open(database, "hitl_worker", size=4, name="test-worker")
    reader = await Database.open(database, "hitl_sidecar", size=2, name="test-reader")
    made = World(worker, reader)
    await made.claim()
    yield made
    await worker.close()
    await reader.close()


@pytest.fixture
async def sidecar(world: World, database: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the sidecar has one, in a database where two groups have roles."""
    owner = await asyncpg.connect(database)
    await owner.execute(
        """INSERT INTO access_group_role (group_name, role, granted_by)
           VALUES ('security-engineers', 'reviewer', 'test'), ('breakers', 'break-glass', 'test')"""
    )
    await owner.close()
    conn = await asyncpg.connect(database, server_settings={"role": "hitl_sidecar"})
    yield conn
    await conn.close()
