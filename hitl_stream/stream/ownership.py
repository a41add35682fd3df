"""Which partitions are ours, and since when: claims them in Postgres after each assignment, and again when one was lost.

The group's assignment says whose turn it is; the claim in the database says who may write. Claiming waits for the database
without holding up the group: until it is done nothing is fetched. Two workers that both believe in a partition do not chase
each other: a claim that was taken away is claimed again only after a while, and only if the partition is still assigned.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from aiokafka.errors import KafkaError

from hitl_stream.broker import admin
from hitl_stream.broker.connection import KafkaConnection
from hitl_stream.errors import PositionLost, Unavailable
from hitl_stream.observe import log, metrics
from hitl_stream.store import position
from hitl_stream.store.database import Database
from hitl_stream.store.position import Claim, Watermarks
from hitl_stream.stream import question
from hitl_stream.stream.backoff import Backoff
from hitl_stream.stream.breaker import Breakers, BrokerAway
from hitl_stream.stream.inbox import Inbox
from hitl_stream.stream.publisher import Publisher
from hitl_stream.stream.record_list import Place

RECLAIM_S = 1.0


class Seeker(Protocol):
    """What seeks and releases: the consumer's thread."""

    async def seek_claims(self, claims: Sequence[Claim]) -> None: ...

    def release(self, claim: Claim) -> None: ...


