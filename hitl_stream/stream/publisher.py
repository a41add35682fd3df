"""Publishes the outbox of the shards that are ours: per shard in id order, rows removed only after the acknowledgement, when
the next ones are asked for.

Whoever owns partition p of the results owns all shards s with s mod P = p. Taking a shard over means publishing all that it
holds before anything new is recorded on its partition; `take_over` returns when that is done. Dead letters have a publisher of
their own, which nothing waits for: the database has what they say.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from hitl_stream.contract import encode
from hitl_stream.contract.record import Message
from hitl_stream.contract.topics import Topics
from hitl_stream.errors import PositionLost, Unavailable
from hitl_stream.observe import log, metrics
from hitl_stream.store import outbox, position
from hitl_stream.store.database import Database
from hitl_stream.store.outbox import OutboxRow, Published
from hitl_stream.stream.backoff import Backoff
from hitl_stream.stream.breaker import Breakers
from hitl_stream.stream.producer import MessageRefused, Producer

POLL_S = 0.1
LETTERS_POLL_S = 0.5
SHARDS_EVERY_S = 5.0  # a shard that nobody used before: dead letters of a topic with more partitions than the results
LETTERS_CAREFUL_ROUNDS = 100  # row by row after a refusal: otherwise each one sends what lies around it a second time
ROWS_MAX = 16  # per shard and round; a row holds the messages of one transaction
PLACE = ("topic", "partition", "offset")


def shards_of(partitions: Collection[int], count: int, known: Iterable[int], *, letters: bool) -> list[int]:
    """The shards that belong to these partitions of a topic with `count` of them, those never used yet included."""
    usual = map(outbox.letter_shard, range(count)) if letters else range(count)
    ours = (shard for shard in {*usual, *known} if shard % count in partitions)
    return sorted(shard for shard in ours if (shard >= outbox.LETTERS) == letters)


@dataclass(slots=True)
class Publisher:
    """One task publishes everything of this process, or its dead letters, round by round."""

    database: Database
    producer: Producer
    topics: Topics
    owner: str
    breakers: Breakers
    lost: Callable[[], None]
    letters: bool = False
    _epochs: dict[int, int] = field(default_factory=dict)
    _published: list[Published] = field(default_factory=list)
    _partitions: Collection[int] = ()
    _count: int = 1
    _looked_at: float = 0.0
    _full: set[int] = field(default_factory=set)
    _drained: asyncio.Event = field(default_factory=asyncio.Event)
    _wanted: asyncio.Event = field(default_factory=asyncio.Event)
    _careful: int = 0  # rounds that are still to be sent row by row

    async def claim(self, partitions: Collection[int], count: int) -> None:
        """Own the shards of these partitions, of no others. Raises Unavailable."""
        async with self.database.connection() as conn:
            known = await position.known_shards(conn)
            shards = shards_of(partitions, count, known, letters=self.letters)
            epochs = await position.claim_shards(conn, shards, self.owner) if shards else {}
        self._epochs, self._partitions, self._count = epochs, tuple(partitions), count
        self._full = set(epochs)
        self._drained.clear()
        self.wake()

    async def take_over(self, partitions: Collection[int], count: int) -> None:
        """The same, and return when they are empty. Raises PositionLost too, when they were left again meanwhile."""
        await self.claim(partitions, count)
        epochs = self._epochs
        while self._full:
            await self._drained.wait()
            if self._epochs is not epochs:
                raise PositionLost("the shards have another owner")

    async def finish(self) -> None:
        """Return when nothing of ours is left to publish, or we own nothing any more."""
        self._full = set(self._epochs)
        self._drained.clear()
        self.wake()
        while self._full:
            await self._drained.wait()

    def leave(self) -> None:
        """Own no shard any more; what is being published may finish."""
        self._epochs = {}
        self._full = set()
        self._drained.set()

    def wake(self) -> None:
        """Something was committed: look at once."""
        self._wanted.set()

    async def run(self) -> None:
        """Publish until cancelled. Failures are waited out; nothing is given up."""
        backoff = Backoff()
        while True:
            self._wanted.clear()
            try:
                await self._look_for_shards()
                moved = await self._round(dict(self._epochs))
            except Unavailable as failure:
                metrics.PUBLISH_RETRIES.inc()
                self.breakers.failed(failure)
                await backoff.wait()
            except MessageRefused:
                metrics.PUBLISH_RETRIES.inc()
                self._be_careful()
                await backoff.wait()
            else:
                backoff.reset()
                if not moved:
                    await self._rest()

    async def _look_for_shards(self) -> None:
        """Own shards of ours that came into use since the take-over."""
        owned, now = self._epochs, time.monotonic()
        if not owned or now - self._looked_at < SHARDS_EVERY_S:
            return
        self._looked_at = now
        async with self.database.connection() as conn:
            known = await position.known_shards(conn)
            ours = shards_of(self._partitions, self._count, known, letters=self.letters)
            new = [shard for shard in ours if shard not in owned]
            if new:
                owned.update(await position.claim_shards(conn, new, self.owner))

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(LETTERS_POLL_S if self.letters else POLL_S):
                await self._wanted.wait()
        except TimeoutError:
            return

    async def _round(self, epochs: dict[int, int]) -> int:
        """Publish the oldest rows of every shard. Returns how many rows there were."""
        if not epochs and not self._published:
            return 0
        rows = await self._take(epochs)
        self._mark_drained(epochs, {row.shard for row in rows})
        if rows:
            await (self._one_by_one(epochs, rows) if self._careful else self._publish(epochs, rows))
        return len(rows)

    async def _take(self, epochs: dict[int, int]) -> list[OutboxRow]:
        """The oldest rows, and away with those published before: under the epoch of now where the shard is still ours."""
        published = [row._replace(epoch=epochs.get(row.shard, row.epoch)) for row in self._published]
        self._published = []  # if this fails they may be there still: they are published again then
        async with self.database.connection() as conn:
            rows, gone = await outbox.take(conn, list(epochs), ROWS_MAX, published)
        self.breakers.postgres.worked()
        ours = sum(row.shard in epochs for row in published)
        if gone == ours:
            return rows
        if self._holds(epochs):  # otherwise they were left meanwhile, and perhaps claimed again
            log.get().warning("shards_lost", rows=ours - gone)
            self.leave()
            self.lost()
        return []

    async def _one_by_one(self, epochs: dict[int, int], rows: Sequence[OutboxRow]) -> None:
        """After a refusal: a shard goes on up to the row that the broker will not take, the other shards go on."""
        refused: dict[int, MessageRefused] = {}
        for row in rows:
            if row.shard not in refused:
                try:
                    await self._publish_apart(epochs, row)
                except MessageRefused as failure:
                    refused[row.shard] = failure
        self._careful -= 1
        for shard, why in refused.items():
            log.get().error("message_refused", shard=shard, reason=str(why), advice="run: hitl-stream topics verify")
        if refused:
            raise next(iter(refused.values()))

    async def _publish_apart(self, epochs: dict[int, int], row: OutboxRow) -> None:
        """Its dead letters one by one, behind all else that it holds."""
        letters = [message for message in row.messages if message.topic == encode.DEAD_LETTERS]
        others = [message for message in row.messages if message.topic != encode.DEAD_LETTERS]
        await self.producer.publish([(row.shard, others)])
        out = [letter for letter in letters if await self._publish_letter(row.shard, letter)]
        self._acknowledged(epochs, [row], [*others, *out])

    async def _publish_letter(self, shard: int, letter: Message) -> bool:
        """As it is, or short, or not at all: the table has all of it, so it holds up nothing. Returns whether it is out."""
        try:
            await self.producer.publish([(shard, [letter])])
        except MessageRefused as refusal:
            self._be_careful()
            metrics.DEAD_LETTERS_REFUSED.inc()
            place = {name: (dict(letter.headers)[f"hitl_{name}"] or b"").decode() for name in PLACE}
            advice = "run: hitl-stream topics verify"
            log.get().error("dead_letter_refused", **place, reason=str(refusal), advice=advice)
            try:
                await self.producer.publish([(shard, [encode.shortened(letter)])])
            except MessageRefused:
                log.get().error("dead_letter_unpublished", **place, advice="it is in: hitl-stream dead-letters list")
                return False
        return True

    def _be_careful(self) -> None:
        """Something was refused: find out what. Dead letters too large for their topic seldom come alone."""
        self._careful = LETTERS_CAREFUL_ROUNDS if self.letters else 1

    async def _publish(self, epochs: dict[int, int], rows: Sequence[OutboxRow]) -> None:
        await self.producer.publish([(row.shard, row.messages) for row in rows])
        self._acknowledged(epochs, rows, [message for row in rows for message in row.messages])

    def _acknowledged(self, epochs: dict[int, int], rows: Sequence[OutboxRow], messages: Iterable[Message]) -> None:
        """These rows are done with; these messages of them were taken."""
        self._published += [Published(row.shard, row.id, epochs[row.shard]) for row in rows]
        self.breakers.kafka.worked()
        for topic, count in Counter(message.topic for message in messages).items():
            metrics.MESSAGES_PUBLISHED.labels(self.topics.physical(topic)).inc(count)

    def _holds(self, epochs: dict[int, int]) -> bool:
        """Whether we own these shards still, under these epochs."""
        return bool(epochs) and all(self._epochs.get(shard) == epoch for shard, epoch in epochs.items())

    def _mark_drained(self, epochs: dict[int, int], full: set[int]) -> None:
        if self._holds(epochs):
            self._full &= full
            if not self._full:
                self._drained.set()
