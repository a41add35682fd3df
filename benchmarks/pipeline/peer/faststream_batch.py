"""FastStream with a batch subscriber: its models validate, `executemany` in one transaction, `publish_batch`, then the ack."""

from __future__ import annotations

import asyncio

import asyncpg
from faststream import AckPolicy, FastStream
from faststream.kafka import KafkaBroker, KafkaMessage, KafkaPublishMessage

from benchmarks.pipeline.peer import job, place, table
from benchmarks.pipeline.peer.model import Result

RECORDS_MAX = 500  # their decisions fit into one batch of Kafka's, which is what publish_batch sends
BATCH_BYTES = 1_000_000

where = place.read()
broker = KafkaBroker(where.bootstrap, acks="all", enable_idempotence=True, max_batch_size=BATCH_BYTES, logger=None)
app = FastStream(broker, logger=None)
connections: list[asyncpg.Connection] = []


@app.on_startup
async def connect() -> None:
    """One connection for this process's only consumer."""
    connections.append(await asyncpg.connect(where.database_url))


@broker.subscriber(
    where.topics["wargaming_results"],
    group_id=where.group,
    batch=True,
    max_records=RECORDS_MAX,
    auto_offset_reset="earliest",
    isolation_level="read_committed",
    ack_policy=AckPolicy.NACK_ON_ERROR,
)
async def record(results: list[Result], message: KafkaMessage) -> None:
    """One batch."""
    now = job.now()
    done = [
        job.conclude(result, dict(r.headers), r.value, job.Origin(r.topic, r.partition, r.offset), now)
        for result, r in zip(results, message.raw_message, strict=True)
    ]
    conn = connections[0]
    async with conn.transaction():
        for name, rows in job.rows(done).items():
            await conn.executemany(table.INSERT[name], rows)
    outgoing: dict[str, list[KafkaPublishMessage]] = {}
    for one in done:
        for made in one.messages:
            outgoing.setdefault(made.topic, []).append(KafkaPublishMessage(made.value, key=made.key))
    for topic, messages in outgoing.items():
        await broker.publish_batch(*messages, topic=where.topics[topic])


if __name__ == "__main__":
    asyncio.run(app.run())
