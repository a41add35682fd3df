"""A database as operators have it, whose locale is not C: letters are more than those of ASCII."""

from __future__ import annotations

import asyncpg

from hitl_stream.store import migration
from tests.harness import database as databases
from tests.harness.postgres import PostgresServer
from tests.sidecar.conftest import recording


async def test_a_word_that_no_index_takes_is_recorded_and_found(postgres: PostgresServer) -> None:
    endless = "".join(chr(0x4E00 + n * 7919 % 20_000) for n in range(1_500))
    with databases.fresh(postgres, options="LOCALE 'C.UTF-8'") as url:
        await migration.up(url)
        async with recording(url) as upstream:
            await upstream.result(ml__confidence=0.9, vulnerability__summary=endless)
        owner = await asyncpg.connect(url)
        assert await owner.fetchval("SELECT tags @> words_of($1) AND words_of($1) <> '{}' FROM queue", endless)
        await owner.close()
