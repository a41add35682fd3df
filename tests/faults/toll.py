"""What the blows hit: a kill that falls into idleness proves nothing, so each is looked at, and the logs are read."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from confluent_kafka import Consumer, KafkaException, TopicPartition

from tests.faults.judge.snapshot import INPUT_TOPICS
from tests.harness import wait

BROKER_WAIT_S = 60.0
# What Postgres writes when a client dies in the middle of a transaction.
CUT = "with an open transaction"
TOLD = ("batch_refused", "position_lost", "shards_lost", "partition_claimed", "list_missed", "worker_failed")

POSITIONS = "SELECT topic, partition, next_offset FROM consumer_position WHERE $1::text IS NULL OR owner = $1"
UNPUBLISHED = "SELECT count(*) FROM outbox LEFT JOIN outbox_shard USING (shard) WHERE $1::text IS NULL OR owner = $1"


@dataclass(frozen=True)
class Blow:
    """One kill or freeze: how many records of the victim were not recorded yet, how many of its outbox rows not removed."""

    victim: str
    unrecorded: int = 0
    unpublished: int = 0

    @property
    def bit(self) -> bool:
        """Whether there was something that could have been lost."""
        return self.unrecorded > 0 or self.unpublished > 0


class Witness:
    """Looks at database and broker from outside. One thread only."""

    def __init__(self, url: str, servers: str) -> None:
        self._url = url
        self._consumer = Consumer({"bootstrap.servers": servers, "group.id": "witness", "log_level": 0})
        known = self._consumer.list_topics(timeout=BROKER_WAIT_S).topics
        self._places = [(topic, partition) for topic in INPUT_TOPICS for partition in known[topic].partitions]
        self._runner = asyncio.Runner()
        self._connection: asyncpg.Connection | None = None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
        self._runner.close()
        self._consumer.close()

    def left_by(self, pid: int) -> tuple[int, int]:
        """Records unrecorded and outbox rows unpublished in what this dead process owned, as nobody else owns it yet."""
        positions, unpublished = self._look(f"{socket.gethostname()}:{pid}")
        return sum(self.end(*place) - position for place, position in positions.items()), unpublished

    def recorded(self) -> int:
        """How far all positions are together."""
        return sum(self._look(None)[0].values())

    def unpublished(self) -> int:
        """Outbox rows of everybody."""
        return self._look(None)[1]

    def unrecorded(self) -> int:
        """Records that nobody has recorded yet."""
        positions, _ = self._look(None)
        return sum(self.end(*place) - positions.get(place, 0) for place in self._places)

    def is_drained(self) -> bool:
        """Whether everything is recorded and published."""
        return self.unrecorded() == 0 and self.unpublished() == 0

    def end(self, topic: str, partition: int) -> int:
        """Where a partition ends. A broker that was killed a moment ago is waited for."""
        found: list[int] = []
        wait.until(lambda: self._find_end(TopicPartition(topic, partition), found), BROKER_WAIT_S)
        return found[0]

    def _find_end(self, place: TopicPartition, found: list[int]) -> bool:
        with suppress(KafkaException):
            found.append(self._consumer.get_watermark_offsets(place, timeout=BROKER_WAIT_S)[1])
        return bool(found)

    def _look(self, owner: str | None) -> tuple[dict[tuple[str, int], int], int]:
        try:
            return self._runner.run(self._ask(owner))
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            self._connection = None  # the database was killed since the last look
            return self._runner.run(self._ask(owner))

    async def _ask(self, owner: str | None) -> tuple[dict[tuple[str, int], int], int]:
        """Positions and the number of outbox rows, of one owner or of all."""
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(self._url)
        rows = await self._connection.fetch(POSITIONS, owner)
        unpublished = await self._connection.fetchval(UNPUBLISHED, owner)
        return {(row["topic"], row["partition"]): row["next_offset"] for row in rows}, unpublished


def cut_transactions(postgres_log: Path) -> int:
    """Batches that were under way when their process was killed, and were rolled back."""
    return sum(CUT in line for line in postgres_log.read_text(errors="replace").splitlines())


def told(logs: Iterable[Path]) -> Counter[str]:
    """How often the programs spoke of what matters here."""
    found: Counter[str] = Counter()
    for log in logs:
        for line in log.read_text(errors="replace").splitlines():
            found.update(event for event in TOLD if f'"{event}"' in line)
    return found
