"""A seeded run of upstream: N wargaming results and their outcomes as raw Kafka records, and the producing of them.

    python -m tests.faults.upstream.generate --kafka SERVERS [--results N] [--seed S] [--patches FILE] [--manifest FILE]

The manifest says what was acknowledged, [topic, partition, offset] a line, and nothing of what should become of it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from tests.faults.upstream import corpus, event, poison, story
from tests.faults.upstream.story import RESULTS, Author, Planned

RESULTS_DEFAULT = 50_000
SETTINGS = {
    "enable.idempotence": True, "linger.ms": 5, "message.max.bytes": 8_000_000, "message.timeout.ms": 300_000,
    "queue.buffering.max.messages": 20_000, "compression.type": "gzip", "log_level": 0,
}  # fmt: skip
# A transaction that a dying broker interrupts must end soon: until then nobody can read past it.
TRANSACTION = {"transaction.timeout.ms": 10_000, "message.timeout.ms": 10_000}
ABORTED_AT_ONCE_MAX = 5
TRANSACTION_WAIT_S = 15


def plan(
    results: int, *, seed: int = 1, partitions: int = 4, patches: Path | None = None, part: int = 0
) -> list[Planned]:
    """About `results` records of wargaming.results with everything around them, in the order of producing."""
    author = Author(corpus.load(patches, seed=seed), seed, partitions, part=part)
    tellers = [teller for teller, _ in story.STORIES]
    weights = [weight for _, weight in story.STORIES]
    for kind in sorted(poison.KINDS):
        author.send(author.rng.random(), poison.KINDS[kind](author.result(), author.rng), kind)
    while author.results < results - partitions:
        author.rng.choices(tellers, weights)[0](author, author.rng.random())
    # A partition that ended in an aborted transaction would have an end that no consumer is ever told.
    for partition in range(partitions):
        author.send(9.0, author.encode(author.result()), "last", partition=partition)
        report = event.outcome(author.number(), author.result(), "failed")
        author.send(9.0, author.encode(report), "last", topic=story.OUTCOMES, partition=partition)
    return sorted(author.planned, key=lambda planned: planned.at)


def burst(records: int, *, seed: int, partitions: int = 4) -> list[Planned]:
    """Nothing but poison of every kind, one after the other; large ones once only."""
    author = Author(corpus.load(seed=seed), seed, partitions)
    small = sorted(poison.KINDS.keys() - poison.BIG)
    large = sorted(poison.KINDS.keys() & poison.BIG)
    for kind in [*large, *(small[number % len(small)] for number in range(records))]:
        author.send(author.rng.random(), poison.KINDS[kind](author.result(), author.rng), kind)
    return author.planned


class Upstream:
    """Produces planned records in order per partition, through broker restarts; `places` are the acknowledged ones,
    `aborted` counts those that lie on the topic and were never committed."""

    def __init__(self, servers: str, seed: int) -> None:
        self.places: list[tuple[str, int, int]] = []
        self._failed: list[KafkaError] = []
        self._producer = Producer({**SETTINGS, "bootstrap.servers": servers})
        self._servers, self._seed = servers, seed
        self._transactions = 0
        self.aborted = 0

    def send(self, planned: Sequence[Planned]) -> None:
        """Hand over everything; aborted records in transactions of their own."""
        for aborted, group in groupby(planned, key=lambda p: p.aborted):
            if aborted:
                with self.transaction(list(group)[:ABORTED_AT_ONCE_MAX]):
                    continue
            for record in group:
                self._produce(record)
        self._producer.poll(0)

    def finish(self) -> None:
        """Wait for every acknowledgement; raises if one record was refused."""
        self._producer.flush()
        if self._failed:
            raise KafkaException(self._failed[0])

    def _produce(self, record: Planned) -> None:
        raw = record.raw
        while True:
            try:
                self._producer.produce(
                    record.topic, raw.value, raw.key, record.partition, self._acknowledged, headers=list(raw.headers)
                )
                return
            except BufferError:
                self._producer.poll(0.1)

    def _acknowledged(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._failed.append(error)
        else:
            place: Any = (message.topic(), message.partition(), message.offset())
            self.places.append(place)

    @contextmanager
    def transaction(self, records: Sequence[Planned]) -> Iterator[None]:
        """Records in a transaction that is aborted when the block ends. A broker that dies meanwhile ends it too."""
        self._transactions += 1
        identity = f"upstream-{self._seed}-{self._transactions}"
        producer = Producer(
            {**SETTINGS, **TRANSACTION, "bootstrap.servers": self._servers, "transactional.id": identity}
        )
        with self._tolerating(identity):
            producer.init_transactions(TRANSACTION_WAIT_S)
            producer.begin_transaction()
            for record in records:
                raw = record.raw
                producer.produce(record.topic, raw.value, raw.key, record.partition, headers=list(raw.headers))
            producer.flush(TRANSACTION_WAIT_S)
            self.aborted += len(records) - len(producer)
        yield
        with self._tolerating(identity):
            producer.abort_transaction(TRANSACTION_WAIT_S)

    @contextmanager
    def _tolerating(self, identity: str) -> Iterator[None]:
        try:
            yield
        except KafkaException as error:
            print(f"transaction {identity}: {error}", file=sys.stderr)


def produce(
    servers: str, planned: Sequence[Planned], seed: int, progress: Callable[[int], None] | None = None
) -> Upstream:
    """Produce a whole plan; `progress` is told the number of records after each hundredth of it."""
    upstream = Upstream(servers, seed)
    step = max(1, len(planned) // 100)
    for start in range(0, len(planned), step):
        upstream.send(planned[start : start + step])
        if progress:
            progress(start + step)
    upstream.finish()
    return upstream


def write_manifest(places: Iterable[tuple[str, int, int]], path: Path) -> None:
    path.write_text("".join(json.dumps(place) + "\n" for place in places))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kafka", required=True)
    parser.add_argument("--results", type=int, default=RESULTS_DEFAULT)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--patches", type=Path)
    parser.add_argument("--manifest", type=Path)
    given = parser.parse_args()
    planned = plan(given.results, seed=given.seed, patches=given.patches)
    upstream = produce(given.kafka, planned, given.seed)
    if given.manifest:
        write_manifest(upstream.places, given.manifest)
    print(f"{len(upstream.places)} records acknowledged, {sum(p.topic == RESULTS for p in planned)} results planned")
    return 0


if __name__ == "__main__":
    sys.exit(main())
