"""The publisher against a database and a broker that a test holds back: what a rebalance in the middle of a round leaves, and
what becomes of dead letters that the broker does not take."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from math import inf
from typing import Any, cast

import pytest

from hitl_stream.contract import encode, topics
from hitl_stream.contract.record import Message, StoredRecord
from hitl_stream.observe import metrics
from hitl_stream.store import outbox, position
from hitl_stream.store.outbox import LETTERS, OutboxRow, Published
from hitl_stream.stream.breaker import Breaker, Breakers
from hitl_stream.stream.producer import MessageRefused, Shipment
from hitl_stream.stream.publisher import Publisher, shards_of
from tests.harness import wait

BACKLOG = [OutboxRow(number, 0, [Message("decisions", b"k", b"v")]) for number in (10, 11)]


class Stand:
    """Database and broker in one: shard 0 holds a backlog, `answers` are how many rows went, each when it is let go."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[int], list[Published]]] = []
        self.let_go = asyncio.Event()
        self.gone: int | None = None
        self.acknowledge = asyncio.Event()
        self.lost = 0

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        yield self

    async def take(
        self, _: Any, shards: list[int], __: int, published: Sequence[Published] = ()
    ) -> tuple[list[OutboxRow], int]:
        self.asked.append((shards, list(published)))
        removed = {row.id for row in published}
        await self.let_go.wait()
        gone = sum(row.shard in shards for row in published) if self.gone is None else self.gone
        return [row for row in BACKLOG if row.shard in shards and row.id not in removed], gone

    async def publish(self, _: Any) -> None:
        await self.acknowledge.wait()

    def lose(self) -> None:
        self.lost += 1


@pytest.fixture
async def stand(monkeypatch: pytest.MonkeyPatch) -> Stand:
    made = Stand()

    async def known_shards(_: Any) -> list[int]:
        return [0]

    async def claim_shards(_: Any, shards: Sequence[int], __: str) -> dict[int, int]:
        return dict.fromkeys(shards, 7)

    monkeypatch.setattr(outbox, "take", made.take)
    monkeypatch.setattr(position, "known_shards", known_shards)
    monkeypatch.setattr(position, "claim_shards", claim_shards)
    return made


def publisher_of(stand: Stand) -> Publisher:
    both = cast(Any, stand)
    breakers = Breakers(Breaker("postgres"), Breaker("kafka"))
    return Publisher(both, both, topics.load(None, "local"), "me", breakers, stand.lose)


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await wait.turn()


async def test_a_round_that_owns_nothing_does_not_end_a_take_over(stand: Stand) -> None:
    """What was acknowledged before the shards were left is taken away while they are claimed again."""
    ours = publisher_of(stand)
    ours._published = [Published(0, 9, 5)]
    running = asyncio.create_task(ours.run())
    await turns()
    assert stand.asked == [([], [Published(0, 9, 5)])]
    taking = asyncio.create_task(ours.take_over([0], 1))
    await turns()
    stand.let_go.set()
    await turns()
    assert not taking.done(), "the backlog is not published yet"
    stand.acknowledge.set()
    async with asyncio.timeout(5):
        await taking
    assert stand.asked[-1] == ([0], [Published(0, 10, 7), Published(0, 11, 7)])
    assert stand.lost == 0
    running.cancel()


async def test_a_row_that_somebody_else_removed_means_that_the_shard_is_lost(stand: Stand) -> None:
    ours = publisher_of(stand)
    ours._epochs, ours._published, stand.gone = {0: 5}, [Published(0, 9, 5)], 0
    stand.let_go.set()
    running = asyncio.create_task(ours.run())
    await turns()
    assert (stand.lost, ours._epochs) == (1, {})
    running.cancel()


async def test_a_loss_that_is_told_after_a_new_claim_is_none(stand: Stand) -> None:
    ours = publisher_of(stand)
    ours._epochs, ours._published, stand.gone = {0: 5}, [Published(0, 9, 5)], 0
    running = asyncio.create_task(ours.run())
    await turns()
    ours._epochs = {0: 6}
    stand.let_go.set()
    await turns()
    assert (stand.lost, ours._epochs) == (0, {0: 6})
    running.cancel()


@pytest.mark.parametrize("count", [1, 2, 4, 12, 24, 23, 97])
def test_every_shard_has_one_owner_and_one_publisher(count: int) -> None:
    known = [0, 3, 99, outbox.letter_shard(0), outbox.letter_shard(150)]
    found = [
        (partition, letters, shard)
        for partition in range(count)
        for letters in (False, True)
        for shard in shards_of([partition], count, known, letters=letters)
    ]
    shards = {*known, *range(count), *map(outbox.letter_shard, range(count))}
    assert sorted(shard for _, _, shard in found) == sorted(shards)
    assert all((shard >= LETTERS) == letters and shard % count == partition for partition, letters, shard in found)


