"""Databases of any size, made by SQL (fill.sql): patches as they stand after a year of work, the latest tenth waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg

CHUNK, WRITERS = 250_000, 2
TOLD_EVERY = 8  # chunks
WARMED = ("evidence", "review", "patch", "queue", "vote")
PENDING_OF = 10  # as fill.sql has it
# So many patches for each: whatever the size, as many reviews are of one package, or of one CVE.
OF_A_PACKAGE, OF_A_CVE = 5_000, 200

_SQL = Path(__file__).with_name("fill.sql")


def patch_name(number: int) -> str:
    """The id of a patch."""
    return f"patch-{number:09}"


def packages(patches: int) -> int:
    """How many packages, numbered from 0, so many patches are for."""
    return max(1, patches // OF_A_PACKAGE)


def cves(patches: int) -> int:
    """How many CVEs, numbered from 10000, so many patches are for."""
    return max(1, patches // OF_A_CVE)


async def fill(url: str, patches: int, told: Callable[[str], object] = print) -> None:
    """Make so many patches, numbered from 1; those that wait last, as they came last."""
    conn = await asyncpg.connect(url, command_timeout=3_600)
    try:
        for name, count in (("packages", packages(patches)), ("cves", cves(patches))):
            await conn.execute(f"CREATE FUNCTION {name}() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT {count}'")
        await conn.execute(_SQL.read_text())
        for waiting in (False, True):
            size = CHUNK * PENDING_OF if waiting else CHUNK
            chunks = iter(enumerate(range(1, patches + 1, size), 1))
            async with asyncio.TaskGroup() as group:
                for _ in range(WRITERS):
                    group.create_task(_write(url, chunks, size, patches, waiting, told))
        await conn.execute("CALL add_up()")
        await conn.execute("VACUUM (ANALYZE)")
        await conn.execute("CHECKPOINT")
        for table in WARMED:  # read once, so that what is measured is not how long it takes to read it from a disk
            await conn.execute(f"SELECT sum(hashtext({table}::text)) FROM {table}")
    finally:
        await conn.close()


async def _write(
    url: str, chunks: Iterator[tuple[int, int]], size: int, patches: int, waiting: bool, told: Callable[[str], object]
) -> None:
    conn = await asyncpg.connect(url, command_timeout=3_600)
    try:
        for chunk, first in chunks:
            last = min(first + size - 1, patches)
            async with conn.transaction():
                await conn.execute("SET LOCAL session_replication_role = replica; SET LOCAL synchronous_commit = off")
                await conn.execute("CALL fill($1, $2, $3)", first, last, waiting)
            if chunk % TOLD_EVERY == 0:
                told(f"filled {last:,} patches")
    finally:
        await conn.close()
