"""Policy documents and the kill switch: versions never change, and when a change returns, nothing old can commit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from hitl_stream.policy import document
from hitl_stream.store import policy
from hitl_stream.store.database import Database
from hitl_stream.store.policy import UnknownVersion
from tests.event import binary, data
from tests.harness.availability import scaled
from tests.store.world import World
from tests.unit.approvable import MEMBERS

STRICT = {**MEMBERS, "name": "strict", "confidence_min": 0.99}


@pytest.fixture
async def operator(database: str) -> AsyncIterator[Database]:
    opened = await Database.open(database, "hitl_operator", size=12, name="test-operator")
    yield opened
    await opened.close()


async def propose(operator: Database, members: dict[str, Any], note: str = "a trial") -> int:
    async with operator.connection() as conn:
        return await policy.propose(conn, members, note, "ann")


async def audit(operator: Database) -> list[tuple[Any, ...]]:
    query = "SELECT action, actor, role, policy_version, justification FROM audit_entry ORDER BY id"
    async with operator.connection() as conn:
        return [tuple(entry) for entry in await conn.fetch(query)]


async def test_a_proposal_decides_nothing_until_it_is_activated(operator: Database) -> None:
    assert await propose(operator, STRICT) == 2
    async with operator.connection() as conn:
        assert (await policy.current(conn)).policy.version == 1
        assert await policy.activate(conn, 2, "bob", "after the trial") == 1
        now = await policy.current(conn)
        assert (now.policy.version, now.policy.confidence_min, now.auto_approve) == (2, 0.99, True)
        assert await policy.activate(conn, 1, "bob", "back again") == 2
        assert [(one.version, one.active) for one in await policy.versions(conn)] == [(2, False), (1, True)]


async def test_what_is_stored_reads_back_as_it_was(operator: Database) -> None:
    await propose(operator, STRICT)
    async with operator.connection() as conn:
        assert await policy.read(conn, 2) == document.parse(2, STRICT)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE policy_document SET note = ''", "DELETE FROM policy_document", "TRUNCATE policy_document CASCADE"],
)
async def test_nobody_changes_a_version_not_even_the_owner(owner: asyncpg.Connection, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await owner.execute(statement)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"confidence_min": 1.5}, "confidence_min"),
        ({"confidence_min": "0.9"}, "confidence_min"),
        ({"enabled": 1}, "enabled"),
        ({"severity_max": "huge"}, "severity_max"),
        ({"surprise": 1}, "surprise"),
        ({"version": 7}, "version"),
        ({"review_time_limit_s": {**MEMBERS["review_time_limit_s"], "low": 0}}, "review_time_limit_s.low"),
        ({"allowed_sources": ["/a", 5]}, "allowed_sources.1"),
    ],
)
async def test_an_unsound_document_is_refused_by_the_name_of_its_member(
    operator: Database, changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(ValueError, match=rf"(^|; ){named}: "):
        await propose(operator, {**MEMBERS, **changes})
    async with operator.connection() as conn:
        assert len(await policy.versions(conn)) == 1
    assert await audit(operator) == []


async def test_every_member_in_trouble_is_named(operator: Database) -> None:
    with pytest.raises(ValueError, match=r"name: .*; enabled: .*; sample_rate: "):
        await propose(operator, {**MEMBERS, "name": "", "enabled": None, "sample_rate": 2})


async def test_proposals_at_once_get_numbers_of_their_own(operator: Database) -> None:
    numbers = await asyncio.gather(*(propose(operator, {**STRICT, "name": f"n-{n}"}) for n in range(10)))
    assert sorted(numbers) == list(range(2, 12))
    async with operator.connection() as conn:
        for number, version in enumerate(numbers):
            assert (await policy.read(conn, version)).name == f"n-{number}"


async def test_an_unknown_version_cannot_be_activated(operator: Database) -> None:
    async with operator.connection() as conn:
        with pytest.raises(UnknownVersion, match="2"):
            await policy.activate(conn, 2, "ann", "trial")
        assert (await policy.current(conn)).policy.version == 1
    assert await audit(operator) == []


async def test_who_did_what_and_why_stands_in_the_audit(operator: Database) -> None:
    await propose(operator, STRICT, "fewer doubts")
    async with operator.connection() as conn:
        await policy.activate(conn, 2, "bob", "agreed on Monday")
        assert await policy.switch(conn, "carl", "incident 7", auto_approve=False) is True
        assert await policy.switch(conn, "carl", "still", auto_approve=False) is False
        assert await policy.switch(conn, "carl", "over", auto_approve=True) is False
        detail = await conn.fetchval("SELECT detail FROM audit_entry WHERE action = 'policy_activated'")
    assert await audit(operator) == [
        ("policy_proposed", "ann", "operator", 2, "fewer doubts"),
        ("policy_activated", "bob", "operator", 2, "agreed on Monday"),
        ("auto_approve_disabled", "carl", "operator", 2, "incident 7"),
        ("auto_approve_disabled", "carl", "operator", 2, "still"),
        ("auto_approve_enabled", "carl", "operator", 2, "over"),
    ]
    assert detail == '{"version_before": 1}'


async def test_the_switch_works_whatever_the_document_is(operator: Database, database: str) -> None:
    owner = await asyncpg.connect(database)
    await owner.execute("INSERT INTO policy_document (version, document, proposed_by) VALUES (2, '{}', 'by hand')")
    await owner.execute("UPDATE policy_state SET active_version = 2")
    async with operator.connection() as conn:
        assert await policy.switch(conn, "ann", "emergency", auto_approve=False) is True
        assert await policy.auto_approves(conn) is False
        assert len(await policy.versions(conn)) == 2
    await owner.close()


class Traffic:
    """Two workers' batches, one after the other, each with a patch that the conservative policy approves."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.batches = 0
        self.ended = asyncio.Event()
        self.tasks = [asyncio.create_task(self.flow(partition)) for partition in (0, 1)]

    async def flow(self, partition: int) -> None:
        number = 0
        while not self.ended.is_set():
            number += 1
            name = f"p-{id(self)}-{partition}-{number}"
            await self.world.feed(binary(name, data(patch_id=name, apv_id=name), partition=partition))
            self.batches += 1

    async def some(self, count: int = 6) -> None:
        """Return when so many more batches were recorded."""
        target = self.batches + count
        while self.batches < target:
            await asyncio.wait(self.tasks, timeout=0.005)
            assert not any(task.done() for task in self.tasks)


