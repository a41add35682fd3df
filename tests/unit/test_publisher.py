"""The publisher against a database and a broker that a test holds back: what a rebalance in the middle of a round leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from hitl_stream.contract import topics
from hitl_stream.contract.record import Message
from hitl_stream.store import outbox, position
from hitl_stream.store.outbox import OutboxRow, Published
from hitl_stream.stream.breaker import Breaker, Breakers
from hitl_stream.stream.publisher import Publisher
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
