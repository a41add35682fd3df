"""arroyo: Reduce makes batches, one task looks identities up, COPYs what is new and publishes, CommitOffsets comes last.

arroyo is synchronous; asyncpg on a loop of its own still is the fastest COPY there is for Python.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import asyncpg
from arroyo.backends.kafka import KafkaConsumer, KafkaPayload
from arroyo.backends.kafka.configuration import build_kafka_consumer_configuration
from arroyo.processing import StreamProcessor
from arroyo.processing.strategies import CommitOffsets, ProcessingStrategy, ProcessingStrategyFactory, Reduce, RunTask
from arroyo.types import BaseValue, BrokerValue, Commit, Message, Partition, Topic
from confluent_kafka import Producer

from benchmarks.pipeline.peer import job, place, table

BATCH_RECORDS = 1_000
BATCH_S = 0.1
Batch = list[BrokerValue[KafkaPayload]]


class Writer:
    """Writes a batch in one transaction and publishes what follows from it."""

    def __init__(self, where: place.Place, runner: asyncio.Runner) -> None:
        self._topics = where.topics
        self._runner = runner
        self._conn = runner.run(_connect(where.database_url))
        self._producer = Producer(
            {
                "bootstrap.servers": where.bootstrap,
                "acks": "all",
                "enable.idempotence": True,
                "linger.ms": 5,
                "batch.size": 256 * 1024,
            }
        )

    def __call__(self, message: Message[Batch]) -> None:
        """Record and publish; the offsets follow when this returns."""
        now = job.now()
        done = [
            job.handle(
                dict(value.payload.headers),
                value.payload.value,
                job.Origin(value.partition.topic.name, value.partition.index, value.offset),
                now,
            )
            for value in message.payload
        ]
        self._runner.run(self._write(done))
        for one in done:
            for made in one.messages:
                self._producer.produce(self._topics[made.topic], made.value, made.key)
        self._producer.flush()

    async def _write(self, done: list[job.Done]) -> None:
        async with self._conn.transaction():
            rows = await self._conn.fetch(table.SEEN, [one.source for one in done], [one.event_id for one in done])
            seen = {(row["source"], row["event_id"]) for row in rows}
            fresh = [one for one in done if (one.source, one.event_id) not in seen] if seen else done
            for name, records in job.rows(fresh).items():
                await self._conn.copy_records_to_table(name, records=records, columns=table.COLUMNS[name])


class Factory(ProcessingStrategyFactory[KafkaPayload]):
    """The steps, made anew for every assignment."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def create_with_partitions(
        self, commit: Commit, partitions: Mapping[Partition, int]
    ) -> ProcessingStrategy[KafkaPayload]:
        """Reduce → write → commit."""
        write: ProcessingStrategy[Batch] = RunTask(self._writer, CommitOffsets(commit))
        return Reduce(BATCH_RECORDS, BATCH_S, _append, list, write)


def _append(batch: Batch, value: BaseValue[Any]) -> Batch:
    assert isinstance(value, BrokerValue)
    batch.append(value)
    return batch


async def _connect(url: str) -> asyncpg.Connection:
    return await asyncpg.connect(url)


def main(where: place.Place) -> None:
    """Consume until ended."""
    consumer = KafkaConsumer(
        build_kafka_consumer_configuration(
            {}, group_id=where.group, auto_offset_reset="earliest", bootstrap_servers=[where.bootstrap]
        )
    )
    with asyncio.Runner() as runner:
        factory = Factory(Writer(where, runner))
        StreamProcessor(consumer, Topic(where.topics["wargaming_results"]), factory).run()


if __name__ == "__main__":
    main(place.read())