@dataclass(slots=True)
class Ownership:
    """The partitions of this process. `fail` ends the process."""

    database: Database
    connection: KafkaConnection
    cluster_id: str
    owner: str
    results: str
    fail: Callable[[BaseException], None]
    breakers: Breakers
    inbox: Inbox = field(init=False)
    publisher: Publisher = field(init=False)
    letters: Publisher = field(init=False)
    seeker: Seeker = field(init=False)
    topic_ids: dict[str, str | None] = field(default_factory=dict)
    _places: set[Place] = field(default_factory=set)
    _claimed: bool = False
    _assigned_once: bool = False
    _task: asyncio.Task[None] | None = None
    _recovering: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def ready(self) -> bool:
        """Whether the group has told us what is ours, and all of it is claimed."""
        return self._assigned_once and self._claimed

    def positions(self) -> Mapping[Place, int]:
        """How far our partitions are recorded."""
        return self.inbox.positions()

    def assigned(self, places: set[Place]) -> None:
        """The group gave us these and no others."""
        self._assigned_once = True
        self._start_over(places)

    def revoked(self, places: set[Place]) -> None:
        """The group takes these away."""
        self._start_over(self._places - places, claim=False)
        for topic, partition in places:
            metrics.forget_partition(topic, partition)

    def troubled(self, claim: Claim, error: KafkaError) -> None:
        """The broker refused to go on with a partition. Looking at the topic anew says why, or mends it."""
        if self.inbox.holds(claim):
            log.get().warning("partition_refused", topic=claim.topic, partition=claim.partition, reason=repr(error))
            self.inbox.close((claim.topic, claim.partition))
            self._begin(self._again)

    def missed(self, claim: Claim) -> None:
        """A list did not arrive: read the partition again from where it is recorded."""
        log.get().warning("list_missed", topic=claim.topic, partition=claim.partition)
        self._begin(partial(self._reseek, [claim]))

    def lost(self, claims: Sequence[Claim]) -> None:
        """A transaction found that a position had moved: find out which, and read again from there."""
        held = [claim for claim in claims if self.inbox.holds(claim)]
        for claim in held:
            self.inbox.close((claim.topic, claim.partition))
        if held:
            metrics.POSITION_MISMATCHES.inc()
            self._begin(partial(self._reseek, held))

    def shards_lost(self) -> None:
        """Another process claimed our shards."""
        self._begin(self._again)

    async def close(self) -> None:
        """Claim nothing any more."""
        tasks = [task for task in (self._task, *self._recovering) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start_over(self, places: set[Place], *, claim: bool = True) -> None:
        for place in self._places | places:
            self.inbox.close(place)
        self.publisher.leave()
        self.letters.leave()
        self._places = set(places)
        self._claimed = False
        if self._task is not None:
            self._task.cancel()
        self._task = asyncio.create_task(self._claim_until_done()) if claim else None

    async def _claim_until_done(self) -> None:
        await self._until_done(self._claim)
        self._claimed = True

    def _begin(self, work: Callable[[], Awaitable[None]]) -> None:
        task = asyncio.create_task(self._until_done(work))
        self._recovering.add(task)
        task.add_done_callback(self._recovering.discard)

    async def _until_done(self, work: Callable[[], Awaitable[None]]) -> None:
        """Repeat while a dependency is away. What cannot be mended by waiting ends the process."""
        backoff = Backoff()
        while True:
            try:
                await work()
            except Unavailable as failure:
                self.breakers.failed(failure)
            except PositionLost as failure:
                log.get().warning("position_lost", reason=str(failure))
            except Exception as failure:  # noqa: BLE001 - Fatal or a bug in I/O: in a task nobody else would see it
                self.fail(failure)
                return
            else:
                return
            await backoff.wait()

    async def _claim(self) -> None:
        """The position first, so that nobody else records there any more; then the shards; then fetch."""
        topics = sorted({topic for topic, _ in self._places})
        ends = await self._ends(topics)
        ids = await question.ask(admin.topic_ids, self.connection, topics) if topics else {}
        claims: list[Claim] = []
        async with self.database.connection() as conn:
            for topic in topics:
                ours, again = self._ours(topic, ends), partial(self._ends_of, topic)
                taken = await position.claim(conn, self.cluster_id, topic, ours, ids.get(topic), self.owner, again)
                claims += taken.values()
        self.breakers.postgres.worked()
        self.topic_ids.update(ids)  # one whose partitions went away is still looked at: it may come back as another
        await self._fetch([claim for claim in claims if claim.topic != self.results])
        partitions = {claim.partition for claim in claims if claim.topic == self.results}
        count = len(ends.get(self.results, {})) or 1
        await self.letters.claim(partitions, count)
        await self.publisher.take_over(partitions, count)
        await self._fetch([claim for claim in claims if claim.topic == self.results])

    async def _ends(self, topics: Sequence[str]) -> Mapping[str, Watermarks]:
        return await question.ask(admin.watermarks, self.connection, topics) if topics else {}

    async def _ends_of(self, topic: str) -> Watermarks:
        return self._ours(topic, await self._ends([topic]))

    def _ours(self, topic: str, ends: Mapping[str, Watermarks]) -> Watermarks:
        ours = {partition for name, partition in self._places if name == topic}
        if not ours <= ends.get(topic, {}).keys():
            raise BrokerAway(f"Kafka has not all partitions of {topic} at the moment")
        return {partition: ends[topic][partition] for partition in ours}

    async def _fetch(self, claims: Sequence[Claim]) -> None:
        for claim in claims:
            self.inbox.open(claim)
            log.get().info("partition_claimed", topic=claim.topic, partition=claim.partition,
                           position=claim.next_offset, epoch=claim.epoch)  # fmt: skip
        if claims:
            await self.seeker.seek_claims(claims)

    async def _reseek(self, claims: Sequence[Claim]) -> None:
        """Partitions that are still ours go on from their position; the others are claimed again after a while."""
        assignment = self._task
        for topic in {claim.topic for claim in claims}:
            mine = {claim.partition: claim.epoch for claim in claims if claim.topic == topic}
            async with self.database.connection() as conn:
                found = await position.read(conn, self.cluster_id, topic, sorted(mine))
            if self._task is not assignment:
                return  # everything was claimed anew meanwhile
            await self._fetch([now for partition, now in found.items() if now.epoch == mine[partition]])
            if gone := [partition for partition in mine if found[partition].epoch != mine[partition]]:
                log.get().warning("position_lost", topic=topic, partitions=gone)
                self._begin(self._again)

    async def _again(self) -> None:
        """Claim everything anew, unless the group has decided otherwise meanwhile."""
        assignment = self._task
        await asyncio.sleep(RECLAIM_S + Backoff(base_s=RECLAIM_S).next_s())
        if self._task is assignment and assignment is not None:
            self._start_over(self._places)
