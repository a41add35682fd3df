"""What needs my approval as well: approved by somebody, not by me, and not mine."""

from __future__ import annotations

import asyncpg
import httpx2

from tests.sidecar.conftest import Upstream, bearer
from tests.sidecar.deciding import decide

CRITICAL = {"vulnerability__severity": "critical"}


async def needing(client: httpx2.AsyncClient, who: str, query: str = "") -> list[str]:
    response = await client.get(f"/hitl/patches/pending?needs=me{query}", headers=bearer(who))
    assert response.status_code == 200
    return [card["patch_id"] for card in response.json()]


async def test_it_is_theirs_who_did_not_approve_and_did_not_make_it(
    client: httpx2.AsyncClient, upstream: Upstream
) -> None:
    await upstream.result("e-1", **CRITICAL)
    await upstream.result("e-2", patch_id="p-2", apv_id="A-2", patch__diff="two", **CRITICAL)
    assert await needing(client, "bob") == []
    assert (await decide(client, "p-1", "approve")).json()["state"] == "pending"
    assert [await needing(client, who) for who in ("alice", "bob", "carol")] == [[], ["p-1"], ["p-1"]]
    assert await needing(client, "bob", "&claimed=nobody") == ["p-1"]
    assert await needing(client, "bob", "&severity=low") == []
    facets = (await client.get("/hitl/queue/facets")).json()["facets"]
    assert facets["approvals"] == {"some": 1}
    assert (await decide(client, "p-1", "approve", "bob")).json()["state"] == "approved"
    assert await needing(client, "carol") == []


async def test_who_gave_theirs_holds_it_no_longer(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result("e-1", **CRITICAL)
    await client.post("/hitl/patches/p-1/claim", headers=bearer("alice"))
    assert await needing(client, "bob", "&turn=me") == []
    assert (await decide(client, "p-1", "approve")).json()["state"] == "pending"
    assert await needing(client, "bob", "&turn=me") == ["p-1"]
    # Somebody else's claim is theirs.
    await client.post("/hitl/patches/p-1/claim", headers=bearer("carol"))
    assert (await decide(client, "p-1", "approve", "bob")).json()["state"] == "approved"
    await upstream.result("e-2", patch_id="p-2", apv_id="A-2", patch__diff="two", **CRITICAL)
    await client.post("/hitl/patches/p-2/claim", headers=bearer("carol"))
    await decide(client, "p-2", "approve", "bob")
    assert (await client.get("/hitl/patches/p-2")).json()["claimed_by"] == "carol"


async def test_what_became_enough_is_their_turn_again_who_approved(
    client: httpx2.AsyncClient, upstream: Upstream, database: str
) -> None:
    await upstream.result("e-1", **CRITICAL)
    assert (await decide(client, "p-1", "approve")).json()["state"] == "pending"
    assert await needing(client, "alice", "&turn=me") == []
    assert (await decide(client, "p-1", "approve")).status_code == 409
    owner = await asyncpg.connect(database)
    await owner.execute("UPDATE approval_rule SET needed = 1")
    await owner.close()
    mine = await client.get("/hitl/patches/pending?turn=me", headers=bearer("alice"))
    assert [(card["approvals"], card["approvals_required"]) for card in mine.json()] == [(["alice"], 1)]
    answer = (await decide(client, "p-1", "approve")).json()
    assert (answer["state"], answer["approvals"], answer["approvals_required"]) == ("approved", ["alice"], 1)


async def test_an_author_is_not_asked(client: httpx2.AsyncClient, upstream: Upstream, database: str) -> None:
    await upstream.result("e-1", patch__author="bob", **CRITICAL)
    await decide(client, "p-1", "approve")
    assert await needing(client, "bob") == []
    assert await needing(client, "carol") == ["p-1"]


async def test_new_evidence_takes_the_approval_away(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result("e-1", wargame__expected_results=2, **CRITICAL)
    await upstream.result("e-2", wargame__expected_results=2, wargame__run_id="r-2", **CRITICAL)
    await decide(client, "p-1", "approve")
    assert await needing(client, "bob") == ["p-1"]
    await upstream.result("e-3", wargame__expected_results=2, wargame__run_id="r-3", **CRITICAL)
    assert await needing(client, "bob") == []
    assert "approvals" not in (await client.get("/hitl/queue/facets")).json()["facets"]


async def test_an_approval_of_who_lost_the_role_is_none(
    client: httpx2.AsyncClient, upstream: Upstream, database: str
) -> None:
    await upstream.result("e-1", **CRITICAL)
    await decide(client, "p-1", "approve")
    owner = await asyncpg.connect(database)
    await owner.execute("UPDATE access_group_role SET group_name = 'others' WHERE group_name = 'demo-reviewer'")
    await owner.close()
    assert await needing(client, "victor") == []


async def test_anything_else_is_refused(client: httpx2.AsyncClient) -> None:
    response = await client.get("/hitl/patches/pending?needs=bob")
    assert (response.status_code, response.json()["type"]) == (422, "/problems/invalid-query")


async def test_it_is_nobodys_turn_who_approved_or_where_somebody_else_holds_it(
    client: httpx2.AsyncClient, upstream: Upstream
) -> None:
    for number in (1, 2, 3):
        await upstream.result(f"e-{number}", patch_id=f"p-{number}", apv_id=f"A-{number}", **CRITICAL)
    await decide(client, "p-1", "approve")
    await client.post("/hitl/patches/p-2/claim", headers=bearer("bob"))

    async def turn(who: str) -> set[str]:
        response = await client.get("/hitl/patches/pending?turn=me", headers=bearer(who))
        return {card["patch_id"] for card in response.json()}

    assert await turn("alice") == {"p-3"}
    assert await turn("bob") == {"p-1", "p-2", "p-3"}
    assert await turn("carol") == {"p-1", "p-3"}
    assert (await client.get("/hitl/patches/pending?turn=bob")).status_code == 422
