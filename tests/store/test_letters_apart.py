"""What 0.1.0 left in the outbox: dead letters get out of the way of decisions, in order, and its workers can go on writing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import asyncpg

from hitl_stream.contract.record import Message
from hitl_stream.store import migration, outbox
from hitl_stream.store.outbox import LETTERS, letter_shard
from hitl_stream.store.revision import head

FIRST = "0001"


def letter(name: str) -> Message:
    return Message("dead_letters", None, name.encode(), (("hitl_error", b"bad_record"), ("hop", None)))


def decision(name: str) -> Message:
    return Message("decisions", b"dead_letters", name.encode())  # such a patch is none


async def write(conn: asyncpg.Connection, shard: int, *messages: Message) -> None:
    """As a worker of 0.1.0 does."""
    async with conn.transaction():
        await conn.execute("SET LOCAL ROLE hitl_worker")
        for row in outbox.pack(messages):
            await conn.execute("INSERT INTO outbox (shard, messages) VALUES ($1, $2)", shard, row)


async def kept(conn: asyncpg.Connection, shards: Sequence[int]) -> dict[int, list[tuple[int, list[bytes | None]]]]:
    """Ids and values of the rows of each shard, as a publisher takes them."""
    rows, _ = await outbox.take(conn, shards, 100)
    found: dict[int, list[tuple[int, list[bytes | None]]]] = {}
    for row in rows:
        found.setdefault(row.shard, []).append((row.id, [message.value for message in row.messages]))
    return found


async def test_dead_letters_that_lie_among_decisions_go_to_shards_apart(empty_database: str) -> None:
    await migration.up(empty_database, FIRST)
    conn = await asyncpg.connect(empty_database)
    await write(conn, 3, decision("1"), letter("a"), decision("2"), letter("b"))
    await write(conn, 3, letter("c"))
    await write(conn, 3, decision("3"))
    await write(conn, 0, letter("d"), decision("4"))
    await conn.execute("UPDATE outbox SET created_at = created_at - interval '1 h'")
    await migration.up(empty_database)
    shards = [0, 3, letter_shard(0), letter_shard(3)]
    assert await kept(conn, shards) == {
        0: [(4, [b"4"])],
        3: [(1, [b"1", b"2"]), (3, [b"3"])],
        letter_shard(0): [(4, [b"d"])],
        letter_shard(3): [(1, [b"a", b"b"]), (2, [b"c"])],
    }
    rows, _ = await outbox.take(conn, [letter_shard(3)], 1)
    assert rows[0].messages == [letter("a"), letter("b")]
    youngest: timedelta = await conn.fetchval("SELECT min(now() - created_at) FROM outbox")
    assert youngest > timedelta(minutes=59)
    await conn.close()


async def test_rows_without_dead_letters_and_rows_of_theirs_stay_as_they_are(empty_database: str) -> None:
    await migration.up(empty_database, FIRST)
    conn = await asyncpg.connect(empty_database)
    await write(conn, 1, decision("1"))
    await write(conn, letter_shard(1), letter("a"))  # of a newer worker, before the schema went back
    before = await conn.fetch("SELECT shard, id, messages FROM outbox ORDER BY id")
    await migration.up(empty_database)
    assert await conn.fetch("SELECT shard, id, messages FROM outbox ORDER BY id") == before
    assert before[1]["shard"] == LETTERS + 1
    await conn.close()


async def test_a_worker_of_the_release_before_goes_on_writing(empty_database: str) -> None:
    await migration.up(empty_database, FIRST)
    conn = await asyncpg.connect(empty_database)
    await write(conn, 2, decision("1"))
    await migration.up(empty_database)
    await write(conn, 2, decision("2"), letter("a"))
    await migration.down(empty_database, FIRST)
    await write(conn, 2, decision("3"))
    await migration.up(empty_database)
    assert await kept(conn, [2, letter_shard(2)]) == {
        2: [(1, [b"1"]), (2, [b"2"]), (3, [b"3"])],
        letter_shard(2): [(2, [b"a"])],
    }
    assert (await migration.status(empty_database))[0] == head()
    await conn.close()
