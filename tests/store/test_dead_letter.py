"""What an operator does about records that could not be used: seen, replayed or discarded once, and nothing is deleted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import pytest

from hitl_stream.contract.record import StoredRecord
from hitl_stream.errors import Unavailable
from hitl_stream.store import dead_letter, outbox
from hitl_stream.store.database import Database
from hitl_stream.store.dead_letter import ConflictReplayed, Filter, UnknownDeadLetter
from tests.store import row

HEADERS = [("a", b"1"), ("b", None), ("a", b"\xff\x00"), ("", b"")]


class Desk:
    """An operator, and a broker that takes everything or nothing."""

    def __init__(self, operator: Database) -> None:
        self.operator = operator
        self.published: list[StoredRecord] = []
        self.away = False

    async def publish(self, records: Sequence[StoredRecord]) -> None:
        if self.away:
            raise Unavailable("Kafka: planted")
        self.published.extend(records)

    async def replay(self, *numbers: int) -> list[int]:
        async with self.operator.transaction() as conn:
            return await dead_letter.replay(conn, numbers, self.publish, "ann", "the producer is mended")

    async def discard(self, *numbers: int) -> list[int]:
        async with self.operator.transaction() as conn:
            return await dead_letter.discard(conn, numbers, "bob", "a test event")

    async def page(self, wanted: Filter | None = None, after: int = 0, limit: int = 100) -> list[int]:
        async with self.operator.connection() as conn:
            return [letter.id for letter in await dead_letter.page(conn, wanted or Filter(None), after, limit)]

    async def read(self, number: int) -> tuple[dead_letter.DeadLetter, StoredRecord]:
        async with self.operator.connection() as conn:
            return await dead_letter.read(conn, number)

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        async with self.operator.connection() as conn:
            return [tuple(found) for found in await conn.fetch(query)]


@pytest.fixture
async def desk(database: str) -> AsyncIterator[Desk]:
    """Four dead letters, 1 to 4: two bad records, a conflict, a defect on another topic without key and value."""
    owner = await asyncpg.connect(database)
    for number, (topic, error) in enumerate(
        (("t", "bad_record"), ("t", "bad_record"), ("t", "conflict"), ("u", "defect")), 1
    ):
        values = {"cluster_id": "c", "topic": topic, "partition": 3, "record_offset": number, "at": row.NOW}
        values |= {"record_key": b"k", "record_value": b"v\x00\xff"} if topic == "t" else {}
        values |= {"headers": outbox.pack_headers(HEADERS).decode(), "error": error, "reason": "a: wrong"}
        await row.insert(owner, "dead_letter", values)
    await owner.close()
    operator = await Database.open(database, "hitl_operator", size=6, name="test")
    yield Desk(operator)
    await operator.close()


@pytest.mark.parametrize(
    ("wanted", "after", "limit", "expected"),
    [
        (Filter(), 0, 100, [2, 3, 4]),
        (Filter(None), 0, 100, [1, 2, 3, 4]),
        (Filter("discarded"), 0, 100, [1]),
        (Filter("replayed"), 0, 100, []),
        (Filter(error="conflict"), 0, 100, [3]),
        (Filter(topic="u"), 0, 100, [4]),
        (Filter(topic="t", error="defect"), 0, 100, []),
        (Filter(None), 2, 100, [3, 4]),
        (Filter(None), 0, 2, [1, 2]),
    ],
)
async def test_a_list_holds_what_is_asked_for(
    desk: Desk, wanted: Filter, after: int, limit: int, expected: list[int]
) -> None:
    await desk.discard(1)
    assert await desk.page(wanted, after, limit) == expected


async def test_a_record_reads_back_as_it_came(desk: Desk) -> None:
    letter, record = await desk.read(1)
    assert (letter.bytes, letter.state, letter.error, letter.settled_by) == (3, "open", "bad_record", None)
    assert record[:3] == ("t", 3, 1)
    assert (record.key, record.value, list(record.headers)) == (b"k", b"v\x00\xff", HEADERS)
    letter, record = await desk.read(4)
    assert (letter.bytes, record.key, record.value) == (None, None, None)
    with pytest.raises(UnknownDeadLetter, match="99"):
        await desk.read(99)


async def test_a_replay_publishes_the_open_ones_as_they_were_and_notes_it(desk: Desk) -> None:
    await desk.discard(2)
    assert await desk.replay(4, 2, 1, 1, 99) == [1, 4]
    assert [(r.topic, r.partition, r.key, r.value, list(r.headers)) for r in desk.published] == [
        ("t", 3, b"k", b"v\x00\xff", HEADERS),
        ("u", 3, None, None, HEADERS),
    ]
    assert await desk.rows("SELECT id, state, settled_by, note, settled_at IS NULL FROM dead_letter ORDER BY id") == [
        (1, "replayed", "ann", "the producer is mended", False),
        (2, "discarded", "bob", "a test event", False),
        (3, "open", None, None, True),
        (4, "replayed", "ann", "the producer is mended", False),
    ]


async def test_who_did_what_and_why_stands_in_the_audit(desk: Desk) -> None:
    await desk.discard(2, 3)
    await desk.replay(1)
    entries = await desk.rows("SELECT actor, role, action, justification, detail FROM audit_entry ORDER BY id")
    assert [entry[:4] for entry in entries] == [
        ("bob", "operator", "dead_letters_discarded", "a test event"),
        ("ann", "operator", "dead_letters_replayed", "the producer is mended"),
    ]
    assert [json.loads(entry[4]) for entry in entries] == [{"ids": [2, 3]}, {"ids": [1]}]


async def test_once_settled_nothing_happens_any_more(desk: Desk) -> None:
    await desk.replay(1)
    assert (await desk.replay(1), await desk.discard(1)) == ([], [])
    assert (await desk.replay(), await desk.replay(99)) == ([], [])
    assert len(desk.published) == 1
    assert await desk.rows("SELECT count(*) FROM action") == [(1,)]


async def test_a_replay_that_cannot_be_published_leaves_everything_open(desk: Desk) -> None:
    desk.away = True
    with pytest.raises(Unavailable, match="planted"):
        await desk.replay(1, 2)
    assert await desk.page(Filter()) == [1, 2, 3, 4]
    assert await desk.rows("SELECT count(*) FROM action") == [(0,)]
    desk.away = False
    assert await desk.replay(1, 2) == [1, 2]


async def test_a_conflict_is_never_replayed(desk: Desk) -> None:
    with pytest.raises(ConflictReplayed, match="3: under its id something else was said before"):
        await desk.replay(1, 3, 4)
    assert (desk.published, await desk.page(Filter())) == ([], [1, 2, 3, 4])
    assert await desk.discard(3) == [3]
    assert await desk.replay(1, 3, 4) == [1, 4]


async def test_two_operators_at_once_publish_each_record_once(desk: Desk) -> None:
    answers = await asyncio.gather(*(desk.replay(1, 2, 4) for _ in range(3)), desk.discard(4, 2, 1))
    assert sorted(number for answer in answers for number in answer) == [1, 2, 4]
    states = dict(await desk.rows("SELECT state, count(*) FROM dead_letter GROUP BY 1"))
    assert len(desk.published) == states.get("replayed", 0)


async def test_nobody_changes_what_came_and_nobody_deletes_it(desk: Desk, database: str) -> None:
    for statement in ("UPDATE dead_letter SET record_value = ''", "DELETE FROM dead_letter"):
        async with desk.operator.connection() as conn:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await conn.execute(statement)
    owner = await asyncpg.connect(database)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await owner.execute("DELETE FROM dead_letter")
    await owner.close()
