"""Latency at a fixed arrival schedule: from the moment a result should have been sent to the moment its decision is seen.

The schedule never waits for anybody, and what is late counts from its scheduled time: no coordinated omission. The relay is
measured the same way, in the same rounds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.pipeline import contestant as contestants
from benchmarks.pipeline import load, measure
from benchmarks.pipeline.contestant import OURS, RELAY, Contestant
from benchmarks.pipeline.load import Sent
from benchmarks.pipeline.run import RunFailed, wait_ready
from benchmarks.pipeline.world import PARTITIONS, Stage, World

RATE = 100.0  # a second, where goals are measured
RATES = (20.0, 50.0, 100.0, 200.0, 400.0, 800.0, 1_600.0, 3_200.0)
WARM_UP_S = 3.0
LAST_S = 10.0  # how long the last decision may take
SATURATED_MS = 1_000.0  # at p99: what waits so long waits for others
CONTESTANTS = (RELAY, OURS)


class TooSlow(RunFailed):
    """The last decisions were not there in time: more comes in than goes out."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Latencies of one contestant in one round at one rate, in ms; `late_ms` is how late the sender was itself, at worst."""

    contestant: str
    size: int
    round: int
    rate: float
    values_ms: Sequence[float]
    late_ms: float

    def percentile(self, share: float) -> float:
        """In ms."""
        return measure.percentile(self.values_ms, share)


def rounds(world: World, size: int, seconds: float, count: int, rate: float = RATE) -> Iterator[Latency]:
    """The relay and the worker in turn, `count` times. Raises RunFailed."""
    for number in range(1, count + 1):
        for contestant in CONTESTANTS:
            yield measure_once(world, contestant, size, seconds, number, rate)


def sweep(world: World, size: int, seconds: float, rates: Sequence[float] = RATES) -> Iterator[Latency]:
    """Each at one rate after the other, until it does not keep up any more. Raises RunFailed."""
    for contestant in CONTESTANTS:
        for rate in rates:
            try:
                one = measure_once(world, contestant, size, seconds, 1, rate)
            except TooSlow:
                break
            if one.percentile(0.99) > SATURATED_MS:
                break
            yield one


def pooled(latencies: Sequence[Latency], name: str, size: int) -> list[float]:
    """All values of a contestant."""
    return [ms for one in latencies if one.contestant == name and one.size == size for ms in one.values_ms]


def measure_once(world: World, contestant: Contestant, size: int, seconds: float, round_: int, rate: float) -> Latency:
    """One contestant, once. Raises RunFailed."""
    sent = list(load.events(size, round(rate * (WARM_UP_S + seconds)), round_, review_share=0.0))
    with world.stage() as stage:
        children = contestants.start(contestant, stage, 1)
        try:
            wait_ready(contestant, stage, children, 1)
            with Seen(stage) as seen:
                scheduled, late_s = send(stage, sent, rate)
                if not measure.until(lambda: len(seen.at) >= len(sent), LAST_S):
                    raise TooSlow(
                        f"{contestant.label}: {len(seen.at)} of {len(sent)} decisions; {children[0].log_tail()}"
                    )
        finally:
            for child in children:
                child.stop()
    counted = sent[round(rate * WARM_UP_S) :]
    values = [(seen.at[s.patch_id] - scheduled[s.patch_id]) * 1000 for s in counted]
    return Latency(contestant.name, size, round_, rate, values, late_s * 1000)


def send(stage: Stage, sent: Sequence[Sent], rate: float) -> tuple[dict[str, float], float]:
    """Send by the clock; when each was due, and by how many seconds the sender was late at worst."""
    producer = Producer(stage.client(**{"linger.ms": 0, "acks": "all", "partitioner": "murmur2_random"}))
    producer.list_topics(stage.results, timeout=10)
    start, scheduled, late_s = time.perf_counter() + 0.5, dict[str, float](), 0.0
    for number, one in enumerate(sent):
        due = start + number / rate
        time.sleep(max(0.0, due - time.perf_counter()))
        producer.produce(stage.results, **one.arguments())
        producer.poll(0)
        late_s = max(late_s, time.perf_counter() - due)
        scheduled[one.patch_id] = due
    producer.flush(30)
    return scheduled, late_s


class Seen:
    """When each patch's decision was seen, by a consumer of its own that polls all the time."""

    def __init__(self, stage: Stage) -> None:
        self.at: dict[str, float] = {}
        self._over = threading.Event()
        self._consumer = Consumer(stage.client(**{"group.id": "latency", "enable.auto.commit": False}))
        topic = stage.topics.physical("decisions")
        self._consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
        self._thread = threading.Thread(target=self._look, name="seen", daemon=True)

    def __enter__(self) -> Seen:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._consumer.close()

    def _look(self) -> None:
        while not self._over.is_set():
            message = self._consumer.poll(0.1)
            if message is not None and message.error() is None:
                self.at.setdefault((message.key() or b"").decode(), time.perf_counter())
