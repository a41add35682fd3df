"""What is taken of the outbox at once: in order, bounded by bytes, and dead letters apart from everything else."""

from __future__ import annotations

import pytest

from hitl_stream.contract.record import Message
from hitl_stream.store import outbox
from hitl_stream.store.outbox import OutboxRow, Published
from tests.event import binary, data
from tests.store.world import World

SHARDS = [0, 1, 2, 3]
WAITS = "SELECT current_setting('synchronous_commit')"
INSERT = "INSERT INTO outbox (shard, messages) VALUES ($1, $2)"


async def test_what_is_taken_of_a_shard_is_bounded_by_bytes_but_is_one_row_at_least(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "TAKE_BYTES_MAX", 100_000 * len(SHARDS))
    kept = {0: [30_000] * 6, 1: [500_000, 10], 2: [10, 500_000, 10]}
    async with world.database.connection() as conn:
        for shard, sizes in kept.items():
            for size in sizes:
                # Zeros, of which next to nothing is left in the table: what counts is what comes out.
                await conn.execute(INSERT, shard, outbox.pack([Message("decisions", b"k", bytes(size))])[0])
        published: list[Published] = []
        taken: list[dict[int, list[int]]] = []
        while True:
            rows, gone = await outbox.take(conn, SHARDS, 16, published)
            assert gone == len(published)
            if not rows:
                break
            taken.append({shard: [_bytes(row) for row in rows if row.shard == shard] for shard in kept})
            published = [Published(row.shard, row.id, 1) for row in rows]
    assert taken == [
        {0: [30_000] * 4, 1: [500_000], 2: [10, 500_000]},
        {0: [30_000] * 2, 1: [10], 2: [10]},
    ]  # fmt: skip


async def test_no_more_rows_are_taken_than_asked_for(world: World) -> None:
    async with world.database.connection() as conn:
        for number in range(5):
            await conn.execute(INSERT, 0, outbox.pack([Message("decisions", b"k", b"%d" % number)])[0])
        rows, _ = await outbox.take(conn, SHARDS, 3)
    assert [row.messages[0].value for row in rows] == [b"0", b"1", b"2"]


async def test_a_removal_waits_for_no_disk_and_nothing_else_is_like_that(world: World) -> None:
    async with world.database.connection() as conn:
        await conn.execute("SET synchronous_commit = on")  # the servers of tests are told to wait for no disk at all
        await conn.execute(INSERT, 0, outbox.pack([Message("decisions", b"k", b"v")])[0])
        (row,), _ = await outbox.take(conn, SHARDS, 1)
        async with conn.transaction():
            assert await outbox.take(conn, SHARDS, 1, [Published(0, row.id, 1)]) == ([], 1)
            assert await conn.fetchval(WAITS) == "off"
        assert await conn.fetchval(WAITS) == "on"
        await conn.execute("RESET synchronous_commit")


async def test_a_dead_letter_shares_no_shard_with_decisions(world: World) -> None:
    await world.feed(binary("e-1", data(), partition=3), binary("e-2", b"{", partition=3))
    assert await world.rows("SELECT DISTINCT shard FROM outbox ORDER BY shard") == [(3,), (outbox.letter_shard(3),)]


async def test_how_long_dead_letters_wait_is_not_how_long_decisions_wait(world: World) -> None:
    async with world.database.connection() as conn:
        assert await outbox.oldest_age(conn) == (None, None)
        for shard in (outbox.letter_shard(0), outbox.letter_shard(2)):
            await conn.execute(INSERT, shard, outbox.pack([Message("dead_letters", b"k", b"v")])[0])
        events_s, letters_s = await outbox.oldest_age(conn)
        assert events_s is None
        assert letters_s is not None
        await conn.execute(INSERT, 1, outbox.pack([Message("decisions", b"k", b"v")])[0])
        events_s, letters_s = await outbox.oldest_age(conn)
    assert events_s is not None
    assert letters_s is not None
    assert 0 < events_s < letters_s


def _bytes(row: OutboxRow) -> int:
    return len(row.messages[0].value or b"")
