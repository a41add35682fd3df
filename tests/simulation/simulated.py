"""Everybody of the world, each with one thing at a time to do. What is asked and told is kept as the judge reads it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

import asyncpg

from hitl_stream.contract.digest import decision_id
from hitl_stream.contract.encode import DecisionEvent
from hitl_stream.contract.record import Message, StoredRecord
from hitl_stream.errors import PositionLost, Refused
from hitl_stream.store import command, deadline, outbox, position
from hitl_stream.store.batch import Span
from hitl_stream.store.command import Actor
from hitl_stream.store.database import Database
from hitl_stream.store.outbox import Published
from hitl_stream.store.position import Claim
from hitl_stream.store.recording import Recorder
from tests.faults.crew.people import PEOPLE
from tests.faults.judge import snapshot
from tests.faults.judge.snapshot import INPUT_TOPICS, Record, Row, World
from tests.faults.judge.view import View
from tests.faults.recorded import read_eureka
from tests.faults.upstream.event import Raw
from tests.simulation.fragile import Died, FragileDatabase, Fuse

CLUSTER, PARTITIONS, DUE_MAX = "simulated", 2, 10
RESULTS = INPUT_TOPICS[0]
TOPICS = {
    "auto_approved": "hitl.auto-approved", "pending_review": "hitl.pending-review", "decisions": "hitl.decisions",
    "dead_letters": "hitl.dead-letters",
}  # fmt: skip
LET_TIME_PASS = """
UPDATE patch SET evidence_due_at = evidence_due_at - interval '400 days', opened_at = opened_at - interval '400 days',
                 expires_at = expires_at - interval '400 days' WHERE patch_id = $1"""


class Broker:
    """Partitions as lists; a record is where it is for good."""

    def __init__(self) -> None:
        self.inputs: dict[int, list[Raw]] = defaultdict(list)
        self.outputs: list[Record] = []
        self._ends: dict[tuple[str, int], int] = defaultdict(int)

    def publish(self, message: Message) -> None:
        """At the end of the partition of its key."""
        topic, partition = TOPICS[message.topic], crc32(message.key or b"") % PARTITIONS
        offset = self._ends[topic, partition]
        self._ends[topic, partition] += 1
        self.outputs.append(Record(topic, partition, offset, message.key, message.value, message.headers))

    def records(self, partition: int) -> list[Record]:
        """What came in."""
        return [Record(RESULTS, partition, n, *raw) for n, raw in enumerate(self.inputs[partition])]


@dataclass
class Worker:
    """What one process remembers: its claims, and what it has published and not removed yet. Gone when it dies."""

    name: str
    claims: dict[int, Claim] = field(default_factory=dict)
    at: dict[int, int] = field(default_factory=dict)
    epochs: dict[int, int] = field(default_factory=dict)
    published: list[Published] = field(default_factory=list)

    def forget(self) -> None:
        """A new process under the old name."""
        self.claims, self.at, self.epochs, self.published = {}, {}, {}, []


class Simulation:
    """One database, one broker, everybody's journal."""

    def __init__(self, owner: asyncpg.Connection, roles: dict[str, Database]) -> None:
        self.owner, self.roles = owner, roles
        self.broker = Broker()
        self.workers = [Worker("first"), Worker("second")]
        self.journal: list[Row] = [
            {"at": 0.0, "what": "person", "who": person.name, "roles": person.roles} for person in PEOPLE
        ]
        self._asks = 0

    async def claim(self, worker: Worker, partition: int, fuse: Fuse) -> None:
        """The group gives it a partition: claimed first, then what was left to publish, and only then does it read."""
        end = len(self.broker.inputs[partition])
        async with self._alive(worker, fuse) as database:
            async with database.connection() as conn:
                taken = await position.claim(conn, CLUSTER, RESULTS, {partition: (0, end)}, None, worker.name)
                shards = [partition, outbox.letter_shard(partition)]
                epochs = await position.claim_shards(conn, shards, worker.name)
            worker.epochs |= epochs
            while await self._publish(worker, database):
                pass
            worker.claims |= taken
            worker.at[partition] = taken[partition].next_offset

    async def poll(self, worker: Worker, partition: int, count: int, fuse: Fuse) -> None:
        """Record the next ones of a partition that it believes to be its own."""
        claim = worker.claims.get(partition)
        if claim is None:
            return
        first = worker.at[partition]
        records = self.broker.records(partition)[first : first + count]
        if not records:
            return
        stored = [StoredRecord(r.topic, r.partition, r.offset, 0, r.key, r.value, r.headers) for r in records]
        span = Span(RESULTS, partition, first, first + len(records), claim.epoch, list(stored))
        async with self._alive(worker, fuse) as database:
            try:
                await Recorder(database, CLUSTER).record_results([span])
            except PositionLost:
                del worker.claims[partition]
                return
            worker.at[partition] = span.next_offset

    async def publish(self, worker: Worker, fuse: Fuse) -> None:
        """One round of the publisher."""
        async with self._alive(worker, fuse) as database:
            await self._publish(worker, database)

    async def ask(self, what: str, who: str, patch_id: str, version: int, fuse: Fuse) -> None:
        """What a person asks for; the answer is what the sidecar would have said."""
        self._asks += 1
        number, database = self._asks, FragileDatabase.of(self.roles["hitl_sidecar"], fuse)
        words = f"{what} {number}"
        body: Row = {"reason": words} if what in SAID_WHY else {}
        self._note("asked", ask=number, who=who, op=what, patch=patch_id, version=f'"{version}"', body=body)
        actor = Actor(who, (f"team-{who}",), f"token-{who}", f"ask-{number}", datetime.now(UTC))
        try:
            async with database.transaction() as conn:
                done = await _DO[what](conn, patch_id, version, actor, words)
        except Died:
            self._note("unanswered", ask=number, error="died")
        except Refused as refusal:
            self._note("answered", ask=number, status=409, body={"detail": str(refusal)})
        else:
            self._note("answered", ask=number, status=200, body=done)

    async def end_what_is_due(self, fuse: Fuse) -> None:
        """One transaction of each of the duties that time brings about."""
        database = FragileDatabase.of(self.roles["hitl_scheduler"], fuse)
        for work in (deadline.end_collecting, deadline.expire):
            try:
                async with database.transaction() as conn:
                    await work(conn, DUE_MAX)
            except Died:
                return

    async def version_of(self, patch_id: str) -> int | None:
        """Which version of a patch there is."""
        version: int | None = await self.owner.fetchval("SELECT version FROM patch WHERE patch_id = $1", patch_id)
        return version

    async def let_time_pass(self, patch_id: str) -> None:
        """For one patch: whatever waits for a time has waited long enough."""
        self._note("time_passed", patch=patch_id)
        await self.owner.execute(LET_TIME_PASS, patch_id)

    async def settle(self) -> World:
        """Let one worker do all that is left, and look at everything."""
        never = Fuse(None, after=False)
        worker = self.workers[0]
        for partition in range(PARTITIONS):
            await self.claim(worker, partition, never)
        for partition in range(PARTITIONS):
            await self.poll(worker, partition, 10_000, never)
        while await self._publish(worker, self.roles["hitl_worker"]):
            pass
        inputs = [record for partition in range(PARTITIONS) for record in self.broker.records(partition)]
        ends = {RESULTS: {p: len(self.broker.inputs[p]) for p in range(PARTITIONS)}, INPUT_TOPICS[1]: {}}
        world = World(CLUSTER, inputs, self.broker.outputs, ends, await snapshot.tables(self.owner))
        world.journal = self.journal
        world.eureka = read_eureka(world)
        return world

    async def _publish(self, worker: Worker, database: Database) -> int:
        async with database.connection() as conn:
            rows, _ = await outbox.take(conn, list(worker.epochs), 2, worker.published)
        worker.published = []
        for row in rows:
            for message in row.messages:
                self.broker.publish(message)
        worker.published = [Published(row.shard, row.id, worker.epochs[row.shard]) for row in rows]
        return len(rows)

    def _alive(self, worker: Worker, fuse: Fuse) -> _Alive:
        return _Alive(worker, FragileDatabase.of(self.roles["hitl_worker"], fuse))

    def _note(self, what: str, **said: Any) -> None:
        self.journal.append({"at": time.time(), "what": what, **said})


