"""What a fault hits: one that falls into idleness proves nothing, so each is looked at, and the logs are read."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import asyncpg
from confluent_kafka import Consumer, KafkaException, TopicPartition

from tests.faults.judge.snapshot import INPUT_TOPICS
from tests.harness import wait

T = TypeVar("T")

BROKER_WAIT_S, DATABASE_WAIT_S, ANSWER_S = 60.0, 60.0, 5.0
AWAY: Final = (
    OSError, asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError, asyncpg.InsufficientResourcesError,
    asyncpg.InterfaceError,
)  # fmt: skip
# What Postgres writes when a client dies in the middle of a transaction.
CUT: Final = "with an open transaction"
TOLD: Final = ("batch_refused", "position_lost", "shards_lost", "partition_claimed", "list_missed", "worker_failed")

POSITIONS: Final = "SELECT topic, partition, next_offset FROM consumer_position WHERE $1::text IS NULL OR owner = $1"
UNPUBLISHED: Final = (
    "SELECT count(*) FROM outbox LEFT JOIN outbox_shard USING (shard) WHERE $1::text IS NULL OR owner = $1"
)
OVERDUE: Final = """
SELECT count(*) FROM patch
 WHERE (state = 'pending' AND expires_at <= clock_timestamp())
    OR (state = 'collecting' AND evidence_due_at <= clock_timestamp())"""


@dataclass(frozen=True)
class Bite:
    """What was under way at the instant of a fault: records not recorded, outbox rows not removed, requests not answered,
    rounds and reviews whose time was over and that nobody had ended yet."""

    unrecorded: int = 0
    unpublished: int = 0
    open_requests: int = 0
    overdue: int = 0

    def __bool__(self) -> bool:
        """Whether there was something that could have been lost."""
        return any((self.unrecorded, self.unpublished, self.open_requests, self.overdue))


class Witness:
    """Looks at database and broker from outside. One thread only."""

    def __init__(self, url: str, servers: str) -> None:
        self._url, self._servers = url, servers
        self._consumer = self._ask_broker()
        known = self._consumer.list_topics(timeout=BROKER_WAIT_S).topics
        self.places = [(topic, partition) for topic in INPUT_TOPICS for partition in known[topic].partitions]
        self._runner = asyncio.Runner()
        self._connection: asyncpg.Connection | None = None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
        self._runner.close()
        self._consumer.close()

    def left_by(self, pid: int) -> Bite:
        """What this process owned, as nobody else owns it yet."""
        owner = f"{socket.gethostname()}:{pid}"
        ends = {place: self.end(*place) for place in self._look(owner)[0]}
        positions, unpublished = self._look(owner)
        return Bite(sum(max(0, ends.get(place, 0) - at) for place, at in positions.items()), unpublished)

    def recorded(self) -> int:
        """How far all positions are together."""
        return sum(self.positions().values())

    def positions(self) -> Mapping[tuple[str, int], int]:
        """How far each partition is recorded."""
        return self._look(None)[0]

    def everything(self, open_requests: int = 0) -> Bite:
        """What is under way of everybody."""
        ends = {place: self.end(*place) for place in self.places}
        positions, unpublished = self._look(None)  # afterwards: what arrives in between does not count
        unrecorded = sum(max(0, end - positions.get(place, 0)) for place, end in ends.items())
        return Bite(unrecorded, unpublished, open_requests)

    def overdue(self) -> int:
        """Rounds and reviews whose time is over."""
        return int(self.ask(OVERDUE))

    def is_drained(self) -> bool:
        """Whether everything is recorded and published."""
        return not self.everything()

    def end(self, topic: str, partition: int) -> int:
        """Where a partition ends. A broker that was killed a moment ago is waited for."""
        found: list[int] = []
        wait.until(lambda: self._find_end(TopicPartition(topic, partition), found), BROKER_WAIT_S)
        return found[0]

    def ask(self, query: str, *values: object) -> Any:
        """One value, as the superuser."""
        return self._again(self._ask_value, query, *values)

    def run(self, command: str) -> None:
        """One command, as the superuser."""
        self._again(self._run, command)

    @contextmanager
    def long_transaction(self) -> Iterator[None]:
        """One that has read something and stays open: nobody cleans up what was deleted since."""
        connection = self._runner.run(self._open())
        try:
            self._runner.run(connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM outbox"))
            yield
        finally:
            connection.terminate()

    def _find_end(self, place: TopicPartition, found: list[int]) -> bool:
        try:
            found.append(self._consumer.get_watermark_offsets(place, timeout=ANSWER_S)[1])
        except KafkaException:
            self._consumer.close()
            self._consumer = self._ask_broker()  # one that saw all brokers die may wait for long before it asks again
        return bool(found)

    def _ask_broker(self) -> Consumer:
        return Consumer({"bootstrap.servers": self._servers, "group.id": "witness", "log_level": 0})

    def _look(self, owner: str | None) -> tuple[dict[tuple[str, int], int], int]:
        return self._again(self._ask_state, owner)

    def _again(self, ask: Callable[..., Coroutine[Any, Any, T]], *values: object) -> T:
        """A database that was killed since the last look is waited for."""
        found: list[T] = []
        wait.until(lambda: self._try(ask, values, found), DATABASE_WAIT_S)
        return found[0]

    def _try(self, ask: Callable[..., Coroutine[Any, Any, T]], values: tuple[object, ...], found: list[T]) -> bool:
        try:
            found.append(self._runner.run(ask(*values)))
        except AWAY:
            self._connection = None
        return bool(found)

    async def _connect(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._open()
        return self._connection

    async def _open(self) -> asyncpg.Connection:
        """Ours works where others are told to wait."""
        settings = {"default_transaction_read_only": "off", "synchronous_commit": "local"}
        return await asyncpg.connect(self._url, server_settings=settings)

    async def _run(self, command: str) -> None:
        await (await self._connect()).execute(command)

    async def _ask_value(self, query: str, *values: object) -> object:
        return await (await self._connect()).fetchval(query, *values)

    async def _ask_state(self, owner: str | None) -> tuple[dict[tuple[str, int], int], int]:
        """Positions and the number of outbox rows, of one owner or of all."""
        connection = await self._connect()
        rows = await connection.fetch(POSITIONS, owner)
        unpublished = await connection.fetchval(UNPUBLISHED, owner)
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
