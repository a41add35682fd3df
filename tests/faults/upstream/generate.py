"""A seeded run of upstream: N wargaming results and their outcomes as raw Kafka records, and the producing of them.

    python -m tests.faults.upstream.generate --kafka SERVERS [--results N] [--seed S] [--patches FILE] [--journal FILE]

The journal says what is sent, before it is, and what was acknowledged; nothing of what should become of it.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from tests.faults.journal import Journal
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
    """Produces planned records in order per partition, through broker restarts; `acknowledged` counts those, `aborted` those
    that lie on the topic and were never committed."""

    def __init__(self, servers: str, seed: int, journal: Journal | None = None) -> None:
        self.acknowledged = 0
        self._journal, self._sent = journal, 0
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
        raw, number = record.raw, self._sent
        self._sent += 1
        digest = None if raw.value is None else hashlib.sha256(raw.value).hexdigest()
        self._write("sends", number, topic=record.topic, partition=record.partition, sha256=digest)
        told = partial(self._told, number)
        while True:
            try:
                self._producer.produce(
                    record.topic, raw.value, raw.key, record.partition, told, headers=list(raw.headers)
                )
                return
            except BufferError:
                self._producer.poll(0.1)

    def _told(self, number: int, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._failed.append(error)
            return
        self.acknowledged += 1
        self._write("acknowledged", number, place=[message.topic(), message.partition(), message.offset()])

    def _write(self, what: str, number: int, **said: Any) -> None:
        if self._journal is not None:
            self._journal.write(what, upstream=self._seed, number=number, **said)

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
    servers: str,
    planned: Sequence[Planned],
    seed: int,
    progress: Callable[[int], None] | None = None,
    journal: Journal | None = None,
) -> Upstream:
    """Produce a whole plan; `progress` is told the number of records after each hundredth of it."""
    upstream = Upstream(servers, seed, journal)
    step = max(1, len(planned) // 100)
    for start in range(0, len(planned), step):
        upstream.send(planned[start : start + step])
        if progress:
            progress(start + step)
    upstream.finish()
    return upstream


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kafka", required=True)
    parser.add_argument("--results", type=int, default=RESULTS_DEFAULT)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--patches", type=Path)
    parser.add_argument("--journal", type=Path)
    given = parser.parse_args()
    planned = plan(given.results, seed=given.seed, patches=given.patches)
    journal = Journal(given.journal) if given.journal else None
    upstream = produce(given.kafka, planned, given.seed, journal=journal)
    print(f"{upstream.acknowledged} records acknowledged, {sum(p.topic == RESULTS for p in planned)} results planned")
    return 0


if __name__ == "__main__":
    sys.exit(main())
