"""The least that anything durable between two topics does: fetch, one row committed, one message acknowledged.

What latency is measured against: no validation, no rules, one process, one record at a time.
"""

from __future__ import annotations

import asyncio
from hashlib import sha256

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from benchmarks.pipeline.peer import job, place, table


async def work(where: place.Place) -> None:
    """Relay until ended."""
    consumer = AIOKafkaConsumer(
        where.topics["wargaming_results"],
        bootstrap_servers=where.bootstrap,
        group_id=where.group,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    producer = AIOKafkaProducer(bootstrap_servers=where.bootstrap, acks="all", enable_idempotence=True)
    conn = await asyncpg.connect(where.database_url)
    await producer.start()
    await consumer.start()
    async for record in consumer:
        headers = dict(record.headers)
        identity = headers["ce_source"].decode(), headers["ce_id"].decode()
        await conn.execute(table.INSERT["event_seen"], *identity, sha256(record.value).digest(), job.now())
        await producer.send_and_wait(where.topics["decisions"], record.value, record.key)


if __name__ == "__main__":
    asyncio.run(work(place.read()))
