"""The ceiling: the same rows by plain COPY and the same bytes produced, all of it made beforehand and held in memory.

No consumption, no validation, no identity, no rules, no offsets: what Postgres and Kafka cost whoever writes to them, by
the cheapest way this machine has (asyncpg's binary COPY, librdkafka). Two transactions overlap, as in the product.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import time
from collections.abc import Iterable, Iterator, Sequence

import asyncpg
from confluent_kafka import Producer

from benchmarks.pipeline import load
from benchmarks.pipeline.peer import job, place, table

BATCH = 1_000
TRANSACTIONS = 2
PARTITIONS = 4

Batch = tuple[dict[str, list[job.Row]], list[job.Message]]


def prepare(where: place.Place, events: Iterable[load.Sent]) -> list[Batch]:
    """This process's share of the work, ready to be written."""
    now, prepared = job.now(), list[Batch]()
    done: list[job.Done] = []
    for number, sent in enumerate(events):
        if number % where.parts == where.part:
            origin = job.Origin(where.topics["wargaming_results"], number % PARTITIONS, number)
            done.append(job.handle(dict(sent.headers), sent.value, origin, now))
        if len(done) == BATCH:
            prepared.append((job.rows(done), [m for one in done for m in one.messages]))
            done = []
    if done:
        prepared.append((job.rows(done), [m for one in done for m in one.messages]))
    return prepared


class Writer:
    """Writes batches, some transactions at a time."""

    def __init__(self, where: place.Place) -> None:
        self._where = where
        self._producer = Producer(
            {
                "bootstrap.servers": where.bootstrap,
                "acks": "all",
                "enable.idempotence": True,
                "linger.ms": 5,
                "batch.size": 256 * 1024,
                "queue.buffering.max.messages": 1_000_000,
            }
        )
        self._connections: list[asyncpg.Connection] = []

    async def connect(self) -> None:
        """A connection for each transaction under way."""
        self._connections = [await asyncpg.connect(self._where.database_url) for _ in range(TRANSACTIONS)]

    async def write(self, batches: Sequence[Batch]) -> None:
        """All of them; returns when everything is committed and acknowledged."""
        source = iter(batches)
        await asyncio.gather(*(self._write(conn, source) for conn in self._connections))
        self._producer.flush()

    async def _write(self, conn: asyncpg.Connection, batches: Iterator[Batch]) -> None:
        for rows, messages in batches:
            async with conn.transaction():
                for name, records in rows.items():
                    await conn.copy_records_to_table(name, records=records, columns=table.COLUMNS[name])
            for message in messages:
                self._producer.produce(self._where.topics[message.topic], message.value, message.key)
            self._producer.poll(0)


def main(where: place.Place) -> None:
    """Prepare, get warm, wait for the start, work, stay until ended."""
    work = load.Work(where.size, where.events, where.warm_up, where.seed)
    first, measured = prepare(where, work.first()), prepare(where, work.measured())
    writer = Writer(where)
    with asyncio.Runner() as runner:
        runner.run(writer.connect())
        runner.run(writer.write(first))
        gc.collect()
        gc.freeze()
        where.ready.touch()
        while not where.go.exists():
            time.sleep(0.002)
        runner.run(writer.write(measured))
    signal.pause()


if __name__ == "__main__":
    main(place.read())