@pytest.mark.parametrize("count", [*range(1, 23), 24, 30, 32, 36, 48, 60, 64, 96, 120, 128])
def test_dead_letters_belong_to_the_owner_of_where_their_records_lie(count: int) -> None:
    assert all(outbox.letter_shard(partition) % count == partition for partition in range(count))


class Strict:
    """A broker that takes no value over 2,000 bytes, nor, if told, anything but events."""

    def __init__(self, *, events_only: bool = False) -> None:
        self.events_only = events_only
        self.taken: list[Message] = []

    async def publish(self, shipments: Sequence[Shipment]) -> None:
        for _, messages in shipments:
            for message in messages:
                if len(message.value or b"") > 2_000 or (self.events_only and message.topic == encode.DEAD_LETTERS):
                    raise MessageRefused("too large")
                self.taken.append(message)


EVENTS = [Message("decisions", b"p", b"%d" % number) for number in range(3)]


def letter(offset: int, size: int) -> Message:
    record = StoredRecord("wargaming.results", 2, offset, 0, b"key", bytes(size), [("hitl_topic", b"theirs")])
    return encode.dead_letter_message(record, "bad_record", "why", datetime(2026, 11, 23, tzinfo=UTC))


async def published(stand: Stand, broker: Strict, rows: list[OutboxRow]) -> list[Published]:
    """What was acknowledged after a refusal."""
    ours = publisher_of(stand)
    ours.producer, ours._careful = cast(Any, broker), 1
    with suppress(MessageRefused):
        await ours._one_by_one({0: 7, 1: 7}, rows)
    return ours._published


def letters_counted() -> float:
    """How many dead letters are said to be published."""
    return float(metrics.MESSAGES_PUBLISHED.labels("hitl.dead-letters")._value.get())


async def test_a_dead_letter_that_the_broker_does_not_take_is_published_short(stand: Stand) -> None:
    before, counted = metrics.DEAD_LETTERS_REFUSED._value.get(), letters_counted()
    whole, huge, last = letter(5, 10), letter(6, 5_000), letter(7, 10)
    broker = Strict()
    row = OutboxRow(10, 0, [EVENTS[0], whole, huge, EVENTS[1], last])
    assert await published(stand, broker, [row, OutboxRow(11, 0, [EVENTS[2]])]) == [
        Published(0, 10, 7), Published(0, 11, 7),
    ]  # fmt: skip
    assert [message for message in broker.taken if message.topic == "decisions"] == EVENTS
    assert (metrics.DEAD_LETTERS_REFUSED._value.get(), letters_counted()) == (before + 1, counted + 3)
    assert [message for message in broker.taken if message.topic == "dead_letters"] == [
        whole, encode.shortened(huge), last,
    ]  # fmt: skip


async def test_a_dead_letter_that_the_broker_takes_in_no_way_holds_up_nothing(stand: Stand) -> None:
    broker, counted = Strict(events_only=True), letters_counted()
    rows = [OutboxRow(10, 0, [letter(5, 10), EVENTS[0]]), OutboxRow(11, 0, [EVENTS[1]])]
    assert await published(stand, broker, rows) == [Published(0, 10, 7), Published(0, 11, 7)]
    assert broker.taken == EVENTS[:2]
    assert letters_counted() == counted, "what nobody took was not published"


@pytest.mark.parametrize(("letters", "sent"), [(True, 1), (False, 2)])
async def test_after_a_refusal_dead_letters_go_one_by_one_for_a_while(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, letters: bool, sent: int
) -> None:
    """Those around one that is too large would be sent again each time."""
    waiting = [OutboxRow(n, 0, [letter(n, 10), letter(n + 100, 5_000)]) for n in range(4)]

    async def take(_: Any, __: Any, ___: int, published: Sequence[Published]) -> tuple[list[OutboxRow], int]:
        waiting[:] = [row for row in waiting if row.id not in {one.id for one in published}]
        return waiting[:1], len(published)

    monkeypatch.setattr(outbox, "take", take)
    broker, ours = Strict(), publisher_of(stand)
    ours.producer, ours.letters, ours._epochs, ours._looked_at = cast(Any, broker), letters, {0: 7}, inf
    running = asyncio.create_task(ours.run())
    async with asyncio.timeout(5):
        await ours.finish()
    running.cancel()
    times = Counter(dict(message.headers)["hitl_offset"] for message in broker.taken)
    assert [times[b"%d" % n] for n in range(4)] == [2, *[sent] * 3]


async def test_an_event_that_the_broker_does_not_take_holds_up_its_shard_and_no_other(stand: Stand) -> None:
    refused = Message("decisions", b"p", bytes(5_000))
    rows = [OutboxRow(10, 0, [refused]), OutboxRow(11, 0, EVENTS[:1]), OutboxRow(12, 1, EVENTS[1:])]
    assert await published(stand, Strict(), rows) == [Published(1, 12, 7)]
