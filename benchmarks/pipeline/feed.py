"""A load that goes on: produced in the background, never further ahead than the worker can be seen to follow."""

from __future__ import annotations

import threading
from itertools import islice
from types import TracebackType
from typing import Self

from confluent_kafka import Producer

from benchmarks.pipeline import load
from benchmarks.pipeline.verify import Watch
from benchmarks.pipeline.world import Stage

AHEAD_MAX = 20_000
CHUNK = 500
PAUSE_S = 0.05
CONCLUDING = ("decisions", "pending_review")  # an event ends in exactly one of the two


class Feed:
    """Feeds one stage until left, or until `limit` records are produced."""

    def __init__(self, stage: Stage, size: int, limit: int | None = None) -> None:
        self._watch = Watch(stage, CONCLUDING)
        self._lock = threading.Lock()
        self._stage, self._size, self._limit = stage, size, limit
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def concluded(self) -> int:
        """How many events have led to a message that says so."""
        with self._lock:
            return self._watch.published()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._watch.close()

    def _run(self) -> None:
        producer = Producer(self._stage.client(**{"linger.ms": 5, "partitioner": "murmur2_random"}))
        source = islice(load.endless(self._size), self._limit)
        produced = 0
        while not self._over.is_set() and (chunk := list(islice(source, CHUNK))):
            for sent in chunk:
                producer.produce(self._stage.results, **sent.arguments())
            producer.poll(0)
            produced += len(chunk)
            while produced % (CHUNK * 10) == 0 and produced - self.concluded() > AHEAD_MAX:
                if self._over.wait(PAUSE_S):
                    break
        producer.flush(30)
