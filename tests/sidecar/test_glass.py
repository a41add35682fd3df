"""Breaking the glass: approving alone what needs several, and who looks at it afterwards."""

from __future__ import annotations

import httpx2
import pytest

from hitl_stream.review.role import DEMO_PEOPLE, Role
from tests.sidecar.conftest import Upstream, bearer
from tests.sidecar.deciding import say


async def review(client: httpx2.AsyncClient, who: str) -> int:
    """What a review of the broken glass by this person is answered with."""
    body = {"comment": "it was right to do so", "reviews_glass": True}
    return (await client.post("/hitl/patches/p-1/comment", headers=bearer(who), json=body)).status_code


async def waiting(client: httpx2.AsyncClient) -> str:
    """The metric of what nobody reviewed yet."""
    lines = (await client.get("/metrics")).text.splitlines()
    return next(line for line in lines if line.startswith("hitl_glass_unreviewed "))


async def test_the_glass_can_be_broken_by_who_may_for_a_reason(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(vulnerability__severity="critical")
    glass = {"break_glass": True, "comment": "exploited in the wild"}
    assert (await say(client, "alice", "approve", glass)).status_code == 403
    assert (await say(client, "carol", "approve", {"break_glass": True})).status_code == 422
    assert (await say(client, "carol", "approve", {"break_glass": "yes"})).status_code == 422
    done = await say(client, "carol", "approve", glass)
    assert (done.json()["decision"], done.json()["approvals"]) == ("approved", ["carol"])
    shown = (await client.get("/hitl/patches/p-1")).json()
    assert {"glass_broken", "approved"} <= {entry["action"] for entry in shown["history"]}
    assert shown["glass_broken_by"] == "carol"


async def test_who_may_not_break_the_glass_is_told_so_before_anything_of_the_patch(
    client: httpx2.AsyncClient, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DEMO_PEOPLE, "gwen", (Role.BREAK_GLASS,))
    await upstream.result()  # approved: nothing to decide
    for who, role, body in (("alice", "break-glass", {"break_glass": True}), ("gwen", "reviewer", {})):
        refused = [await say(client, who, "approve", body), await say(client, who, "approve", body, seen='"99"')]
        refused.append(await client.post("/hitl/patches/nobody/approve", headers=bearer(who), json=body))
        assert [one.status_code for one in refused] == [403, 403, 403]
        assert {one.json()["detail"] for one in refused} == {f"This needs one of these roles: {role}."}
    assert (await say(client, "carol", "approve", {"break_glass": True, "comment": "fire"})).status_code == 409


async def test_who_broke_the_glass_is_reviewed_by_somebody_else(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(vulnerability__severity="critical")
    assert await review(client, "alice") == 409
    await say(client, "carol", "approve", {"break_glass": True, "comment": "exploited in the wild"})
    assert await waiting(client) == "hitl_glass_unreviewed 1.0"
    assert await review(client, "carol") == 403
    assert await review(client, "alice") == 201
    assert await waiting(client) == "hitl_glass_unreviewed 0.0"
    assert (await client.get("/hitl/patches/p-1")).json()["glass_broken_by"] is None
    assert await review(client, "bob") == 409


async def test_nobody_reviews_the_glass_that_they_broke_by_reviewing_anothers(
    client: httpx2.AsyncClient, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DEMO_PEOPLE, "gwen", (Role.REVIEWER, Role.BREAK_GLASS))
    await upstream.result(vulnerability__severity="critical", patch__author="somebody")
    for who in ("carol", "gwen"):  # an author whom nobody knows needs one more
        await say(client, who, "approve", {"break_glass": True, "comment": "exploited in the wild"})
    assert (await client.get("/hitl/patches/p-1")).json()["state"] == "approved"
    assert (await review(client, "carol"), await waiting(client)) == (201, "hitl_glass_unreviewed 1.0")
    assert (await client.get("/hitl/patches/p-1")).json()["glass_broken_by"] == "carol"
    assert (await review(client, "carol"), await waiting(client)) == (403, "hitl_glass_unreviewed 1.0")
    assert (await review(client, "gwen"), await waiting(client)) == (201, "hitl_glass_unreviewed 0.0")
