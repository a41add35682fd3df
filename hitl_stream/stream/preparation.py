"""What must be there before a worker takes part: broker, topics, database, schema, positions that fit. Waits for what is away.

The group is joined only after all of it: a topic made later would be noticed half a minute late.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import TypeVar

from hitl_stream.broker import admin
from hitl_stream.broker.connection import KafkaConnection
from hitl_stream.errors import Fatal, Unavailable
from hitl_stream.observe import log
from hitl_stream.store import adoption, process
from hitl_stream.store.database import Database
from hitl_stream.store.process import Process
from hitl_stream.stream import question
from hitl_stream.stream.backoff import Backoff
from hitl_stream.stream.breaker import Breakers, BrokerAway

TOPICS_WAIT_S = 30.0

Answer = TypeVar("Answer")


async def broker(connection: KafkaConnection, names: Iterable[str], breakers: Breakers) -> tuple[str, dict[str, int]]:
    """The cluster's id and the partitions of each topic. Raises Fatal when a topic is still missing after a while."""
    wanted = sorted(names)
    loop = asyncio.get_running_loop()
    backoff, missing_since = Backoff(base_s=0.2, max_s=2.0), None
    while True:
        try:
            cluster = await question.ask(admin.cluster_id, connection)
            counts = await question.ask(admin.partition_counts, connection, wanted)
        except BrokerAway as failure:
            breakers.failed(failure)
            await backoff.wait()
            continue
        breakers.kafka.worked()
        missing = [name for name in wanted if name not in counts]
        if not missing:
            return cluster, counts
        if missing_since is None:
            missing_since = loop.time()
            log.get().warning("topics_missing", topics=missing, wait_s=TOPICS_WAIT_S)
        if loop.time() - missing_since > TOPICS_WAIT_S:
            raise Fatal(
                f"no topic {', '.join(missing)} at {connection.bootstrap_servers}: run hitl-stream topics apply"
            )
        await backoff.wait()


async def database(url: str, size: int, name: str, breakers: Breakers) -> tuple[Database, Process]:
    """The way to Postgres, with the schema we need and ourselves registered. Raises Fatal for wrong credentials."""
    opened = await _until(lambda: Database.open(url, "hitl_worker", size=size, name=name), breakers)
    return opened, await _until(lambda: _register(opened), breakers)


async def _register(opened: Database) -> Process:
    async with opened.connection() as conn:
        return await process.register(conn, "worker")


async def positions(opened: Database, cluster: str, counts: Mapping[str, int], breakers: Breakers) -> None:
    """Raises Fatal when a topic has fewer partitions than we have recorded of it: some would never be read again."""
    for stored in await _until(lambda: _stored(opened), breakers):
        if stored.cluster_id != cluster or stored.topic not in counts or stored.next_offset == 0:
            continue
        if stored.partition >= counts[stored.topic]:
            raise Fatal(
                f"topic {stored.topic} has {counts[stored.topic]} partitions, but partition {stored.partition} is recorded"
                f" up to {stored.next_offset}: it was recreated; look at it, then run: hitl-stream positions adopt"
                f" {stored.topic}"
            )


async def _stored(opened: Database) -> list[adoption.Position]:
    async with opened.connection() as conn:
        return list(await adoption.show(conn))


async def _until(attempt: Callable[[], Coroutine[None, None, Answer]], breakers: Breakers) -> Answer:
    backoff = Backoff()
    while True:
        try:
            answer = await attempt()
        except Unavailable as failure:
            breakers.failed(failure)
            await backoff.wait()
        else:
            breakers.postgres.worked()
            return answer
