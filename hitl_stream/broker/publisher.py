"""Publishes records for people and for the demo: a batch at a time, acknowledged by the broker. Not for the hot path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from hitl_stream.broker.connection import KafkaConnection
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
        failures: list[str] = []

        def note(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                failures.append(error.str())

        published = 0
        try:
            for record in records:
                self._produce(topic, record, note)
                published += 1
            self._producer.flush(2 * TIMEOUT_S)  # every message ends within its own time limit
        except KafkaException as error:
            raise Unavailable(f"Kafka: {error.args[0]}") from error
        if failures:
            raise Unavailable(f"Kafka took not all of {published} records: {failures[0]}")
        return published

    def _produce(self, topic: str, record: Outgoing, note: Note) -> None:
        while True:
            try:
                self._producer.produce(topic, record.value, record.key, headers=dict(record.headers), on_delivery=note)
                return
            except BufferError:
                self._producer.poll(0.1)  # its queue is full: give it time
