"""The audit over HTTP: every entry once, newest first, by any filter; exported whole, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from typing import Any
from urllib.parse import quote

import httpx2
import orjson
import pytest

from tests.sidecar.conftest import Upstream, bearer

MEMBERS = [
    "at", "actor", "role", "action", "patch_id", "round", "seq", "patch_digest", "evidence_digest", "policy_version",
    "justification", "request_id",
]  # fmt: skip


async def ask(client: httpx2.AsyncClient, query: str = "", who: str = "otto") -> httpx2.Response:
    return await client.get(f"/hitl/audit?{query}", headers=bearer(who))


async def entries(client: httpx2.AsyncClient, query: str = "") -> list[dict[str, Any]]:
    response = await ask(client, query)
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()
    return found


async def history(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    """Two patches: one approved by policy, one by two people after a comment and a claim."""
    await upstream.result("e-1", patch_id="p-1", apv_id="A-1")
    await upstream.result("e-2", patch_id="p-2", apv_id="A-2", patch__diff="two", vulnerability__severity="critical")
    await client.post("/hitl/patches/p-2/claim")
    await client.post("/hitl/patches/p-2/comment", json={"comment": "=1+1"}, headers={"X-Request-Id": "req-7"})
    for who in ("alice", "bob"):
        shown = await client.get("/hitl/patches/p-2", headers=bearer(who))
        seen = {**bearer(who), "If-Match": shown.headers["etag"]}
        assert (await client.post("/hitl/patches/p-2/approve", headers=seen)).status_code == 200


async def test_every_entry_is_there_newest_first(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await history(client, upstream)
    found = await entries(client)
    assert [(entry["actor"], entry["action"], entry["patch_id"]) for entry in found] == [
        ("bob", "approved", "p-2"),
        ("alice", "approval_given", "p-2"),
        ("alice", "commented", "p-2"),
        ("alice", "claimed", "p-2"),
        ("policy", "review_opened", "p-2"),
        ("policy", "approved", "p-1"),
    ]
    assert all(set(MEMBERS) <= set(entry) for entry in found)
    assert [entry["at"] for entry in found] == sorted((entry["at"] for entry in found), reverse=True)
    assert found[2]["justification"] == "=1+1"
    assert (found[2]["request_id"], found[2]["role"]) == ("req-7", "reviewer")
    assert found[0]["detail"]["approvers"] == ["alice", "bob"]
    assert found[0]["patch_digest"].startswith("sha256:")


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("patch_id=p-1", 1),
        ("patch_id=p-2", 5),
        ("patch_id=p-3", 0),
        ("actor=alice", 3),
        ("actor=policy", 2),
        ("action=approved", 2),
        ("action=approved&actor=bob", 1),
        ("patch_id=p-2&actor=alice&action=claimed", 1),
        ("policy_version=1", 6),
        ("policy_version=2", 0),
        ("since=2020-01-01T00:00:00Z&until=2999-01-01", 6),
        ("until=2020-01-01T00:00:00Z", 0),
        ("since=2020-01-01t00:00:00z", 6),
        ("since=2999-01-01T00:00:00%2B02:00", 0),
        ("action=viewed", 2),
        ("action=viewed&actor=bob", 1),
        ("action=viewed&patch_id=p-1", 0),
        ("action=viewed&policy_version=1", 0),
    ],
)
async def test_filters_combine(client: httpx2.AsyncClient, upstream: Upstream, query: str, count: int) -> None:
    await history(client, upstream)
    assert len(await entries(client, query)) == count


@pytest.mark.parametrize("query", ["", "patch_id=p-2", "action=viewed"])
async def test_pages_hold_every_entry_once(client: httpx2.AsyncClient, upstream: Upstream, query: str) -> None:
    await history(client, upstream)
    whole, paged, following = await entries(client, query), [], f"/hitl/audit?{query}&limit=1"
    while following:
        response = await client.get(following, headers=bearer("otto"))
        paged += response.json()
        link = re.fullmatch('<(.*)>; rel="next"', response.headers.get("link", ""))
        following = link[1] if link else ""
    assert paged == whole


async def test_an_export_honours_the_filters(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await history(client, upstream)
    lines = await ask(client, "format=jsonl&patch_id=p-2")
    assert [orjson.loads(line) for line in lines.content.splitlines()] == await entries(client, "patch_id=p-2")
    sheet = await ask(client, "format=csv&actor=alice")
    head, *rows = list(csv.reader(io.StringIO(sheet.text)))
    assert set(MEMBERS) <= set(head)
    assert [row[head.index("action")] for row in rows] == ["approval_given", "commented", "claimed"]
    assert rows[1][head.index("justification")] == "'=1+1", (
        "a formula for a spreadsheet, were it not for the apostrophe"
    )
    assert sheet.headers["content-type"].startswith("text/csv")


@pytest.mark.parametrize(
    "query",
    [
        "since=yesterday", "until=2026-13-01", "policy_version=x", "actor=a&actor=b", "format=xml", "limit=0", "limit=201",
        "cursor=garbage", "actr=x", "patch_id=a%00b", "actor=%FF",
    ],
)  # fmt: skip
async def test_a_query_that_cannot_be_read_is_refused(client: httpx2.AsyncClient, query: str) -> None:
    assert (await ask(client, query)).status_code == 422


async def test_hostile_text_returns_as_it_is(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    odd = "a/b %2F\u202e 'x' --"
    await upstream.result("e-1", patch_id=odd, apv_id="A-1")
    (entry,) = await entries(client, f"patch_id={quote(odd, safe='')}")
    assert entry["patch_id"] == odd
