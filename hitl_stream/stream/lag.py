"""How far behind we are, and whether the dependencies answer: asked regularly, beside the work.

Lag is counted against the database's position, never the consumer's. A list that was fetched and did not arrive is noticed
here, and so is a topic that was deleted and created again under the same name.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from aiokafka.errors import KafkaError

from hitl_stream.broker import admin
from hitl_stream.errors import Fatal, Unavailable
from hitl_stream.observe import log, metrics
from hitl_stream.store import outbox, process
from hitl_stream.store.database import Database
from hitl_stream.store.position import Claim
from hitl_stream.store.process import Process
from hitl_stream.stream import question
from hitl_stream.stream.breaker import BrokerAway
from hitl_stream.stream.ownership import Ownership
from hitl_stream.stream.record_list import Place

LAG_EVERY_S = 1.0
OUTBOX_EVERY_S = 2.0
IDENTITY_EVERY_S = 10.0
ANSWER_S = 5.0

Away = Callable[[BaseException], Unavailable]


class Consumed(Protocol):
    """The consumer's view: ends of partitions, and how far lists were handed out."""

    async def ends(self, places: Iterable[Place]) -> dict[Place, int]: ...

    async def position_of(self, claim: Claim) -> int | None: ...


@dataclass(slots=True)
class Monitor:
    """Looks after one worker's figures."""

    ownership: Ownership
    consumed: Consumed
    database: Database
    registered: Process
    behind: int = 0
    _behind_since: dict[Place, float] = field(default_factory=dict)
    _suspected: set[tuple[Claim, int]] = field(default_factory=set)

    async def run(self) -> None:
        """Until cancelled. Raises Fatal when a topic is another one than it was."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._every(LAG_EVERY_S, self._lag, _kafka))
            tasks.create_task(self._every(LAG_EVERY_S, self._handed_out, _kafka))
            tasks.create_task(self._every(OUTBOX_EVERY_S, self._outbox, _postgres))
            tasks.create_task(self._every(process.BEAT_S, self._beat, _postgres))
            tasks.create_task(self._every(IDENTITY_EVERY_S, self._identity, _kafka))

    async def _every(self, seconds: float, look: Callable[[], Awaitable[None]], away: Away) -> None:
        while True:
            try:
                async with asyncio.timeout(ANSWER_S):
                    await look()
            except Unavailable as failure:
                self.ownership.breakers.failed(failure)
            except (KafkaError, TimeoutError) as failure:
                self.ownership.breakers.failed(away(failure))
            await asyncio.sleep(seconds)

    async def _lag(self) -> None:
        positions = self.ownership.positions()
        if not positions:
            self.behind = 0
            return
        ends = await self.consumed.ends(positions)
        self.ownership.breakers.kafka.worked()
        lags = {
            place: max(0, ends[place] - recorded)
            for place, recorded in self.ownership.positions().items()
            if place in ends
        }
        self.behind = sum(lags.values())
        for place, records in lags.items():
            topic, partition = place
            metrics.LAG_RECORDS.labels(topic, partition).set(records)
            metrics.LAG_SECONDS.labels(topic, partition).set(self._seconds(place, records))

    def _seconds(self, place: Place, records: int) -> float:
        """Age of the oldest record that is not recorded; while it is not even fetched, how long we have known of it."""
        if records == 0:
            self._behind_since.pop(place, None)
            return 0.0
        since = self._behind_since.setdefault(place, time.time())
        oldest_ms = self.ownership.inbox.oldest_ms(place)
        return max(0.0, time.time() - (since if oldest_ms is None else oldest_ms / 1000))

    async def _handed_out(self) -> None:
        """A list that left the consumer and is nowhere here: if nothing has arrived since the look before, it is lost."""
        suspected: set[tuple[Claim, int]] = set()
        for claim, arrived in list(self.ownership.inbox.idle()):
            position = await self.consumed.position_of(claim)
            if position is not None and position > arrived:
                suspected.add((claim, arrived))
        for claim, _ in suspected & self._suspected:
            if self.ownership.inbox.holds(claim):
                self.ownership.inbox.close((claim.topic, claim.partition))
                self.ownership.missed(claim)
        self._suspected = suspected - self._suspected

    async def _outbox(self) -> None:
        async with self.database.connection() as conn:
            oldest = await outbox.oldest_age(conn)
        self.ownership.breakers.postgres.worked()
        metrics.set_oldest_ages(*oldest)

    async def _beat(self) -> None:
        async with self.database.connection() as conn:
            await process.beat(conn, self.registered)

    async def _identity(self) -> None:
        known = dict(self.ownership.topic_ids)
        if not known:
            return
        found = await question.ask(admin.topic_ids, self.ownership.connection, sorted(known))
        if gone := [topic for topic in known if topic not in found]:
            log.get().error("topics_missing", topics=gone, advice="run: hitl-stream topics verify")
        for topic, topic_id in known.items():
            if topic in found and found[topic] != topic_id:
                raise Fatal(
                    f"topic {topic} was recreated while we were reading it (id {found[topic]}, was {topic_id}); "
                    f"look at the topic, then run: hitl-stream positions adopt {topic}"
                )
        self.ownership.breakers.kafka.worked()


def _kafka(failure: BaseException) -> Unavailable:
    return BrokerAway(f"Kafka: {_said(failure)}")


def _postgres(failure: BaseException) -> Unavailable:
    return Unavailable(f"Postgres: {_said(failure)}")


def _said(failure: BaseException) -> str:
    return str(failure) or (
        f"no answer within {ANSWER_S:.0f} s" if isinstance(failure, TimeoutError) else repr(failure)
    )
