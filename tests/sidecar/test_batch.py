"""Many patches with one request: every rule holds for each, a dry run says exactly what would happen and changes nothing."""

from __future__ import annotations

from typing import Any

import asyncpg
import httpx2
import pytest

from hitl_stream.store import command
from tests.sidecar.conftest import Upstream, bearer


async def send(client: httpx2.AsyncClient, body: Any, who: str = "alice", **headers: str) -> httpx2.Response:
    return await client.post("/hitl/patches/batch", headers={**bearer(who), **headers}, json=body)


async def crowd(upstream: Upstream) -> list[dict[str, Any]]:
    """Patches in every situation, each as a reviewer would name it."""
    wanted: dict[str, dict[str, Any]] = {
        "good": {"ml__confidence": 0.9},
        "critical": {"vulnerability__severity": "critical"},
        "mine": {"ml__confidence": 0.9, "patch__author": "alice"},
        "stale": {"ml__confidence": 0.9},
        "approved": {},
    }
    for name, changes in wanted.items():
        await upstream.result(f"e-{name}", patch_id=name, apv_id=f"A-{name}", patch__diff=f"diff {name}", **changes)
    await upstream.result(
        "e-more",
        patch_id="stale",
        apv_id="A-stale",
        patch__diff="diff stale",
        ml__confidence=0.8,
        wargame__run_id="r-2",
    )
    versions = {"approved": '"1"', "nobody": '"1"', "unnamed": None}
    return [
        {"patch_id": name, "version": versions.get(name, '"1"')}
        for name in ("stale", "good", "nobody", "critical", "approved", "mine")
    ] + [{"patch_id": "good2"}]


async def snapshot(database: str) -> list[Any]:
    conn = await asyncpg.connect(database)
    try:
        return [
            [tuple(row) for row in await conn.fetch(f"SELECT * FROM {table} ORDER BY 1, 2")]
            for table in ("patch", "decision", "vote", "action", "outbox")
        ]
    finally:
        await conn.close()


def outcomes(response: httpx2.Response) -> list[tuple[str, int, str]]:
    assert response.status_code == 200, response.text
    return [(one["patch_id"], one["status"], one["outcome"]) for one in response.json()["results"]]


EXPECTED = [
    ("stale", 412, "skipped"),
    ("good", 200, "approved"),
    ("nobody", 404, "skipped"),
    ("critical", 200, "approval_given"),
    ("approved", 409, "skipped"),
    ("mine", 403, "skipped"),
    ("good2", 404, "skipped"),
]


async def test_a_dry_run_says_what_will_happen_and_changes_nothing(
    client: httpx2.AsyncClient, upstream: Upstream, database: str
) -> None:
    items = await crowd(upstream)
    before = await snapshot(database)
    dry = await send(client, {"action": "approve", "dry_run": True, "items": items})
    assert dry.json()["dry_run"] is True
    assert await snapshot(database) == before
    would = {"approved": "would_approve", "approval_given": "would_give_approval", "skipped": "skipped"}
    told = [(name, status, would[outcome]) for name, status, outcome in EXPECTED]
    assert outcomes(dry) == told
    assert dry.json()["results"][0]["problem"]["type"] == "/problems/stale-version"
    done = await send(client, {"action": "approve", "items": items})
    assert outcomes(done) == EXPECTED
    assert [one["problem"]["type"] for one in done.json()["results"] if "problem" in one] == [
        one["problem"]["type"] for one in dry.json()["results"] if "problem" in one
    ]


@pytest.mark.parametrize(
    ("said", "kept"),
    [({"reason": "by hand"}, "by hand"), ({"reason": "by hand", "comment": "twice"}, "twice"), ({}, None)],
)
async def test_what_is_said_of_approvals_is_kept(
    client: httpx2.AsyncClient, upstream: Upstream, database: str, said: dict[str, str], kept: str | None
) -> None:
    items = await crowd(upstream)
    await send(client, {"action": "approve", "items": items, **said})
    conn = await asyncpg.connect(database)
    rows = await conn.fetch("SELECT comment FROM decision WHERE mode = 'human' AND decision = 'approved'")
    await conn.close()
    assert [row["comment"] for row in rows] == [kept]


