"""A small world recorded by the real product on a real database, its topics written by hand from the outbox.

Quick enough for tests of the checker itself; the campaign does the same with a real broker and real processes.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from zlib import crc32

import asyncpg

from hitl_stream.contract.record import Record as AnyRecord
from hitl_stream.contract.record import StoredRecord
from hitl_stream.embedded.postgres import free_port
from hitl_stream.store import position
from hitl_stream.store.batch import Span
from hitl_stream.store.database import Database
from hitl_stream.store.recording import Recorder
from tests.faults import journal, stage
from tests.faults.crew.crew import Crew
from tests.faults.crew.people import PEOPLE
from tests.faults.journal import Journal
from tests.faults.judge import snapshot
from tests.faults.judge.snapshot import INPUT_TOPICS, Record, Row, World
from tests.faults.judge.view import View
from tests.faults.judge.watched import Cursor
from tests.faults.program import Program
from tests.faults.upstream.story import Planned
from tests.harness import wait
from tests.harness.provider import Provider

CLUSTER, PARTITIONS = "recorded", 4
BATCH_RECORDS_MAX = 40
READY_S, WORK_S = 30.0, 60.0
OTHERS_HEAR_S = 1.0  # who listens to some things only cannot be asked whether they heard all
APPROVED = """SELECT patch_id, 'sha256:' || encode(patch_digest, 'hex') FROM decision
               WHERE decision = 'approved' AND patch_digest IS NOT NULL"""
DECISIONS_MIN = 60
WORKED_ENOUGH = f"""SELECT (SELECT count(*) >= {DECISIONS_MIN} FROM decision WHERE mode = 'human')
                           OR NOT EXISTS (SELECT FROM patch WHERE state = 'pending')"""


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


async def record(url: str, planned: Sequence[Planned], folder: Path, *, seed: int = 1) -> World:
    """Let the recorder record the plan in batches of random size, let people work on it, and take the snapshot."""
    connection = await asyncpg.connect(url)
    try:
        await snapshot.install_spy(connection)
        await stage.admit_people(connection)
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
    written = Journal(folder / "journal.jsonl")
    for number, record in enumerate(records):
        digest = None if record.value is None else sha256(record.value).hexdigest()
        written.write("sends", upstream=seed, number=number, sha256=digest)
        written.write("acknowledged", upstream=seed, number=number, place=record.place)
    await _inhabit(url, folder, written, seed)
    world = World(CLUSTER, records, [], ends, await snapshot.read_tables(url))
    world.journal = list(journal.read(folder / "journal.jsonl"))
    world.outputs = _publish(world)
    world.tables["outbox"] = []
    world.eureka = read_eureka(world)
    return world


async def _inhabit(url: str, folder: Path, written: Journal, seed: int) -> None:
    """Let people do each thing that can be done, and then what they like, with the sidecar that they have."""
    connection = await asyncpg.connect(url)
    approved = [tuple(row) for row in await connection.fetch(APPROVED)]
    for person in PEOPLE:
        written.write("person", who=person.name, roles=person.roles)
    with Provider() as provider:
        port = free_port()
        environment = {"HITL_DATABASE_URL": url, "HITL_HTTP_PORT": str(port), **provider.environment()}
        sidecar = Program("sidecar", [stage.COMMAND, "sidecar"], environment, folder / "sidecar.log", port)
        crew = Crew([sidecar.url], provider, written, seed, lambda: approved)
        sidecar.start()
        try:
            await asyncio.to_thread(wait.until, sidecar.is_ready, READY_S)
            await asyncio.to_thread(crew.start, do_each=True)
            await wait.until_async(lambda: connection.fetchval(WORKED_ENOUGH), WORK_S)
            crew.rest()
            newest = int(await connection.fetchval("SELECT max(xid)::text FROM change"))
            await asyncio.to_thread(wait.until, lambda: _have_heard(crew, newest), READY_S)
            await wait.pace(OTHERS_HEAR_S)
        finally:
            crew.stop()
            sidecar.stop()
            written.close()
            await connection.close()
    assert crew.failures == []


def _have_heard(crew: Crew, newest: int) -> bool:
    return all(cursor is not None and Cursor.read(cursor).sees(newest) for cursor in crew.cursors())


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