@dataclass
class _Alive:
    """While it lives; when it has died another process takes its name, and knows nothing."""

    worker: Worker
    database: FragileDatabase

    async def __aenter__(self) -> FragileDatabase:
        return self.database

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        if kind is Died:
            self.worker.forget()
        return kind is Died


def _told(event: DecisionEvent | None) -> Row:
    return {"decision_id": None if event is None else str(decision_id(event.patch_id, event.round, event.seq))}


async def _approve(conn: asyncpg.Connection, patch_id: str, version: int, actor: Actor, _: str) -> Row:
    return _told((await command.approve(conn, patch_id, version, actor)).event)


async def _reject(conn: asyncpg.Connection, patch_id: str, version: int, actor: Actor, why: str) -> Row:
    return _told(await command.reject(conn, patch_id, version, actor, why))


async def _revoke(conn: asyncpg.Connection, patch_id: str, version: int, actor: Actor, why: str) -> Row:
    return _told(await command.revoke(conn, patch_id, version, actor, why))


async def _reopen(conn: asyncpg.Connection, patch_id: str, version: int, actor: Actor, why: str) -> Row:
    await command.reopen(conn, patch_id, version, actor, why)
    return _told(None)


async def _claim(conn: asyncpg.Connection, patch_id: str, version: int, actor: Actor, _: str) -> Row:
    await command.claim(conn, patch_id, actor)
    return {}


_DO: dict[str, Callable[[asyncpg.Connection, str, int, Actor, str], Awaitable[Row]]] = {
    "approve": _approve, "reject": _reject, "revoke": _revoke, "reopen": _reopen, "claim": _claim,
}  # fmt: skip
SAID_WHY = {"reject", "revoke", "reopen"}


def fates(world: World) -> dict[str, int]:
    """How much happened: a story in which nothing does proves nothing."""
    view = View(world)
    return {"decisions": len(view.rows["decision"]), "votes": len(view.rows["vote"]), "outputs": len(world.outputs)}
