"""One migrated database for all tests that undo what they do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from tests.harness import database as databases
from tests.harness.postgres import PostgresServer


@pytest.fixture(scope="module")
def shared_database(postgres: PostgresServer) -> Iterator[str]:
    """A migrated database for a whole module; its tests leave nothing behind."""
    with databases.migrated(postgres) as url:
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
