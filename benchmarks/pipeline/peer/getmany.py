"""aiokafka by hand: `getmany`, `executemany` in one transaction, `send` for each message, then the offsets."""

from __future__ import annotations

import asyncio

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from benchmarks.pipeline.peer import job, place, table

RECORDS_MAX = 1_000


async def work(where: place.Place) -> None:
    """Consume until ended."""
    consumer = AIOKafkaConsumer(
        where.topics["wargaming_results"],
        bootstrap_servers=where.bootstrap,
        group_id=where.group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=where.bootstrap, acks="all", enable_idempotence=True, linger_ms=5, max_batch_size=256 * 1024
    )
    conn = await asyncpg.connect(where.database_url)
    await producer.start()
    await consumer.start()
    while True:
        fetched = await consumer.getmany(timeout_ms=1_000, max_records=RECORDS_MAX)
        if not fetched:
            continue
        now = job.now()
        done = [
            job.handle(dict(r.headers), r.value, job.Origin(r.topic, r.partition, r.offset), now)
            for records in fetched.values()
            for r in records
        ]
        async with conn.transaction():
            for name, rows in job.rows(done).items():
                await conn.executemany(table.INSERT[name], rows)
        sent = [
            await producer.send(where.topics[message.topic], message.value, message.key)
            for one in done
            for message in one.messages
        ]
        await asyncio.gather(*sent)
        await consumer.commit()


if __name__ == "__main__":
    asyncio.run(work(place.read()))
