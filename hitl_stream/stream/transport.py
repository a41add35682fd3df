"""The engine's transport, changed in one thing: an agent gets one message per partition, holding the list of fetched records.

The engine keeps group membership, assignment and the way to the agents. Positions are ours: they are claimed in Postgres and
sought after each assignment; what is committed to Kafka is for lag tools only. Nothing is ever paused.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, cast

import faust
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import IllegalStateError, KafkaError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage
from mode.threads import ServiceThread, WorkerThread

from hitl_stream.broker.connection import KafkaConnection
from hitl_stream.store.position import Claim
from hitl_stream.stream import codec
from hitl_stream.stream.fetch import Fetch, Troubled
from hitl_stream.stream.record_list import Place, RecordList

SESSION_TIMEOUT_MS = 10_000
HEARTBEAT_MS = 1_000
REBALANCE_TIMEOUT_MS = 20_000
REQUEST_TIMEOUT_MS = 15_000
FETCH_WAIT_MS = 100  # how long a quiet partition may hold up the next fetch of a busy one on the same broker
FETCH_BYTES = 2 * 1024 * 1024
NEVER_MS = 86_400_000


class Assignment(Protocol):
    """Who is told which partitions are ours. Called on the main loop; neither call waits."""

    def assigned(self, places: set[Place]) -> None: ...

    def revoked(self, places: set[Place]) -> None: ...

    def positions(self) -> Mapping[Place, int]: ...

    def troubled(self, claim: Claim, error: KafkaError) -> None: ...


@dataclass(frozen=True, slots=True)
class Membership:
    """How a worker takes part: which broker, which group, and under which lasting name, if any."""

    connection: KafkaConnection
    group: str
    instance: str | None
    client: str


class _Unawaited(WorkerThread):
    """The engine's own `stop` of a thread holds up whoever calls it until the thread has ended."""

    def stop(self) -> None:
        """Waited for by `EndsAside`."""


class EndsAside(ServiceThread):
    """A thread whose end the main loop waits for without standing still: in a rebalance the consumer's asks the main loop to
    let partitions go before it ends, and each would wait for the other until the process is killed."""

    Worker = _Unawaited

    async def stop(self) -> None:
        """Return when the thread has ended."""
        await super().stop()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.is_stopped.wait)


class ConsumerThread(EndsAside, driver.AIOKafkaConsumerThread):
    """The consumer's thread: fetches by `Fetch`, and survives a broker that is away while committing."""

    fetch: Fetch

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        membership: Membership = cast(Any, self.app).membership
        self._assignor = RoundRobinPartitionAssignor
        return AIOKafkaConsumer(
            **membership.connection.aiokafka(),
            client_id=membership.client,
            group_id=membership.group,
            group_instance_id=membership.instance,
            partition_assignment_strategy=[RoundRobinPartitionAssignor],
            enable_auto_commit=False,
            auto_offset_reset="none",  # a position out of range is said, never mended by skipping
            isolation_level="read_committed",
            check_crcs=True,
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            max_poll_interval_ms=NEVER_MS,
            session_timeout_ms=SESSION_TIMEOUT_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
            rebalance_timeout_ms=REBALANCE_TIMEOUT_MS,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            metadata_max_age_ms=30_000,
        )

    async def on_start(self) -> None:
        """Start the consumer; its fetcher exists from then on."""
        codec.bound()
        await super().on_start()
        troubled: Troubled = cast(Consumer, self.consumer).troubled
        self.fetch = Fetch(self._ensure_consumer(), lambda claim, error: self._tell(troubled, claim, error))

    def _tell(self, what: Callable[..., None], *arguments: object) -> None:
        self.parent_loop.call_soon_threadsafe(what, *arguments)

    async def _fetch_records(
        self, consumer: AIOKafkaConsumer, active_partitions: Any, timeout: Any = None, max_records: Any = None
    ) -> Any:
        if not self.consumer.flow_active:
            return {}
        return await self.fetch.take(timeout)

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        try:
            assigned = {tp: offset for tp, offset in offsets.items() if tp in self.assignment()}
            await self._ensure_consumer().commit(
                {TopicPartition(tp.topic, tp.partition): offset for tp, offset in assigned.items()}
            )
        except (KafkaError, IllegalStateError):
            return False  # advisory: the next one says the same and more
        return True

    async def seek_claims(self, claims: Iterable[Claim]) -> None:
        """Take these partitions from their positions on, under these claims."""
        wanted = {TopicPartition(claim.topic, claim.partition): claim for claim in claims}
        await self.call_thread(self._seek_claims, wanted)

    async def _seek_claims(self, wanted: Mapping[TopicPartition, Claim]) -> None:
        self.fetch.seek(wanted)

    async def ends(self, places: Iterable[Place]) -> dict[Place, int]:
        """Where the partitions end, open transactions left out. Raises KafkaError."""
        ends: dict[Place, int] = await self.call_thread(self._ends, [TopicPartition(*place) for place in places])
        return ends

    async def _ends(self, tps: list[TopicPartition]) -> dict[Place, int]:
        ends = await self._ensure_consumer().end_offsets(tps) if tps else {}
        return {(tp.topic, tp.partition): end for tp, end in ends.items()}

    async def position_of(self, claim: Claim) -> int | None:
        """How far a partition was handed out under this claim."""
        position: int | None = await self.call_thread(self._position_of, claim)
        return position

    async def _position_of(self, claim: Claim) -> int | None:
        return self.fetch.position(claim)

    def release(self, claim: Claim) -> None:
        """A list is being recorded; called on the main loop."""
        self.thread_loop.call_soon_threadsafe(self.fetch.release, claim)

    def leave(self) -> None:
        """Hand out nothing until the next seek; called on the main loop."""
        self.thread_loop.call_soon_threadsafe(self.fetch.leave)


