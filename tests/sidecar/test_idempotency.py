"""Idempotency-Key: the same request again gets the same answer and does nothing; looked up before the patch is."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import httpx2

from hitl_stream.store import command, idempotency
from hitl_stream.store.database import Connection
from tests.sidecar.conftest import Upstream, bearer
from tests.sidecar.deciding import version


async def send(
    client: httpx2.AsyncClient,
    key: str,
    seen: str | None,
    body: Any = None,
    who: str = "alice",
    action: str = "approve",
) -> httpx2.Response:
    headers = {**bearer(who), "Idempotency-Key": key, **({} if seen is None else {"If-Match": seen})}
    sent = [(name.encode(), value.encode()) for name, value in headers.items()]
    return await client.post(f"/hitl/patches/p-1/{action}", headers=sent, json=body)


async def count(database: str, table: str) -> int:
    conn = await asyncpg.connect(database)
    try:
        return int(await conn.fetchval(f"SELECT count(*) FROM {table}"))
    finally:
        await conn.close()


async def test_a_repeated_request_gets_the_same_answer_and_does_nothing(
    client: httpx2.AsyncClient, upstream: Upstream, database: str
) -> None:
    await upstream.result(ml__confidence=0.9)
    seen = await version(client)
    first = await send(client, "k-1", seen, {"comment": "fine"})
    before = await count(database, "outbox"), await count(database, "audit_entry")
    for sent in (seen, '"99"', None):  # looked up before If-Match
        again = await send(client, "k-1", sent, {"comment": "fine"})
        assert (again.status_code, again.content) == (200, first.content)
        assert again.headers["etag"] == first.headers["etag"]
        assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert (await count(database, "outbox"), await count(database, "audit_entry")) == before


async def test_a_key_is_for_one_request_of_one_person(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(vulnerability__severity="critical")
    assert (await send(client, "k-1", await version(client))).status_code == 200
    other = await send(client, "k-1", await version(client), {"comment": "other"})
    assert (other.status_code, other.json()["type"]) == (422, "/problems/idempotency-key-reused")
    other = await send(client, "k-1", await version(client), None, action="reject")
    assert other.status_code == 422
    bobs = await send(client, "k-1", await version(client), None, who="bob")
    assert bobs.json()["decision"] == "approved"


async def test_a_key_is_forgotten_after_a_day_whether_or_not_the_scheduler_runs(
    client: httpx2.AsyncClient, upstream: Upstream, database: str
) -> None:
    await upstream.result(vulnerability__severity="critical")
    assert (await send(client, "k-1", await version(client))).json()["decision"] is None
    owner = await asyncpg.connect(database)
    await owner.execute("UPDATE idempotency SET created_at = now() - interval '25 hours'")
    await owner.close()
    again = await send(client, "k-1", await version(client), {"reason": "no"}, action="reject")
    assert again.json()["decision"] == "rejected"
    assert (await send(client, "k-1", None, {"reason": "no"}, action="reject")).content == again.content


async def test_a_refusal_is_not_kept(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(ml__confidence=0.9)
    assert (await send(client, "k-1", '"99"')).status_code == 412
    assert (await send(client, "k-1", await version(client))).status_code == 200


async def test_a_key_comes_after_the_role(client: httpx2.AsyncClient, upstream: Upstream, database: str) -> None:
    await upstream.result(ml__confidence=0.9)
    await send(client, "k-1", await version(client))
    owner = await asyncpg.connect(database)
    await owner.execute("DELETE FROM access_group_role")
    await owner.close()
    assert (await send(client, "k-1", None)).status_code == 403


async def test_an_odd_key_is_refused(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(ml__confidence=0.9)
    seen = await version(client)
    for key in ("", "x" * 256, "a\tb", "\u00e9"):
        response = await send(client, key, seen)
        assert (response.status_code, response.json()["type"]) == (422, "/problems/invalid-idempotency-key")


async def test_while_the_first_is_answered_the_second_is_told_to_wait(
    client: httpx2.AsyncClient, upstream: Upstream, monkeypatch: Any
) -> None:
    await upstream.result(ml__confidence=0.9)
    seen, reached, go = await version(client), asyncio.Event(), asyncio.Event()
    approve = command.approve

    async def slow(conn: Connection, *arguments: Any, **named: Any) -> Any:
        reached.set()
        await go.wait()
        return await approve(conn, *arguments, **named)

    monkeypatch.setattr(command, "approve", slow)
    first = asyncio.create_task(send(client, "k-1", seen))
    await reached.wait()
    second = await send(client, "k-1", seen)
    assert (second.status_code, second.json()["type"]) == (409, "/problems/idempotency-key-in-flight")
    assert int(second.headers["retry-after"]) > 0
    go.set()
    assert (await first).status_code == 200
    assert (await send(client, "k-1", seen)).content == (await first).content


async def test_what_cannot_be_kept_is_not_done(
    client: httpx2.AsyncClient, upstream: Upstream, monkeypatch: Any, database: str
) -> None:
    await upstream.result(ml__confidence=0.9)

    async def fail(*_: object) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(idempotency, "keep", fail)
    failed = await send(client, "k-1", await version(client))
    assert (failed.status_code, failed.json()["type"]) == (500, "/problems/internal-error")
    assert failed.headers["x-request-id"]
    assert failed.headers["x-content-type-options"] == "nosniff"
    assert await count(database, "decision") == 0
    assert (await client.get("/hitl/patches/p-1")).json()["state"] == "pending"
