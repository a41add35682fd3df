"""Databases of any size, made by SQL (fill.sql): patches as they stand after a year of work, one of ten waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg

CHUNK, WRITERS = 250_000, 2
TOLD_EVERY = 8  # chunks
WARMED = ("evidence", "review", "patch", "queue", "vote")
# As fill.sql has them.
PENDING_OF, PACKAGES, CVES = 10, 2_000, 50_000

_SQL = Path(__file__).with_name("fill.sql")


def patch_name(number: int) -> str:
    """The id of a patch."""
    return f"patch-{number:09}"


async def fill(url: str, patches: int, told: Callable[[str], object] = print) -> None:
    """Make so many patches, numbered from 1."""
    conn = await asyncpg.connect(url, command_timeout=3_600)
    try:
        await conn.execute(_SQL.read_text())
        chunks = iter(enumerate(range(1, patches + 1, CHUNK), 1))
        async with asyncio.TaskGroup() as group:
            for _ in range(WRITERS):
                group.create_task(_write(url, chunks, patches, told))
        await conn.execute("CALL add_up()")
        await conn.execute("VACUUM (ANALYZE)")
        await conn.execute("CHECKPOINT")
        for table in WARMED:  # read once, so that what is measured is not how long it takes to read it from a disk
            await conn.execute(f"SELECT sum(hashtext({table}::text)) FROM {table}")
    finally:
        await conn.close()


async def _write(url: str, chunks: Iterator[tuple[int, int]], patches: int, told: Callable[[str], object]) -> None:
    conn = await asyncpg.connect(url, command_timeout=3_600)
    try:
        for chunk, first in chunks:
            last = min(first + CHUNK - 1, patches)
            async with conn.transaction():
                await conn.execute("SET LOCAL session_replication_role = replica; SET LOCAL synchronous_commit = off")
                await conn.execute("CALL fill($1, $2)", first, last)
            if chunk % TOLD_EVERY == 0:
                told(f"filled {last:,} patches")
    finally:
        await conn.close()
