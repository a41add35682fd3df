"""A person's word over HTTP: on the version that was seen, for a reason, once; refused in the order of the contract."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import httpx2

from tests.event import DIFF, DROP
from tests.sidecar.conftest import Upstream
from tests.sidecar.deciding import version

DIGEST = f"sha256:{sha256(DIFF.encode()).hexdigest()}"
REASON = {"reason": "The hole is still open.", "presets": ["incomplete_fix"]}


async def decide(
    client: httpx2.AsyncClient, action: str, seen: str | None, body: Any = None, patch_id: str = "p-1"
) -> httpx2.Response:
    headers = {} if seen is None else {"If-Match": seen}
    return await client.post(f"/hitl/patches/{patch_id}/{action}", headers=headers, json=body)


async def test_an_approval_opens_the_gate(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(ml__confidence=0.9)
    response = await decide(client, "approve", await version(client), {"comment": "fine"})
    assert response.status_code == 200
    body = response.json()
    assert list(body) == [
        "decision_id", "patch_id", "round", "decision", "state", "approvals", "approvals_required", "decided_at",
    ]  # fmt: skip
    assert (body["decision"], body["state"], body["approvals"]) == ("approved", "approved", ["alice"])
    assert response.headers["etag"] == await version(client)
    gate = (await client.get(f"/hitl/patches/p-1/gate?digest={DIGEST}")).json()
    assert (gate["deployable"], gate["decision_id"]) == (True, body["decision_id"])
    shown = (await client.get("/hitl/patches/p-1")).json()
    assert shown["approvals"] == ["alice"]
    assert [entry["justification"] for entry in shown["history"] if entry["action"] == "approved"] == ["fine"]


async def test_a_rejection_keeps_it_shut_for_good(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(ml__confidence=0.9)
    assert (await decide(client, "reject", await version(client), REASON)).json()["decision"] == "rejected"
    await upstream.result("e-2", wargame__run_id="run-2")
    gate = (await client.get(f"/hitl/patches/p-1/gate?digest={DIGEST}")).json()
    assert (gate["deployable"], gate["reason"]) == (False, "rejected")
    assert (await client.get("/hitl/patches/pending")).json() == []


async def test_a_decision_needs_the_version_that_was_seen(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(ml__confidence=0.9)
    response = await decide(client, "approve", None)
    assert (response.status_code, response.json()["type"]) == (428, "/problems/version-required")


async def test_new_evidence_makes_the_version_stale(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(ml__confidence=0.9)
    seen = await version(client)
    await upstream.result("e-2", ml__confidence=0.2, wargame__run_id="run-2")
    response = await decide(client, "approve", seen)
    assert response.status_code == 412
    problem = response.json()
    assert (problem["type"], problem["changed"]) == ("/problems/stale-version", ["evidence"])
    assert problem["version"] == await version(client)


async def test_what_is_not_one_strong_tag_matches_nothing(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(ml__confidence=0.9)
    for seen in ("*", 'W/"1"', "1", '"1", "2"', '"01"', '"999999999999999999999"', ""):
        assert (await decide(client, "approve", seen)).status_code == 412


async def test_it_is_refused_in_the_order_of_the_contract(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    assert (await decide(client, "reject", None, {}, "nobody")).status_code == 404
    await upstream.result()  # approved: nothing to decide
    assert (await decide(client, "reject", None, {})).status_code == 428
    assert (await decide(client, "reject", '"99"', {})).status_code == 412
    assert (await decide(client, "reject", await version(client), {})).status_code == 409


NO_REASON: list[Any] = [
    {},
    {"reason": ""},
    {"reason": " \u00a0\u2003\n"},
    {"reason": "\x1f\x7f\x85"},
    {"reason": "\u200b\u2060\ufeff\u202e"},
    {"reason": "\u034f\u061c\u115f\u17b4\u180b\u2800\u3164\ufe0f\uffa0\ufff9\U000e0041"},
    {"reason": " \n"},
    {"reason": 7},
    {"reason": "a\u0000b"},
    {"reason": "x" * 10_001},
    {"reason": "ok", "presets": "incomplete_fix"},
    {"reason": "ok", "presets": ["Not A Name"]},
    ["reason"],
    "reason",
]


async def test_a_rejection_needs_a_reason(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(ml__confidence=0.9)
    for body in NO_REASON:
        assert (await decide(client, "reject", await version(client), body)).status_code == 422
    assert (await client.get("/hitl/patches/p-1")).json()["state"] == "pending"


async def test_without_a_diff_nobody_can_approve(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(patch__diff=DROP)
    response = await decide(client, "approve", await version(client))
    assert (response.status_code, response.json()["type"]) == (409, "/problems/artefact-unknown")


async def test_a_second_decision_finds_the_version_stale(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(ml__confidence=0.9)
    seen = await version(client)
    assert (await decide(client, "approve", seen)).status_code == 200
    again = await decide(client, "reject", seen, REASON)
    assert (again.status_code, again.json()["changed"]) == (412, ["decision"])
    assert (again.json()["decision"], again.json()["decided_by"]) == ("approved", "alice")
    again = await decide(client, "reject", await version(client), REASON)
    assert again.status_code == 409
    assert (again.json()["decision"], again.json()["decided_by"]) == ("approved", "alice")
    assert again.json()["decided_at"].endswith("Z")


async def test_a_body_without_end_is_refused(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(ml__confidence=0.9)
    response = await decide(client, "reject", await version(client), {"reason": "x" * 100_000})
    assert response.status_code == 413
