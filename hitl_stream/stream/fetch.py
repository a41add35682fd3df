"""Takes what aiokafka fetched, as one list per partition with the consumer's position before and after. Runs on its thread.

Nothing is taken from a partition without a claim, and no more lists than the recorder keeps up with. A batch that cannot be
read never stalls its partition and is never skipped silently: `salvage` reads around it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import ConsumerStoppedError, KafkaError, RecordTooLargeError

from hitl_stream.contract.record import Record
from hitl_stream.store.position import Claim
from hitl_stream.stream import portion, salvage
from hitl_stream.stream.record_list import RecordList

LISTS_MAX = 2  # handed out per partition and not yet taken by a transaction

REFUSED_S = 0.08  # an empty answer that comes sooner is a refusal: the broker waits longer for records to come

Troubled = Callable[[Claim, KafkaError], None]


class Fetch:
    """The lists of one consumer. Everything here happens on the consumer's own thread and loop."""

    def __init__(self, consumer: AIOKafkaConsumer, troubled: Troubled) -> None:
        self._consumer = consumer
        self._fetcher = consumer._fetcher
        self._troubled = troubled
        self._claims: dict[TopicPartition, Claim] = {}
        self._handed_out: dict[TopicPartition, int] = {}
        self._ask = self._fetcher._proc_fetch_request
        self._fetcher._proc_fetch_request = self._ask_patiently

    def seek(self, claims: Mapping[TopicPartition, Claim]) -> None:
        """From now on take these partitions from their positions, under these claims. Those not assigned are left out."""
        assigned = self._consumer.assignment()
        for tp, claim in claims.items():
            if tp in assigned:
                self._consumer.seek(tp, claim.next_offset)
                self._claims[tp] = claim
                self._handed_out[tp] = 0
        self._wake()

    def leave(self) -> None:
        """Take nothing any more, until the next `seek`."""
        self._claims.clear()

    def release(self, claim: Claim) -> None:
        """A list of this claim is being recorded: there is room for another."""
        tp = TopicPartition(claim.topic, claim.partition)
        if self._claims.get(tp) is claim:
            self._handed_out[tp] -= 1
            self._wake()

    def position(self, claim: Claim) -> int | None:
        """How far the partition was handed out; None once the claim is over."""
        tp = TopicPartition(claim.topic, claim.partition)
        if self._claims.get(tp) is not claim:
            return None
        position: int | None = self._state(tp).position
        return position

    async def take(self, timeout_s: float) -> dict[TopicPartition, RecordList]:
        """What is there, at most one list a partition; waits at most `timeout_s` for the first."""
        if self._consumer._closed or self._fetcher._closed:
            raise ConsumerStoppedError
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        with self._fetcher._subscriptions.fetch_context():
            while True:
                lists = await self._take_now()
                left_s = deadline - loop.time()
                if lists or left_s <= 0:
                    return lists
                waiter = self._fetcher._create_fetch_waiter()
                await asyncio.wait([waiter], timeout=left_s)
                if waiter.done():
                    waiter.result()  # raises what the group's coordinator cannot recover from
                else:
                    waiter.cancel()
                if self._consumer._closed:
                    raise ConsumerStoppedError

    async def _take_now(self) -> dict[TopicPartition, RecordList]:
        lists: dict[TopicPartition, RecordList] = {}
        if self._fetcher._subscriptions.reassignment_in_progress:
            return lists
        for tp in list(self._fetcher._records):
            claim = self._claims.get(tp)
            if claim is None or self._handed_out[tp] >= LISTS_MAX:
                continue
            taken = await self._take_one(tp, claim)
            if taken is not None and self._claims.get(tp) is claim:
                lists[tp] = taken
                self._handed_out[tp] += 1
        return lists

    async def _take_one(self, tp: TopicPartition, claim: Claim) -> RecordList | None:
        fetched = self._fetcher._records[tp]
        state = self._state(tp)
        first = state.position
        if hasattr(fetched, "check_raise"):
            self._forget(tp)
            return await self._after_error(tp, claim, fetched._error)
        try:
            records, size = _taken(fetched)
        except Exception:  # noqa: BLE001 - bytes from outside broke the reader: whatever it is, they would do so again
            self._forget(tp)
            return await self._salvage(tp, claim, first)
        if not fetched.has_more():
            self._forget(tp)
        if state.position == first:
            return None
        return RecordList(claim, first, state.position, records, size)

    async def _after_error(self, tp: TopicPartition, claim: Claim, error: KafkaError) -> RecordList | None:
        if isinstance(error, RecordTooLargeError):  # the batch's length is wrong; aiokafka has stepped over one offset
            return await self._salvage(tp, claim, self._state(tp).position - 1)
        del self._claims[tp]
        self._troubled(claim, error)
        return None

    async def _salvage(self, tp: TopicPartition, claim: Claim, first: int) -> RecordList | None:
        """Read what can be read, one bad batch included; the next attempt goes on behind it."""
        try:
            records, following = await salvage.read(self._consumer, tp, first)
        except KafkaError:
            self._consumer.seek(tp, first)  # the broker went away meanwhile: the same again later
            return None
        except salvage.Undelimited as failure:
            del self._claims[tp]
            self._troubled(claim, failure)
            return None
        if self._claims.get(tp) is not claim:
            return None
        self._consumer.seek(tp, following)
        size = portion.bytes_of(records)
        return RecordList(claim, first, following, records, size) if following > first else None

    async def _ask_patiently(self, *request: Any) -> Any:
        """One fetch. aiokafka would repeat it at once where the broker refuses a partition, and take a core for that."""
        asked_at, held = time.monotonic(), set(self._fetcher._records)
        answer = await self._ask(*request)
        if time.monotonic() - asked_at < REFUSED_S and self._fetcher._records.keys() <= held:
            try:
                await asyncio.sleep(REFUSED_S)
            except asyncio.CancelledError:  # as in the driver: closing, or the partitions are gone
                return False
        return answer

    def _forget(self, tp: TopicPartition) -> None:
        """Let aiokafka fetch the partition again."""
        self._fetcher._records.pop(tp, None)
        self._fetcher._notify(self._fetcher._wait_consume_future)

    def _wake(self) -> None:
        for waiter in list(self._fetcher._fetch_waiters):
            self._fetcher._notify(waiter)

    def _state(self, tp: TopicPartition) -> Any:
        return self._fetcher._subscriptions.subscription.assignment.state_value(tp)


def _taken(fetched: Any) -> tuple[list[Record], int]:
    """A list of what was fetched, and its bytes. As its own `getall`, but for the bytes; the rest stays for the next list."""
    records: list[Record] = []
    if not fetched.check_assignment(fetched._topic_partition) or not fetched.has_more():
        return records, 0
    size, ended = portion.fill(records, fetched._partition_records)
    fetched._update_position()
    if ended:
        fetched._partition_records = None
    return records, size
