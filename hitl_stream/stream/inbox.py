"""Lists that have arrived and wait to be recorded: per partition in order, never more than were asked for.

What belongs to an earlier claim is dropped here, and so is what does not follow what came before it. Nothing here waits for
anything but the next list.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from hitl_stream.store.batch import Span
from hitl_stream.store.position import Claim
from hitl_stream.stream.record_list import LIST_BYTES_MAX, RECORDS_MAX, Place, RecordList


@dataclass(slots=True, eq=False)
class Batch:
    """What one transaction will record: spans of distinct partitions of one topic.

    `behind` are transactions under way that must commit first, because they hold a partition of this one.
    """

    topic: str
    claims: list[Claim]
    spans: list[Span]
    behind: list[Batch]
    done: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def records(self) -> int:
        """How many records there are in it."""
        return sum(len(span.records) for span in self.spans)


@dataclass(slots=True)
class _Partition:
    """One partition that is ours: the lists waiting, where the next must begin, and what is under way."""

    claim: Claim
    arrived: int
    recorded: int
    waiting: deque[RecordList] = field(default_factory=deque)
    under_way: list[Batch] = field(default_factory=list)


@dataclass(slots=True)
class _Room:
    """What a batch can still take."""

    records: int = RECORDS_MAX
    size: int = LIST_BYTES_MAX

    def holds(self, arrived: RecordList) -> bool:
        return len(arrived.records) <= self.records and arrived.size <= self.size

    def give(self, arrived: RecordList) -> None:
        self.records -= len(arrived.records)
        self.size -= arrived.size


class Inbox:
    """The lists of all our partitions. `taken` is called for each list that leaves, `missed` when one did not arrive."""

    def __init__(self, taken: Callable[[Claim], None], missed: Callable[[Claim], None]) -> None:
        self._taken = taken
        self._missed = missed
        self._partitions: dict[Place, _Partition] = {}
        self._arrival = asyncio.Event()
        self._shut = False

    def open(self, claim: Claim) -> None:
        """Expect lists of this claim from its position on; those of any other are dropped."""
        self._partitions[claim.topic, claim.partition] = _Partition(claim, claim.next_offset, claim.next_offset)

    def close(self, place: Place) -> None:
        """The partition is not ours, or its position is unknown: drop what waits."""
        self._partitions.pop(place, None)

    def holds(self, claim: Claim) -> bool:
        """Whether this very claim is in force."""
        partition = self._partitions.get((claim.topic, claim.partition))
        return partition is not None and partition.claim is claim

    def put(self, arrived: RecordList) -> None:
        """A list has arrived."""
        partition = self._partitions.get(arrived.place)
        if partition is None or partition.claim is not arrived.claim:
            return
        if arrived.first_offset != partition.arrived:
            self.close(arrived.place)
            self._missed(arrived.claim)
            return
        partition.arrived = arrived.next_offset
        partition.waiting.append(arrived)
        self._arrival.set()

    def shut(self) -> None:
        """Let nothing out any more."""
        self._shut = True
        self._arrival.set()

    async def take(self) -> Batch | None:
        """All that has arrived for one topic, up to what is allowed; waits only while there is nothing. None once shut."""
        while not self._shut:
            batch = self._pick()
            if batch is not None:
                return batch
            self._arrival.clear()
            await self._arrival.wait()
        return None

    def done(self, batch: Batch, *, recorded: bool) -> None:
        """The batch has been recorded, or given up."""
        for claim, span in zip(batch.claims, batch.spans, strict=True):
            partition = self._partitions.get((claim.topic, claim.partition))
            if partition is not None and partition.claim is claim:
                partition.under_way.remove(batch)
                if recorded:
                    partition.recorded = span.next_offset
        batch.done.set()
        self._arrival.set()

    def positions(self) -> dict[Place, int]:
        """How far each of our partitions is recorded."""
        return {place: partition.recorded for place, partition in self._partitions.items()}

    def oldest_ms(self, place: Place) -> int | None:
        """The time of the oldest record here that is not recorded yet."""
        partition = self._partitions.get(place)
        if partition is None:
            return None
        under_way = (
            span.records[0].timestamp
            for batch in partition.under_way
            for span in batch.spans
            if (span.topic, span.partition) == place and span.records
        )
        waiting = (arrived.oldest_ms for arrived in partition.waiting if arrived.oldest_ms is not None)
        return min((*under_way, *waiting), default=None)

    def idle(self) -> Iterator[tuple[Claim, int]]:
        """Claims with nothing waiting and nothing under way, and where their next list must begin."""
        for partition in self._partitions.values():
            if not partition.waiting and not partition.under_way:
                yield partition.claim, partition.arrived

    def __len__(self) -> int:
        """Lists waiting or under way."""
        return sum(len(partition.waiting) + len(partition.under_way) for partition in self._partitions.values())

    def _pick(self) -> Batch | None:
        """Partitions with nothing under way first; then such with one batch under way, to be recorded behind it."""
        for depth in (0, 1):
            ready = [p for p in self._partitions.values() if p.waiting and len(p.under_way) == depth]
            if ready:
                topic = ready[0].claim.topic
                return self._gather(topic, (p for p in ready if p.claim.topic == topic))
        return None

    def _gather(self, topic: str, ready: Iterable[_Partition]) -> Batch:
        batch = Batch(topic, [], [], [])
        room = _Room()
        for partition in ready:
            if batch.spans and not room.holds(partition.waiting[0]):
                continue
            span = self._span(partition, room)
            batch.claims.append(partition.claim)
            batch.spans.append(span)
            batch.behind += [earlier for earlier in partition.under_way if earlier not in batch.behind]
            partition.under_way.append(batch)
            self._to_the_end(partition)
        return batch

    def _span(self, partition: _Partition, room: _Room) -> Span:
        """The first list, and those after it that still fit."""
        claim, first = partition.claim, partition.waiting.popleft()
        room.give(first)
        span = Span(
            claim.topic, claim.partition, first.first_offset, first.next_offset, claim.epoch, list(first.records)
        )
        self._taken(claim)
        while partition.waiting and room.holds(partition.waiting[0]):
            following = partition.waiting.popleft()
            room.give(following)
            span.records.extend(following.records)
            span.next_offset = following.next_offset
            self._taken(claim)
        return span

    def _to_the_end(self, partition: _Partition) -> None:
        """Others come first the next time."""
        place = (partition.claim.topic, partition.claim.partition)
        self._partitions[place] = self._partitions.pop(place)