async def test_a_rejection_of_many_has_one_reason(
    client: httpx2.AsyncClient, upstream: Upstream, database: str
) -> None:
    items = await crowd(upstream)
    assert (await send(client, {"action": "reject", "items": items})).status_code == 422
    done = await send(
        client, {"action": "reject", "reason": "all wrong", "presets": ["incomplete_fix"], "items": items}
    )
    assert [name for name, status, _ in outcomes(done) if status == 200] == ["good", "critical", "mine"]
    conn = await asyncpg.connect(database)
    rows = await conn.fetch("SELECT patch_id, comment, reject_reasons FROM decision WHERE mode = 'human' ORDER BY 1")
    await conn.close()
    assert [tuple(row) for row in rows] == [
        (name, "all wrong", ["incomplete_fix"]) for name in ("critical", "good", "mine")
    ]


async def test_a_repeated_batch_gets_the_same_answer(
    client: httpx2.AsyncClient, upstream: Upstream, database: str
) -> None:
    body = {"action": "approve", "items": await crowd(upstream)}
    first = await send(client, body, **{"Idempotency-Key": "k-1"})
    before = await snapshot(database)
    again = await send(client, body, **{"Idempotency-Key": "k-1"})
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    assert await snapshot(database) == before


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"action": "revoke", "items": [{"patch_id": "p"}]},
        {"action": []},
        {"action": {}, "items": [{"patch_id": "p"}]},
        {"action": "approve", "items": [{"patch_id": "p"}], "comment": 7},
        {"action": "approve", "items": [{"patch_id": "p"}], "presets": ["No Name"]},
        {"action": "approve"},
        {"action": "approve", "items": []},
        {"action": "approve", "items": [{"patch_id": f"p-{n}"} for n in range(501)]},
        {"action": "approve", "items": [{"patch_id": "p"}, {"patch_id": "p", "version": '"2"'}]},
        {"action": "approve", "items": [{"version": '"1"'}]},
        {"action": "approve", "items": [{"patch_id": 7}]},
        {"action": "approve", "items": [{"patch_id": "p", "version": 7}]},
        {"action": "approve", "items": ["p"]},
        {"action": "approve", "items": [{"patch_id": "p"}], "dry_run": "yes"},
        [],
    ],
)
async def test_what_is_no_batch_is_refused_as_a_whole(client: httpx2.AsyncClient, body: Any) -> None:
    assert (await send(client, body)).status_code == 422


async def test_an_item_that_loses_a_race_is_skipped_and_the_rest_is_done(
    client: httpx2.AsyncClient, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        await upstream.result(f"e-{name}", patch_id=name, apv_id=f"A-{name}", patch__diff=name, ml__confidence=0.9)
    approve = command.approve

    async def overtaken(conn: Any, patch_id: str, *arguments: Any, **named: Any) -> Any:
        if patch_id == "b":
            given = {"patch_id": "b", "apv_id": "A-b", "patch__diff": "b", "ml__confidence": 0.8}
            await upstream.result("e-more", wargame__run_id="r-2", **given)
        return await approve(conn, patch_id, *arguments, **named)

    monkeypatch.setattr(command, "approve", overtaken)
    items = [{"patch_id": name, "version": '"1"'} for name in ("a", "b", "c")]
    done = await send(client, {"action": "approve", "items": items})
    assert outcomes(done) == [("a", 200, "approved"), ("b", 412, "skipped"), ("c", 200, "approved")]


async def test_a_batch_of_five_hundred_is_one_answer(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    items = [{"patch_id": f"p-{n}", "version": '"1"'} for n in range(500)]
    for n in range(0, 500, 100):
        await upstream.result(f"e-{n}", patch_id=f"p-{n}", apv_id=f"A-{n}", ml__confidence=0.9)
    statuses = [status for _, status, _ in outcomes(await send(client, {"action": "approve", "items": items}))]
    assert (statuses.count(200), statuses.count(404)) == (5, 495)
