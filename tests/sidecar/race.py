"""Two who want the same patch: one before the other, the other before the one, or at once; and what must be left of it.

Whoever waits for a patch gets it in the order in which they came, so an order is made by holding the patch until both wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

import asyncpg
import httpx2
import orjson

from tests.duties.scene import Scene
from tests.harness import wait
from tests.harness.availability import scaled

_DECISIONS = """
SELECT d.patch_id, d.seq, d.decision, d.mode, d.decided_by, d.approvers, d.decision_id::text AS decision_id,
       (SELECT count(*) FROM audit_entry AS a
         WHERE a.patch_id = d.patch_id AND a.seq = d.seq AND a.action = d.decision) AS entries,
       (SELECT array_agg(v.person ORDER BY v.person) FROM (SELECT DISTINCT v.person COLLATE "default" AS person FROM vote AS v
         WHERE v.patch_id = d.patch_id AND v.seq = d.seq AND v.evidence_digest = d.evidence_digest) AS v) AS voted,
       (SELECT bool_or(v.break_glass) FROM vote AS v WHERE v.patch_id = d.patch_id AND v.seq = d.seq) AS glass,
       (SELECT needed FROM approval_rule AS r WHERE r.class = approval_class(p)) AS needed
  FROM decision AS d JOIN patch AS p USING (patch_id) ORDER BY d.patch_id, d.seq"""
_STALE_ROWS = """
SELECT p.patch_id FROM patch AS p LEFT JOIN decision AS d ON d.patch_id = p.patch_id
 GROUP BY p.patch_id, p.seq HAVING p.seq <> count(d.seq) OR p.seq <> coalesce(max(d.seq), 0)"""


class Order(Enum):
    """Who comes first."""

    FORWARD = 1
    BACKWARD = 2
    AT_ONCE = 3


def orders(ci: int = 12, full: int = 300) -> Iterator[tuple[str, Order]]:
    """A patch for each round: some in either order, most at once."""
    rounds = scaled(ci, full)
    for number in range(rounds):
        share = number * 4 // rounds
        yield f"p-{number}", Order.FORWARD if share == 0 else Order.BACKWARD if share == 1 else Order.AT_ONCE


@dataclass
class Race:
    """A sidecar with connections enough, and everything else that touches a patch."""

    scene: Scene
    client: httpx2.AsyncClient
    observer: asyncpg.Connection
    bearer: Callable[[str], dict[str, str]]

    async def post(
        self, who: str, action: str, patch_id: str, body: Any = None, *, version: int = 1, key: str | None = None
    ) -> httpx2.Response:
        """What this person does to the patch at the version that they saw."""
        headers = {**self.bearer(who), "If-Match": f'"{version}"'}
        if key is not None:
            headers["Idempotency-Key"] = key
        sent = {"reason": "because", "comment": "because"} if body is None else body
        return await self.client.post(f"/hitl/patches/{patch_id}/{action}", headers=headers, json=sent)

    async def batch(self, who: str, action: str, patch_ids: list[str]) -> list[int]:
        """The status of each, in one request."""
        items = [{"patch_id": patch_id, "version": '"1"'} for patch_id in patch_ids]
        body = {"action": action, "reason": "all of them", "items": items}
        answer = await self.client.post("/hitl/patches/batch", headers=self.bearer(who), json=body)
        assert answer.status_code == 200, answer.text
        return [one["status"] for one in answer.json()["results"]]

    async def run(self, order: Order, patch_id: str, one: Awaitable[Any], other: Awaitable[Any]) -> tuple[Any, Any]:
        """Let both want the patch; what each of them got."""
        match order:
            case Order.AT_ONCE:
                return await asyncio.gather(one, other)
            case Order.FORWARD:
                first, second = await self._after_each_other(patch_id, one, other)
                return first, second
            case Order.BACKWARD:
                first, second = await self._after_each_other(patch_id, other, one)
                return second, first

    async def _after_each_other(self, patch_id: str, *works: Awaitable[Any]) -> list[Any]:
        tasks = []
        async with self.scene.owner.transaction():
            await self.scene.owner.execute("SELECT FROM patch WHERE patch_id = $1 FOR UPDATE", patch_id)
            for number, work in enumerate(works, 1):
                tasks.append(asyncio.ensure_future(work))
                await self.wait_waiting(number)
        return await asyncio.gather(*tasks)

    async def wait_waiting(self, count: int) -> None:
        """Wait until so many sessions wait for a lock."""

        async def enough() -> bool:
            query = """SELECT count(*) FROM pg_stat_activity
                        WHERE wait_event_type = 'Lock' AND datname = current_database()"""
            return bool(await self.observer.fetchval(query) == count)

        await wait.until_async(enough)

    async def decisions(self, patch_id: str) -> list[tuple[str, str]]:
        """What was decided of a patch and by whom, in order."""
        query = "SELECT decision, decided_by FROM decision WHERE patch_id = $1 ORDER BY seq"
        return [(row["decision"], row["decided_by"]) for row in await self.observer.fetch(query, patch_id)]

    async def actions(self, patch_id: str) -> list[str]:
        """What people did to a patch besides, in order."""
        query = "SELECT action FROM action WHERE patch_id = $1 AND actor <> 'policy' ORDER BY id"
        return [row["action"] for row in await self.observer.fetch(query, patch_id)]

    async def holder(self, patch_id: str) -> str | None:
        """Who holds it."""
        person: str | None = await self.observer.fetchval("SELECT person FROM claim WHERE patch_id = $1", patch_id)
        return person

    async def assert_settled(self) -> None:
        """Whatever happened: no gap in seq, to each decision one audit entry and one message, in order, and approvals are of as
        many different people as it needs, none of them unheard."""
        assert await self.observer.fetch(_STALE_ROWS) == []
        rows = await self.observer.fetch(_DECISIONS)
        for row in rows:
            assert row["entries"] == 1, dict(row)
            if (row["mode"], row["decision"]) == ("human", "approved"):
                assert sorted(set(row["approvers"])) == sorted(row["approvers"]) == row["voted"], dict(row)
                assert row["decided_by"] in row["approvers"]
                assert row["glass"] or len(row["approvers"]) >= row["needed"], dict(row)
        told: dict[str, list[str]] = {}
        for messages in [
            row["messages"] for row in await self.observer.fetch("SELECT messages FROM outbox ORDER BY id")
        ]:
            for topic, key, value in zip(messages[::4], messages[1::4], messages[2::4], strict=True):
                if topic == b"decisions":
                    told.setdefault(key.decode(), []).append(orjson.loads(value)["data"]["decision_id"])
        decided: dict[str, list[str]] = {}
        for row in rows:
            decided.setdefault(row["patch_id"], []).append(row["decision_id"])
        assert told == decided


def status_and_type(response: httpx2.Response) -> tuple[int, str | None]:
    """An answer in short: its status and, of a problem, the type."""
    told = response.json().get("type") if response.status_code >= 400 else None
    return response.status_code, told and told.removeprefix("/problems/")