@asynccontextmanager
async def flowing(world: World) -> AsyncIterator[Traffic]:
    """Traffic that has ended afterwards."""
    traffic = Traffic(world)
    try:
        yield traffic
    finally:
        traffic.ended.set()
        await asyncio.gather(*traffic.tasks)


@pytest.fixture
async def world(database: str) -> AsyncIterator[World]:
    worker = await Database.open(database, "hitl_worker", size=4, name="test-worker")
    made = World(worker, worker)
    await made.claim()
    yield made
    await worker.close()


APPROVED = "SELECT count(*) FROM decision WHERE decision = 'approved' AND policy_version = 1"


@pytest.mark.parametrize("kind", ["switch", "activate"])
async def test_when_a_change_returns_nothing_is_approved_the_old_way_any_more(
    world: World, operator: Database, kind: str
) -> None:
    await propose(operator, STRICT)

    async def change(*, strict: bool) -> None:
        async with operator.connection() as conn:
            if kind == "switch":
                await policy.switch(conn, "ann", "trial", auto_approve=not strict)
            else:
                await policy.activate(conn, 2 if strict else 1, "ann", "trial")

    async with flowing(world) as traffic:
        for _ in range(scaled(5, 50)):
            ((before,),) = await world.rows(APPROVED)
            await traffic.some()
            await change(strict=True)
            ((approved,),) = await world.rows(APPROVED)
            assert approved > before
            await traffic.some()
            assert await world.rows(APPROVED) == [(approved,)]
            await change(strict=False)
    counts = dict(await world.rows("SELECT state, count(*) FROM patch GROUP BY 1"))
    assert counts.keys() == {"approved", "pending"}
