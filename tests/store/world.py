"""A recorder on a real database, without a broker: records go in by hand, everything that is left can be asked for."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import orjson

from hitl_stream.contract.record import StoredRecord
from hitl_stream.store import command, outbox, position
from hitl_stream.store.batch import Recorded, Span
from hitl_stream.store.database import Database
from hitl_stream.store.recording import Recorder
from tests.event import DIFF
from tests.harness.people import reviewer

RESULTS, OUTCOMES = "wargaming.results", "eureka.outcomes"


class World:
    """A recorder with claimed positions, fed record by record; offsets follow by themselves."""

    def __init__(self, database: Database, reader: Database) -> None:
        self.database = database
        self.reader = reader
        self.recorder = Recorder(database, "cluster")
        self.claims: dict[tuple[str, int], position.Claim] = {}
        self.shards: list[int] = []

    async def claim(self, partitions: int = 4) -> None:
        async with self.database.connection() as conn:
            for topic in (RESULTS, OUTCOMES):
                watermarks = dict.fromkeys(range(partitions), (0, 10**9))
                claims = await position.claim(conn, "cluster", topic, watermarks, "id-1", "me")
                self.claims |= {(topic, p): c for p, c in claims.items()}
            self.shards = [*range(partitions), *map(outbox.letter_shard, range(partitions))]
            await position.claim_shards(conn, self.shards, "me")

    def span(self, records: list[StoredRecord]) -> Span:
        first = records[0]
        claim = self.claims[first.topic, first.partition]
        start = claim.next_offset
        placed = [r._replace(offset=start + n) for n, r in enumerate(records)]
        return Span(first.topic, first.partition, start, start + len(placed), claim.epoch, list(placed))

    async def feed(self, *records: StoredRecord) -> Recorded:
        span = self.span(list(records))
        record = self.recorder.record_results if span.topic == RESULTS else self.recorder.record_outcomes
        recorded = await record([span])
        claim = self.claims[span.topic, span.partition]
        self.claims[span.topic, span.partition] = position.Claim(
            span.topic, span.partition, span.next_offset, claim.epoch
        )
        return recorded

    async def rows(self, query: str, *arguments: Any) -> list[Any]:
        async with self.reader.connection() as conn:
            return [tuple(row) for row in await conn.fetch(query, *arguments)]

    async def messages(self) -> list[tuple[str, dict[str, Any]]]:
        async with self.database.connection() as conn:
            rows, _ = await outbox.take(conn, self.shards, 1000)
        return [(m.topic, orjson.loads(m.value or b"null")) for row in rows for m in row.messages]

    async def gate(self, patch_id: str = "p-1", diff: str = DIFF) -> tuple[bool, str]:
        digest = sha256(diff.encode()).digest()
        ((deployable, reason),) = await self.rows("SELECT deployable, reason FROM gate($1, $2)", patch_id, digest)
        return deployable, reason

    async def reject(self, patch_id: str, version: int) -> None:
        """What a person does in the sidecar."""
        async with self.reader.connection() as conn:
            await command.reject(conn, patch_id, version, reviewer("ann"), "no")
