"""A small world recorded by the real product on a real database, its topics written by hand from the outbox.

Quick enough for tests of the checker itself; the campaign does the same with a real broker and real processes.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from zlib import crc32

import asyncpg

from hitl_stream.contract.record import Record as AnyRecord
from hitl_stream.contract.record import StoredRecord
from hitl_stream.store import position
from hitl_stream.store.batch import Span
from hitl_stream.store.database import Database
from hitl_stream.store.recording import Recorder
from tests.faults.judge import snapshot
from tests.faults.judge.snapshot import INPUT_TOPICS, Record, Row, World
from tests.faults.judge.view import View
from tests.faults.upstream.story import Planned

CLUSTER, PARTITIONS = "recorded", 4
BATCH_RECORDS_MAX = 40


def lay_down(planned: Sequence[Planned]) -> tuple[list[Record], dict[str, dict[int, int]]]:
    """The committed records with their offsets, and where the partitions end; aborted ones leave gaps."""
    ends = {topic: dict.fromkeys(range(PARTITIONS), 0) for topic in INPUT_TOPICS}
    records = []
    for plan in planned:
        offset = ends[plan.topic][plan.partition]
        # An aborted record is followed by the marker that says so.
        ends[plan.topic][plan.partition] += 2 if plan.aborted else 1
        if not plan.aborted:
            records.append(Record(plan.topic, plan.partition, offset, *plan.raw))
    return records, ends


async def record(url: str, planned: Sequence[Planned], *, seed: int = 1) -> World:
    """Let the recorder record the plan in batches of random size, and take the snapshot."""
    connection = await asyncpg.connect(url)
    try:
        await snapshot.install_spy(connection)
    finally:
        await connection.close()
    records, ends = lay_down(planned)
    database = await Database.open(url, "hitl_worker", size=2, name="recorded")
    try:
        for topic in INPUT_TOPICS:
            await _record_topic(
                database, [r for r in records if r.topic == topic], topic, ends[topic], random.Random(seed)
            )
    finally:
        await database.close()
    world = World(CLUSTER, records, [], ends, await snapshot.read_tables(url))
    world.outputs = _publish(world)
    world.tables["outbox"] = []
    world.produced = [record.place for record in records]
    world.eureka = read_eureka(world)
    return world


async def _record_topic(
    database: Database, records: list[Record], topic: str, ends: dict[int, int], rng: random.Random
) -> None:
    recorder = Recorder(database, CLUSTER)
    async with database.connection() as connection:
        claims = await position.claim(
            connection, CLUSTER, topic, {p: (0, end) for p, end in ends.items()}, None, "recorded"
        )
    run = recorder.record_results if topic.endswith("results") else recorder.record_outcomes
    unread = {p: [r for r in records if r.partition == p] for p in ends}
    at = {p: claim.next_offset for p, claim in claims.items()}
    while any(unread.values()):
        spans = []
        for partition, waiting in unread.items():
            taken, unread[partition] = _split(waiting, rng)
            if taken:
                after = taken[-1].offset + 1 if unread[partition] else ends[partition]
                kept: list[AnyRecord] = [
                    StoredRecord(r.topic, r.partition, r.offset, 0, r.key, r.value, r.headers) for r in taken
                ]
                spans.append(Span(topic, partition, at[partition], after, claims[partition].epoch, kept))
                at[partition] = after
        if spans:
            await run(spans)


def _split(waiting: list[Record], rng: random.Random) -> tuple[list[Record], list[Record]]:
    size = rng.choice((0, 1, 3, BATCH_RECORDS_MAX))
    return waiting[:size], waiting[size:]


def _publish(world: World) -> list[Record]:
    """What the publisher would have put on the topics, a few rows twice as after a crash."""
    ends: dict[tuple[str, int], int] = defaultdict(int)
    outputs = []
    for number, kept in enumerate(View(world).kept):
        topic, key, value, headers = kept.body
        for _ in range(2 if number % 7 == 0 else 1):
            partition = crc32(key or b"") % PARTITIONS
            outputs.append(Record(topic, partition, ends[topic, partition], key, value, headers))
            ends[topic, partition] += 1
    return outputs


def read_eureka(world: World) -> dict[str, list[Row]]:
    """A copy as Eureka keeps it: what repeats or comes late is ignored."""
    copy: dict[str, list[Row]] = {}
    for message in View(world).announced["hitl.decisions"]:
        known = copy.setdefault(message.data["patch_id"], [])
        if message.data["seq"] > (known[-1]["seq"] if known else 0):
            known.append(message.data)
    return copy
