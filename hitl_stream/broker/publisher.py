"""Publishes records for people and for the demo: a batch at a time, acknowledged by the broker. Not for the hot path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from hitl_stream.broker.connection import KafkaConnection
from hitl_stream.contract.record import Record
from hitl_stream.errors import Unavailable

TIMEOUT_S = 30.0
# As large as the largest topic takes: the broker decides what is too much, and says so.
MESSAGE_BYTES_MAX = 2_097_164

Note = Callable[[KafkaError | None, Message], None]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One record to be published."""

    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes] = field(default_factory=dict)


class Publisher:
    """An idempotent producer. Safe to share between threads."""

    def __init__(self, connection: KafkaConnection) -> None:
        limits = {"linger.ms": 5, "message.max.bytes": MESSAGE_BYTES_MAX, "message.timeout.ms": int(TIMEOUT_S * 1000)}
        self._producer = Producer({**connection.confluent(), **limits, "enable.idempotence": True, "log_level": 3})

    def publish(self, topic: str, records: Iterable[Outgoing]) -> int:
        """Publish in this order, and wait until the broker has all of them. Returns how many.

        Raises Unavailable; some may have been published then.
        """
        return self._publish(
            {"topic": topic, "value": record.value, "key": record.key, "headers": list(record.headers.items())}
            for record in records
        )

    def republish(self, records: Iterable[Record]) -> int:
        """The same for records that were on a topic before: to the partition they came from, headers as they were."""
        return self._publish(
            {
                "topic": record.topic,
                "value": record.value,
                "key": record.key,
                "headers": list(record.headers),
                "partition": record.partition,
            }
            for record in records
        )

    def _publish(self, messages: Iterable[dict[str, Any]]) -> int:
        failures: list[str] = []

        def note(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                failures.append(error.str())

        published = 0
        try:
            for arguments in messages:
                self._produce(arguments, note)
                published += 1
            self._producer.flush(2 * TIMEOUT_S)  # every message ends within its own time limit
        except KafkaException as error:
            raise Unavailable(f"Kafka: {error.args[0]}") from error
        if failures:
            raise Unavailable(f"Kafka took not all of {published} records: {failures[0]}")
        return published

    def _produce(self, arguments: dict[str, Any], note: Note) -> None:
        while True:
            try:
                self._producer.produce(**arguments, on_delivery=note)
                return
            except BufferError:
                self._producer.poll(0.1)  # its queue is full: give it time
