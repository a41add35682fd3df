"""What a test of the duties plays with: patches in every state, sidecars that come and go, and time that can be let pass."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import asyncpg

from hitl_stream.duties.duty import Duty
from hitl_stream.store import command, process
from hitl_stream.store.batch import Recorded
from hitl_stream.store.database import Database
from hitl_stream.store.process import Process
from tests.event import binary, data
from tests.harness import wait
from tests.harness.people import reviewer
from tests.store.world import World

SHARES_MAX = 1_000

# Everything that remembers a time, moved into the past: to the program it looks as if time had passed.
_PAST = (
    """UPDATE patch SET received_at = received_at - $1::interval, changed_at = changed_at - $1::interval,
       evidence_due_at = evidence_due_at - $1::interval, opened_at = opened_at - $1::interval,
       expires_at = expires_at - $1::interval""",
    """UPDATE process SET started_at = started_at - $1::interval, seen_at = seen_at - $1::interval
        WHERE seen_at > '-infinity'""",
    """UPDATE duty_run SET memory = jsonb_set(memory::jsonb, '{seen_at}',
       to_jsonb((memory::jsonb->>'seen_at')::timestamptz - $1::interval))::text WHERE memory IS NOT NULL""",
)


@dataclass
class Scene:
    """One database as every part of the product sees it. `owner` may do anything."""

    url: str
    world: World
    scheduler: Database
    sidecar: Database
    operator: Database
    owner: asyncpg.Connection
    _events: int = 0
    _sidecars: list[Process] = field(default_factory=list)

    async def feed(self, patch_id: str = "p-1", *, partition: int = 0, **changes: Any) -> Recorded:
        """A new result of this patch, good but for what is changed."""
        self._events += 1
        content = data(
            patch_id=patch_id, apv_id=f"APV-{patch_id}", **{"wargame__run_id": f"r-{self._events}", **changes}
        )
        return await self.world.feed(binary(f"e-{self._events}", content, partition=partition))

    async def collecting(self, patch_id: str = "p-1", **changes: Any) -> None:
        """A round that waits for a second result."""
        assert (await self.feed(patch_id, wargame__expected_results=2, **changes)).fates == {"collecting": 1}

    async def pending(self, patch_id: str = "p-1", **changes: Any) -> None:
        """A review that waits for a person."""
        assert (await self.feed(patch_id, ml__confidence=0.5, **changes)).fates == {"pending": 1}

    async def share(self, duty: Duty) -> bool:
        """One transaction of a duty; whether there is more to do."""
        async with self.scheduler.transaction() as conn:
            return await duty.work(conn)

    async def all_of(self, duty: Duty) -> int:
        """All that is due; how many transactions it took."""
        for count in range(1, SHARES_MAX):
            if not await self.share(duty):
                return count
        raise AssertionError(f"{duty.name} never ends")

    async def decide(self, patch_id: str = "p-1", wish: str = "approve", version: int = 1) -> None:
        """What a person says. Raises Refused."""
        async with self.sidecar.connection() as conn:
            say = command.approve if wish == "approve" else command.reject
            await say(conn, patch_id, version, reviewer("alice"), "looked at it")

    async def sidecar_starts(self) -> None:
        """A sidecar is there."""
        async with self.sidecar.connection() as conn:
            self._sidecars.append(await process.register(conn, "sidecar"))

    async def sidecars_beat(self) -> None:
        """All of them still are."""
        async with self.sidecar.connection() as conn:
            for one in self._sidecars:
                await process.beat(conn, one)

    async def sidecars_leave(self) -> None:
        """All of them end in good order."""
        async with self.sidecar.connection() as conn:
            for one in self._sidecars:
                await process.leave(conn, one)
        self._sidecars.clear()

    async def pass_time(self, **parts: float) -> None:
        """Let time pass, as far as anybody can tell."""
        for statement in _PAST:
            await self.owner.execute(statement, timedelta(**parts))

    async def rows(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """Ask as the owner."""
        return [tuple(row) for row in await self.owner.fetch(query, *arguments)]

    async def one(self, query: str, *arguments: Any) -> Any:
        """Ask for one value as the owner."""
        return await self.owner.fetchval(query, *arguments)

    async def state(self, patch_id: str = "p-1") -> str:
        """The state of a patch."""
        return str(await self.one("SELECT state FROM patch WHERE patch_id = $1", patch_id))

    async def sayings(self) -> list[tuple[str, str, Any]]:
        """What is to be published, in order: topic, patch, decision."""
        return [
            (topic, message["data"]["patch_id"], message["data"].get("decision"))
            for topic, message in await self.world.messages()
        ]

    async def assert_consistent(self) -> None:
        """Every patch's decisions are numbered without a gap, up to its row's; each was told once and in order."""
        broken = await self.rows(
            """SELECT p.patch_id FROM patch AS p LEFT JOIN decision AS d USING (patch_id)
                GROUP BY p.patch_id, p.seq
               HAVING p.seq <> count(d.seq) OR p.seq <> coalesce(max(d.seq), 0)"""
        )
        assert broken == []
        told: dict[str, list[int]] = {}
        for topic, message in await self.world.messages():
            if topic == "decisions":
                told.setdefault(message["data"]["patch_id"], []).append(message["data"]["seq"])
        for patch_id, seq in await self.rows("SELECT patch_id, seq FROM patch"):
            assert told.get(patch_id, []) == list(range(1, seq + 1)), patch_id

    async def waiting(self) -> int:
        """How many sessions wait for a lock in this database."""
        query = """SELECT count(*) FROM pg_stat_activity
                    WHERE wait_event_type = 'Lock' AND datname = current_database()"""
        return int(await self.one(query))

    async def wait_waiting(self, count: int) -> None:
        """Wait until so many do."""

        async def enough() -> bool:
            return await self.waiting() == count

        await wait.until_async(enough)

    async def in_this_order(self, patch_id: str, *works: Awaitable[object]) -> list[object]:
        """Let all of them want the patch at the same moment and get it in this order; their answers or what they raised."""
        tasks = []
        async with self.owner.transaction():
            await self.owner.execute("SELECT FROM patch WHERE patch_id = $1 FOR UPDATE", patch_id)
            observer = await asyncpg.connect(self.url)
            watching = Scene(self.url, self.world, self.scheduler, self.sidecar, self.operator, observer)
            for number, work in enumerate(works, 1):
                tasks.append(asyncio.ensure_future(work))
                await watching.wait_waiting(number)
            await observer.close()
        return await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def standing(url: str) -> AsyncIterator[Scene]:
    """A scene over a fresh database, with a worker that owns four partitions."""
    roles = ("hitl_worker", "hitl_sidecar", "hitl_scheduler", "hitl_operator")
    worker, sidecar, scheduler, operator = [
        await Database.open(url, role, size=4, name=f"test-{role}") for role in roles
    ]
    owner = await asyncpg.connect(url)
    world = World(worker, sidecar)
    await world.claim()
    try:
        yield Scene(url, world, scheduler, sidecar, operator, owner)
    finally:
        await owner.close()
        for opened in (worker, sidecar, scheduler, operator):
            await opened.close()
