"""People over HTTP: who may approve what, how many it needs, who holds a review, and what is said besides."""

from __future__ import annotations

import time
from typing import Any

import asyncpg
import httpx2
import pytest

from hitl_stream.store import review
from tests.sidecar.conftest import ISSUER, Upstream, bearer
from tests.sidecar.deciding import say, version


async def test_critical_needs_two_people_and_shows_who_approved(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(vulnerability__severity="critical")
    first = await say(client, "alice", "approve", {"comment": "fine"})
    assert first.status_code == 200
    body = first.json()
    assert (body["decision"], body["state"], body["decision_id"]) == (None, "pending", None)
    assert (body["approvals"], body["approvals_required"]) == (["alice"], 2)
    (card,) = (await client.get("/hitl/patches/pending")).json()
    assert (card["approvals"], card["approvals_required"], card["version"]) == (["alice"], 2, first.headers["etag"])
    again = await say(client, "alice", "approve")
    assert (again.status_code, again.json()["detail"]) == (409, "alice approved this already")
    second = await say(client, "bob", "approve")
    assert (second.json()["decision"], second.json()["approvals"]) == ("approved", ["alice", "bob"])
    shown = (await client.get("/hitl/patches/p-1")).json()
    assert (shown["approvals"], shown["approvals_required"]) == (["alice", "bob"], 2)


async def test_what_is_critical_needs_a_fresh_login(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(vulnerability__severity="critical")
    old = ISSUER.token("alice", now=int(time.time()) - 301)
    response = await say(client, "alice", "approve", Authorization=f"Bearer {old}")
    assert (response.status_code, response.json()["type"]) == (401, "/problems/login-too-old")
    assert 'error="insufficient_user_authentication", max_age="300"' in response.headers["www-authenticate"]
    assert (await say(client, "alice", "approve")).status_code == 200


async def test_nobody_approves_their_own_patch(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(patch__author="alice", ml__confidence=0.9)
    shown = (await client.get("/hitl/patches/p-1")).json()
    assert shown["own"] is True
    assert shown["authors"] == [{"source": "/wargaming/crisol", "author": "alice", "kind": "unknown", "person": None}]
    response = await say(client, "alice", "approve")
    assert (response.status_code, response.json()["detail"]) == (403, "nobody approves a patch of their own")
    assert (await client.get("/hitl/patches/p-1", headers=bearer("bob"))).json()["own"] is False
    assert (await say(client, "alice", "reject", {"reason": "mine is wrong"})).status_code == 200


async def test_a_role_that_is_taken_away_ends_with_the_next_request(
    client: httpx2.AsyncClient, upstream: Upstream, database: str
) -> None:
    await upstream.result(ml__confidence=0.9)
    seen = await version(client)
    owner = await asyncpg.connect(database)
    await owner.execute("DELETE FROM access_group_role WHERE group_name = 'demo-reviewer'")
    await owner.close()
    assert (await say(client, "alice", "approve", seen=seen)).status_code == 403


async def test_who_never_read_the_card_hears_what_moved_it_last(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(vulnerability__severity="critical", wargame__expected_results=2, ml__confidence=0.9)

    async def told() -> Any:
        stale = await say(client, "carol", "reject", {"reason": "no"}, seen='"0"')
        assert stale.status_code == 412
        return stale.json()["changed"]

    assert await told() == ["evidence"]
    await upstream.result("e-2", vulnerability__severity="critical", wargame__run_id="run-2", ml__confidence=0.9)
    assert await told() == ["evidence"]
    await say(client, "alice", "approve")
    assert await told() == ["approvals"]
    await say(client, "bob", "approve")
    assert await told() == ["decision"]


async def test_what_changed_since_one_looked_is_said(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(vulnerability__severity="critical", wargame__expected_results=2, ml__confidence=0.9)
    await upstream.result("e-2", vulnerability__severity="critical", wargame__run_id="run-2", ml__confidence=0.9)
    first = (await client.get("/hitl/patches/p-1")).json()
    assert first["since_last_look"] is None
    seen = first["version"]
    assert (await client.get("/hitl/patches/p-1")).json()["since_last_look"]["changed"] == []
    await say(client, "bob", "approve")
    own = await client.post("/hitl/patches/p-1/approve", headers={**bearer("bob"), "If-Match": seen})
    assert (own.status_code, own.json()["changed"]) == (412, ["approvals"])
    stale = await say(client, "alice", "approve", seen=seen)
    assert (stale.status_code, stale.json()["changed"]) == (412, ["approvals"])
    await upstream.result("e-3", vulnerability__severity="critical", wargame__run_id="run-3", ml__confidence=0.9)
    stale = await say(client, "alice", "approve", seen=seen)
    assert (stale.status_code, stale.json()["changed"]) == (412, ["evidence", "approvals"])
    shown = (await client.get("/hitl/patches/p-1")).json()
    assert shown["since_last_look"]["changed"] == ["evidence", "approvals"]
    assert shown["approvals"] == [], "new evidence voids what was approved before it"


async def test_an_approval_is_revoked_and_the_gate_closes(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result()
    digest = (await client.get("/hitl/patches/p-1")).json()["patch"]["patch_digest"]
    assert (await say(client, "alice", "revoke", {})).status_code == 422
    done = await say(client, "alice", "revoke", {"reason": "it breaks the build"})
    assert (done.status_code, done.json()["decision"]) == (200, "revoked")
    gate = (await client.get(f"/hitl/patches/p-1/gate?digest={digest}")).json()
    assert (gate["deployable"], gate["reason"]) == (False, "revoked")
    again = await say(client, "bob", "revoke", {"reason": "too"})
    assert (again.status_code, again.json()["decided_by"]) == (409, "alice")


async def test_an_expired_review_is_opened_again(client: httpx2.AsyncClient, upstream: Upstream, database: str) -> None:
    await upstream.result(ml__confidence=0.9)
    assert (await say(client, "alice", "reopen", {"reason": "again"})).status_code == 409
    owner = await asyncpg.connect(database)
    await owner.execute("UPDATE patch SET state = 'expired', seq = 1, version = version + 1")
    await owner.close()
    done = await say(client, "alice", "reopen", {"reason": "it was a holiday"})
    assert (done.status_code, done.json()["state"]) == (200, "pending")
    (card,) = (await client.get("/hitl/patches/pending")).json()
    assert card["expires_at"] == done.json()["expires_at"]
    stale = await say(client, "bob", "approve", seen='"0"')
    assert (stale.status_code, stale.json()["changed"]) == (412, ["state"])


async def test_what_arrived_while_it_was_expired_is_on_its_card(
    client: httpx2.AsyncClient, upstream: Upstream, database: str
) -> None:
    await upstream.result(vulnerability__severity="low", ml__confidence=0.9)
    owner = await asyncpg.connect(database)
    await owner.execute("UPDATE patch SET state = 'expired', seq = 1, version = version + 1")
    await upstream.result("e-2", vulnerability__severity="critical", ml__confidence=0.9, wargame__run_id="run-2")
    assert (await say(client, "alice", "reopen", {"reason": "look again"})).status_code == 200
    shown = (await client.get("/hitl/patches/p-1")).json()
    assert (shown["vulnerability"]["severity"], shown["approvals_required"], len(shown["results"])) == (
        "critical",
        2,
        2,
    )
    await owner.execute(
        "UPDATE patch SET state = 'expired', seq = 2, version = version + 1, changed_at = changed_at - interval '1 h'"
    )
    refused = await say(client, "alice", "reopen", {"reason": "again"})
    assert (refused.status_code, refused.json()["detail"]) == (409, "evidence came that its card does not show")
    await owner.close()


async def claim(client: httpx2.AsyncClient, who: str, action: str, body: Any = None) -> httpx2.Response:
    return await client.post(f"/hitl/patches/p-1/{action}", headers=bearer(who), json=body)


async def test_a_review_is_claimed_taken_over_and_released(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(ml__confidence=0.9)
    before = await version(client)
    held = await claim(client, "alice", "claim")
    assert (held.status_code, held.json()["claimed_by"]) == (200, "alice")
    assert list(held.json()) == ["patch_id", "claimed_by", "claimed_until"]
    assert (await client.get("/hitl/patches/pending")).json()[0]["claimed_by"] == "alice"
    refused = await claim(client, "bob", "claim")
    assert refused.status_code == 409
    assert "alice holds it until" in refused.json()["detail"]
    assert (await claim(client, "bob", "takeover")).status_code == 422
    assert (await claim(client, "bob", "takeover", {"reason": "alice is ill"})).json()["claimed_by"] == "bob"
    assert (await claim(client, "alice", "release")).status_code == 409
    assert (await claim(client, "bob", "release")).json() == {
        "patch_id": "p-1",
        "claimed_by": None,
        "claimed_until": None,
    }
    assert await version(client) == before, "who holds it is nothing that a decision rests on"


async def test_who_would_hold_what_is_decided_learns_who_decided(
    client: httpx2.AsyncClient, upstream: Upstream
) -> None:
    await upstream.result(ml__confidence=0.9)
    await say(client, "bob", "reject", {"reason": "no"})
    for action, body in (("claim", None), ("takeover", {"reason": "bob is ill"}), ("takeover", {})):
        refused = await claim(client, "alice", action, body)
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/not-pending")
        assert (refused.json()["decision"], refused.json()["decided_by"]) == ("rejected", "bob")


HOSTILE = [
    "<script>alert(1)</script>",
    "\u202eevil\u202c \u200b zero",
    "tab\tline\nbell\u0007 escape\u001b[2J",
    "'; DROP TABLE decision; --",
    "😀" * 255,
    '"quotes" \\ back {} $1 %s',
]


@pytest.mark.parametrize("said", HOSTILE)
async def test_a_comment_returns_as_it_was_said(client: httpx2.AsyncClient, upstream: Upstream, said: str) -> None:
    await upstream.result(ml__confidence=0.9)
    before = await version(client)
    done = await claim(client, "alice", "comment", {"comment": said})
    assert (done.status_code, done.json()["comment"]) == (201, said)
    (kept,) = (await client.get("/hitl/patches/p-1")).json()["comments"]
    assert (kept["comment"], kept["actor"], kept["at"]) == (said, "alice", done.json()["at"])
    assert await version(client) == before


async def test_a_comment_says_something_and_not_too_much(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(ml__confidence=0.9)
    for body in ({}, {"comment": " \n"}, {"comment": 7}, {"comment": "a\0b"}, {"comment": "x" * 10_001}):
        assert (await claim(client, "alice", "comment", body)).status_code == 422
    assert (await claim(client, "alice", "comment", {"comment": "x" * 1_048_576})).status_code == 413
    assert (await client.post("/hitl/patches/nobody/comment", json={"comment": "x"})).status_code == 404
    assert (await client.get("/hitl/patches/p-1")).json()["comments"] == []


async def test_of_too_many_comments_the_latest_are_shown(
    client: httpx2.AsyncClient, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review, "HISTORY_MAX", 2)
    await upstream.result(ml__confidence=0.9)
    for said in ("one", "two", "three"):
        await client.post("/hitl/patches/p-1/comment", json={"comment": said})
    shown = (await client.get("/hitl/patches/p-1")).json()["comments"]
    assert [one["comment"] for one in shown] == ["two", "three"]
