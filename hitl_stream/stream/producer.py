"""One idempotent producer: whole batches, in order, acknowledged by all replicas. Any error ends it; a new one takes over.

A new producer repeats what was not acknowledged. Consumers expect that: repeated messages are the same bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, LeaderNotAvailableError, MessageSizeTooLargeError, RecordListTooLargeError

from hitl_stream.broker.connection import KafkaConnection
from hitl_stream.contract.encode import DEAD_LETTERS
from hitl_stream.contract.record import Message
from hitl_stream.contract.topics import Topics
from hitl_stream.errors import HitlError
from hitl_stream.stream.breaker import BrokerAway

REQUEST_BYTES_MAX = 2_200_000  # a dead letter of the largest record, with our headers and the batch's own
BATCH_BYTES = 256 * 1024
REQUEST_TIMEOUT_MS = 10_000
START_TIMEOUT_S = 10.0
ACKNOWLEDGE_TIMEOUT_S = 30.0
CLOSE_TIMEOUT_S = 1.0
# What says to readers that the value is a whole CloudEvent (Kafka protocol binding 3.2.1).
STRUCTURED: list[tuple[str, bytes | None]] = [("content-type", b"application/cloudevents+json")]

Shipment = tuple[int, Sequence[Message]]


class MessageRefused(HitlError):
    """The broker will not take a message, however often it is sent."""


@dataclass(slots=True)
class _Filling:
    """Batches of one partition: those that are full, and the one being filled."""

    full: list[Any] = field(default_factory=list)
    current: Any = None


class Producer:
    """Publishes messages of shards; `topics` knows the physical names."""

    def __init__(self, connection: KafkaConnection, topics: Topics, client: str) -> None:
        self._connection = connection
        self._topics = topics
        self._client = client
        self._producer: AIOKafkaProducer | None = None

    async def publish(self, shipments: Sequence[Shipment]) -> None:
        """Publish messages with their shard, per shard in this order, and wait for every acknowledgement.

        A shard's messages go to the partition of its number modulo the topic's count: those of decisions to where patches'
        results lie, whatever partitioner producers use. Raises BrokerAway or MessageRefused; some may be out then.
        """
        try:
            producer = await self._started()
            async with asyncio.timeout(ACKNOWLEDGE_TIMEOUT_S):
                await self._send(producer, shipments)
        except (MessageSizeTooLargeError, RecordListTooLargeError) as error:
            await self.close()
            raise MessageRefused(f"Kafka takes no message of this size: {error}") from error
        except (KafkaError, OSError) as error:  # a time-out is an OSError
            await self.close()
            raise BrokerAway(f"Kafka: {type(error).__name__}: {error}".rstrip(": ")) from error
        except asyncio.CancelledError:
            await self.close()
            raise

    async def close(self) -> None:
        """Give the producer up without waiting for what it still holds."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await _abandon(producer)

    async def _started(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                **self._connection.aiokafka(),
                client_id=self._client,
                acks="all",
                enable_idempotence=True,
                max_batch_size=BATCH_BYTES,
                max_request_size=REQUEST_BYTES_MAX,
                request_timeout_ms=REQUEST_TIMEOUT_MS,
                metadata_max_age_ms=30_000,
            )
            try:
                async with asyncio.timeout(START_TIMEOUT_S):
                    await producer.start()
            except BaseException:
                await _abandon(producer)
                raise
            self._producer = producer
        return self._producer

    async def _send(self, producer: AIOKafkaProducer, shipments: Sequence[Shipment]) -> None:
        filling: dict[tuple[str, int], _Filling] = {}
        for shard, messages in shipments:
            targets: dict[str, _Filling] = {}
            for message in messages:
                target = targets.get(message.topic)
                if target is None:
                    topic = self._topics.physical(message.topic)
                    partitions = await _partitions(producer, topic)
                    place = topic, partitions[shard % len(partitions)]
                    target = targets[message.topic] = filling.setdefault(place, _Filling())
                _append(producer, target, message)
        sending = [_send_in_order(producer, place, one) for place, one in filling.items()]
        for answer in await asyncio.gather(*sending, return_exceptions=True):
            if isinstance(answer, BaseException):
                raise answer


async def _send_in_order(producer: AIOKafkaProducer, place: tuple[str, int], one: _Filling) -> None:
    """Each batch only after the acknowledgement of the one before: what fails must not be overtaken."""
    topic, partition = place
    for batch in (*one.full, one.current):
        batch.close()
        await (await producer.send_batch(batch, topic, partition=partition))


def _append(producer: AIOKafkaProducer, filling: _Filling, message: Message) -> None:
    headers = list(message.headers) if message.topic == DEAD_LETTERS else [*STRUCTURED, *message.headers]
    for _ in range(2):
        if filling.current is None:
            filling.current = producer.create_batch()
        taken = filling.current.append(timestamp=None, key=message.key, value=message.value, headers=headers)
        if taken is not None:
            return
        filling.full.append(filling.current)
        filling.current = None
    raise MessageSizeTooLargeError(f"{message.topic}: {len(message.value or b'')} bytes")


async def _partitions(producer: AIOKafkaProducer, topic: str) -> tuple[int, ...]:
    found = await producer.partitions_for(topic)
    if not found:
        raise LeaderNotAvailableError(f"no topic {topic}")
    return tuple(sorted(found))


async def _abandon(producer: AIOKafkaProducer) -> None:
    """Close its connections; what it has not sent yet is still in the outbox, so nobody waits for it."""
    producer._closed = True
    sending = producer._sender.sender_task
    if sending is not None:
        sending.cancel()
    await producer.client.close()
    if sending is not None:
        await asyncio.wait({sending}, timeout=CLOSE_TIMEOUT_S)
