"""What people say about the console is kept, once, and by nobody changed."""

from __future__ import annotations

from typing import Any

import asyncpg
import httpx2
import pytest

from hitl_stream.observe import metrics
from tests.sidecar.conftest import bearer

SAID = {"text": "the diff is <b>slow</b>", "page": "/patch", "build": "0.1.0"}


async def kept(database: str) -> list[tuple[Any, ...]]:
    owner = await asyncpg.connect(database)
    rows = await owner.fetch("SELECT person, text, page, build FROM feedback ORDER BY id")
    await owner.close()
    return [tuple(row) for row in rows]


async def test_it_is_kept_with_who_said_it_and_counted_once(client: httpx2.AsyncClient, database: str) -> None:
    before = metrics.FEEDBACK._value.get()
    headers = {**bearer("victor"), "Idempotency-Key": "once"}
    for _ in range(2):
        response = await client.post("/hitl/feedback", json=SAID, headers=headers)
        assert (response.status_code, response.json()) == (201, {"kept": True})
    assert await kept(database) == [("victor", *SAID.values())]
    assert metrics.FEEDBACK._value.get() == before + 1


@pytest.mark.parametrize(
    "change",
    [{"text": " \u200b"}, {"text": None}, {"text": "x" * 10_001}, {"page": ""}, {"build": "b" * 256}, {"page": 7}],
)
async def test_what_says_nothing_or_too_much_is_refused(
    client: httpx2.AsyncClient, database: str, change: dict[str, Any]
) -> None:
    response = await client.post("/hitl/feedback", json={**SAID, **change})
    assert (response.status_code, response.json()["type"]) == (422, "/problems/invalid-request")
    assert await kept(database) == []


async def test_programs_have_no_opinion(client: httpx2.AsyncClient) -> None:
    assert (await client.post("/hitl/feedback", json=SAID, headers=bearer("eureka-gate"))).status_code == 403


async def test_the_sidecar_can_neither_read_nor_change_it(database: str) -> None:
    conn = await asyncpg.connect(database)
    await conn.execute("SET ROLE hitl_sidecar")
    for attempt in ("SELECT * FROM feedback", "DELETE FROM feedback", "UPDATE feedback SET text = ''"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.execute(attempt)
    await conn.close()
