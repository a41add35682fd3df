"""Reads topics for people, for the demo and for smoke: partitions by assignment, because joining a group takes seconds."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import uuid4

from confluent_kafka import Consumer, Message, TopicPartition

from hitl_stream.broker import admin
from hitl_stream.broker.connection import KafkaConnection
from hitl_stream.contract.record import StoredRecord
from hitl_stream.errors import Fatal

COUNT_MAX = 500


class Follower:
    """Everything of some topics from their start, or only what is published from now on. Commits nothing."""

    def __init__(self, connection: KafkaConnection, names: Iterable[str], *, from_start: bool) -> None:
        """Raises Unavailable, and Fatal for a topic that is missing."""
        wanted = list(names)
        ends = admin.watermarks(connection, wanted)
        if missing := [name for name in wanted if name not in ends]:
            raise Fatal(f"no topic {', '.join(missing)}: run hitl-stream topics apply")
        settings = {"group.id": f"hitl-stream-follower-{uuid4()}", "enable.auto.commit": False, "fetch.wait.max.ms": 50}
        self._consumer = Consumer({**connection.confluent(), **settings, "log_level": 3})
        self._consumer.assign(
            [
                TopicPartition(name, partition, low if from_start else high)
                for name in wanted
                for partition, (low, high) in ends[name].items()
            ]
        )

    def read(self, timeout_s: float) -> list[StoredRecord]:
        """What has come within the time; empty when nothing has, or the broker is away for a moment."""
        return [
            StoredRecord(
                message.topic() or "",
                message.partition() or 0,
                message.offset() or 0,
                message.timestamp()[1],
                message.key(),
                message.value(),
                _headers(message),
            )
            for message in self._consumer.consume(COUNT_MAX, timeout_s)
            if message.error() is None
        ]

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()


def _headers(message: Message) -> tuple[tuple[str, bytes], ...]:
    given = message.headers() or []
    pairs = given.items() if isinstance(given, dict) else given
    return tuple((name, value.encode() if isinstance(value, str) else value or b"") for name, value in pairs)
