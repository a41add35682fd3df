"""The load of a run, produced before it and shown to everybody at one moment: the end of a Kafka transaction.

Until then consumers of committed records see only what came before it, to get warm on; nobody pays for the producing.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from confluent_kafka import Producer

from benchmarks.pipeline.load import Sent
from benchmarks.pipeline.world import Stage

TRANSACTION_MS = 900_000  # the most that the broker allows
QUEUE_MAX = 100_000
FLUSH_S = 120.0


def let_through(stage: Stage, events: Iterable[Sent]) -> None:
    """Produce what may be seen at once."""
    _fill(_producer(stage), stage, events)


class Gate:
    """Closed, with the load behind it; `open` once."""

    def __init__(self, stage: Stage, events: Iterable[Sent]) -> None:
        self._producer = _producer(stage, **{"transactional.id": stage.group, "transaction.timeout.ms": TRANSACTION_MS})
        self._producer.init_transactions(60)
        self._producer.begin_transaction()
        _fill(self._producer, stage, events)

    def open(self) -> float:
        """Let everything be seen; the time on the wall when it could."""
        self._producer.commit_transaction(60)
        return time.time()


def _producer(stage: Stage, **more: object) -> Producer:
    return Producer(
        stage.client(
            **{
                "linger.ms": 5,
                "partitioner": "murmur2_random",
                "queue.buffering.max.messages": QUEUE_MAX * 2,
                "queue.buffering.max.kbytes": 2_097_151,
                **more,
            }
        )
    )


def _fill(producer: Producer, stage: Stage, events: Iterable[Sent]) -> None:
    for number, sent in enumerate(events, 1):
        producer.produce(stage.results, **sent.arguments())
        if number % QUEUE_MAX == 0:
            producer.flush(FLUSH_S)
    if producer.flush(FLUSH_S):
        raise RuntimeError("the broker did not take the load")
