"""Faust as its documentation writes it: an agent, event by event; an INSERT each, a commit each, a `send` each.

`faust -A benchmarks.pipeline.peer.faust_event worker`. Sends are not waited for, as in Faust's own examples.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncpg
import faust
from aiokafka import AIOKafkaConsumer
from faust.transport.drivers import aiokafka as driver

from benchmarks.pipeline.peer import job, place, table

where = place.read()


class _Committed(AIOKafkaConsumer):
    """Reads committed records only, which Faust has no setting for; the benchmark needs it to hold back its load."""

    def __init__(self, *topics: str, **options: Any) -> None:
        super().__init__(*topics, **{**options, "isolation_level": "read_committed"})


vars(driver)["aiokafka"].AIOKafkaConsumer = _Committed

app = faust.App(
    where.group,
    broker=f"kafka://{where.bootstrap}",
    datadir=Path(where.folder) / f"faust.{where.part}",
    key_serializer="raw",
    value_serializer="raw",
    consumer_auto_offset_reset="earliest",
    topic_allow_declare=False,
    topic_disable_leader=True,
    stream_wait_empty=False,
)
topics = {logical: app.topic(name) for logical, name in where.topics.items()}


@app.agent(topics["wargaming_results"])
async def record(stream: Any) -> None:
    """One event after the other."""
    conn = await asyncpg.connect(where.database_url)
    async for event in stream.events():
        source = event.message
        origin = job.Origin(source.topic, source.partition, source.offset)
        done = job.handle(event.headers, event.value, origin, job.now())
        async with conn.transaction():
            for name, row in done.rows.items():
                await conn.execute(table.INSERT[name], *row)
        for message in done.messages:
            await topics[message.topic].send(key=message.key, value=message.value)