class _Unknown(dict[Any, Any]):
    """The engine's own memory of offsets, always empty: it would drop what is read again after a seek."""

    def __getitem__(self, _: object) -> None:
        return None

    def __setitem__(self, _: object, __: object) -> None:
        return None


class Consumer(driver.Consumer):
    """The main loop's side: lists instead of records, positions from the database."""

    _thread: ConsumerThread

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._read_offset = _Unknown()

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    @property
    def thread(self) -> ConsumerThread:
        """Where fetching happens."""
        return self._thread

    @property
    def _ours(self) -> Assignment:
        ours: Assignment = cast(Any, self.app).assignment_listener
        return ours

    async def perform_seek(self) -> None:
        """After an assignment: claim and seek. Only begun here; it may have to wait for the database, the group may not."""
        self._ours.assigned({(tp.topic, tp.partition) for tp in self.assignment()})

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Nothing is taken from these any more; what is under way may still commit until somebody else claims."""
        self._thread.leave()
        self._ours.revoked({(tp.topic, tp.partition) for tp in revoked})
        await super().on_partitions_revoked(revoked)

    def troubled(self, claim: Claim, error: KafkaError) -> None:
        """The broker refused a partition."""
        self._ours.troubled(claim, error)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """One message per partition. Unlike the engine's own, nothing that was taken is dropped here."""
        if not self.flow_active:
            await self.wait(cast(Any, self.can_resume_flow))
        lists: Mapping[Any, Any] = await self._thread.getmany(None, timeout)
        for tp, taken in lists.items():
            yield TP(tp.topic, tp.partition), self._message(taken)

    def _message(self, taken: Any) -> ConsumerMessage:
        topic, partition = taken.place
        generation = self.app.consumer_generation_id
        return ConsumerMessage(
            topic, partition, taken.next_offset - 1, 0.0, 0, None, None, taken, None, 0, 0, TP(topic, partition),
            generation_id=generation,
        )  # fmt: skip

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        return (TP(*place) for place in list(self._ours.positions()))

    def _new_offset(self, tp: TP) -> int | None:
        return self._ours.positions().get((tp.topic, tp.partition))

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Offsets have gaps; they mean nothing here."""

    def on_buffer_full(self, tp: TP) -> None:
        """Never hold a partition back: how many lists are out is counted where they are taken."""

    def verify_event_path(self, now: float, tp: TP) -> None:
        """The watchdog's job, and its measure is progress in the database."""


class Transport(driver.Transport):
    """What the engine creates its consumer from."""

    Consumer: ClassVar[type[Consumer]] = Consumer


class ListSchema(faust.Schema[None, RecordList]):
    """Hands the list through: it was read where it was fetched."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> None:
        """Keys are in the records."""

    def loads_value(self, app: Any, message: Any, **_: Any) -> RecordList:
        """The list itself."""
        taken: RecordList = message.value
        return taken
