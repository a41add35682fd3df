"""The inbox: per partition in order, never more than was asked for, nothing of a claim that is over."""

from __future__ import annotations

import asyncio

import pytest

from hitl_stream.contract.record import StoredRecord
from hitl_stream.store.position import Claim
from hitl_stream.stream.inbox import Batch, Inbox
from hitl_stream.stream.record_list import LIST_BYTES_MAX, RECORDS_MAX, RecordList
from tests.harness import wait

TOPIC = "results"


class Seen:
    """An inbox, and what it said."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.missed: list[int] = []
        self.inbox = Inbox(
            lambda claim: self.taken.append(claim.partition), lambda claim: self.missed.append(claim.partition)
        )
        self.claims: dict[int, Claim] = {}

    def claim(self, partition: int, topic: str = TOPIC, position: int = 0, epoch: int = 1) -> Claim:
        claim = Claim(topic, partition, position, epoch)
        self.claims[partition] = claim
        self.inbox.open(claim)
        return claim

    def put(self, partition: int, first: int, following: int, records: int | None = None, size: int = 0) -> None:
        """A list of `records` records, one for each offset if not told, of `size` bytes."""
        claim = self.claims[partition]
        count = following - first if records is None else records
        found = [StoredRecord(claim.topic, partition, first + n, 1_000 + first + n, None, b"") for n in range(count)]
        self.inbox.put(RecordList(claim, first, following, found, size))

    async def take(self) -> Batch:
        batch = await asyncio.wait_for(self.inbox.take(), 1)
        assert batch is not None
        return batch

    async def takes_nothing(self) -> bool:
        taking = asyncio.ensure_future(self.inbox.take())
        for _ in range(5):
            await wait.turn()
        nothing = not taking.done()
        taking.cancel()
        return nothing


def spans(batch: Batch) -> list[tuple[int, int, int]]:
    return [(span.partition, span.first_offset, span.next_offset) for span in batch.spans]


async def test_a_batch_holds_all_that_has_arrived_for_one_topic() -> None:
    seen = Seen()
    for partition in (0, 1):
        seen.claim(partition)
    seen.claim(2, topic="outcomes")
    for partition in (0, 1, 2):
        seen.put(partition, 0, 10)
        seen.put(partition, 10, 20)
    assert spans(await seen.take()) == [(0, 0, 20), (1, 0, 20)]
    assert spans(await seen.take()) == [(2, 0, 20)]
    assert seen.taken == [0, 0, 1, 1, 2, 2]


async def test_a_batch_holds_no_more_records_than_the_budget_and_the_next_one_begins_with_others() -> None:
    seen = Seen()
    for partition in (0, 1, 2):
        seen.claim(partition)
        seen.put(partition, 0, RECORDS_MAX // 2)
        seen.put(partition, RECORDS_MAX // 2, RECORDS_MAX)
    first, second = await seen.take(), await seen.take()
    assert spans(first) == [(0, 0, RECORDS_MAX)]
    assert spans(second) == [(1, 0, RECORDS_MAX)]
    assert first.records == second.records == RECORDS_MAX


async def test_a_batch_holds_no_more_bytes_than_a_list_may() -> None:
    seen = Seen()
    for partition in (0, 1):
        seen.claim(partition)
        seen.put(partition, 0, 1, size=LIST_BYTES_MAX - 1)
        seen.put(partition, 1, 2, size=2)
        seen.put(partition, 2, 3, size=LIST_BYTES_MAX + 1)
    first = [await seen.take() for _ in range(3)]
    assert [spans(batch) for batch in first] == [[(0, 0, 1)], [(1, 0, 1)], [(0, 1, 2), (1, 1, 2)]]
    for batch in first:
        seen.inbox.done(batch, recorded=True)
    assert spans(await seen.take()) == [(0, 2, 3)]


async def test_a_list_over_the_budget_is_taken_alone() -> None:
    seen = Seen()
    for partition in (0, 1):
        seen.claim(partition)
        seen.put(partition, 0, RECORDS_MAX + 1)
    assert spans(await seen.take()) == [(0, 0, RECORDS_MAX + 1)]


async def test_a_list_without_records_moves_the_position() -> None:
    seen = Seen()
    seen.claim(0)
    seen.put(0, 0, 3, records=0)
    batch = await seen.take()
    assert spans(batch) == [(0, 0, 3)]
    assert batch.records == 0
    seen.inbox.done(batch, recorded=True)
    assert seen.inbox.positions() == {(TOPIC, 0): 3}


async def test_a_partition_has_at_most_two_batches_under_way_the_second_behind_the_first() -> None:
    seen = Seen()
    seen.claim(0)
    batches = []
    for first in (0, 10):
        seen.put(0, first, first + 10)
        batches.append(await seen.take())
    seen.put(0, 20, 30)
    assert await seen.takes_nothing()
    assert [batch.behind for batch in batches] == [[], [batches[0]]]
    seen.inbox.done(batches[0], recorded=True)
    assert batches[0].done.is_set()
    third = await seen.take()
    assert spans(third) == [(0, 20, 30)]
    assert third.behind == [batches[1]]


@pytest.mark.parametrize(("recorded", "position"), [(True, 10), (False, 0)])
async def test_the_position_follows_what_is_recorded_and_not_what_was_taken(recorded: bool, position: int) -> None:
    seen = Seen()
    seen.claim(0)
    seen.put(0, 0, 10)
    batch = await seen.take()
    assert seen.inbox.positions() == {(TOPIC, 0): 0}
    seen.inbox.done(batch, recorded=recorded)
    assert seen.inbox.positions() == {(TOPIC, 0): position}


async def test_a_list_of_a_claim_that_is_over_is_dropped() -> None:
    seen = Seen()
    earlier = seen.claim(0)
    seen.claim(0, position=100, epoch=2)
    seen.inbox.put(RecordList(earlier, 0, 10, []))
    assert await seen.takes_nothing()
    assert not seen.inbox.holds(earlier)
    assert seen.missed == []


@pytest.mark.parametrize("first", [5, 11])
async def test_a_list_that_does_not_follow_closes_its_partition_and_says_so(first: int) -> None:
    seen = Seen()
    claim = seen.claim(0)
    seen.put(0, 0, 10)
    seen.put(0, first, 20)
    assert seen.missed == [0]
    assert not seen.inbox.holds(claim)
    assert await seen.takes_nothing()


async def test_what_was_under_way_when_the_partition_was_closed_moves_no_position_of_the_next_claim() -> None:
    seen = Seen()
    seen.claim(0)
    seen.put(0, 0, 10)
    batch = await seen.take()
    seen.inbox.close((TOPIC, 0))
    seen.claim(0, position=4, epoch=2)
    seen.inbox.done(batch, recorded=True)
    assert seen.inbox.positions() == {(TOPIC, 0): 4}


async def test_a_shut_inbox_lets_nothing_out_and_wakes_who_waits() -> None:
    seen = Seen()
    seen.claim(0)
    waiting = asyncio.ensure_future(seen.inbox.take())
    await wait.turn()
    seen.inbox.shut()
    assert await asyncio.wait_for(waiting, 1) is None
    seen.put(0, 0, 10)
    assert await asyncio.wait_for(seen.inbox.take(), 1) is None


async def test_what_is_idle_and_how_old_the_oldest_record_is() -> None:
    seen = Seen()
    claim = seen.claim(0)
    assert list(seen.inbox.idle()) == [(claim, 0)]
    assert seen.inbox.oldest_ms((TOPIC, 0)) is None
    seen.put(0, 0, 10)
    first = await seen.take()
    seen.put(0, 10, 20)
    assert list(seen.inbox.idle()) == []
    assert len(seen.inbox) == 2
    assert seen.inbox.oldest_ms((TOPIC, 0)) == 1_000
    seen.inbox.done(first, recorded=True)
    assert seen.inbox.oldest_ms((TOPIC, 0)) == 1_010
    seen.inbox.done(await seen.take(), recorded=True)
    assert list(seen.inbox.idle()) == [(claim, 20)]
    assert len(seen.inbox) == 0
