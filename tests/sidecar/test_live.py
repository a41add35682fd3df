"""Live updates over a real WebSocket: told as it happens, once let in, without a gap, and never too much."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import asyncpg
import httpx2
import pytest
from structlog.testing import capture_logs
from websockets.exceptions import InvalidStatus

from hitl_stream.errors import Unavailable
from hitl_stream.sidecar import hub
from hitl_stream.sidecar.hub import Batch, Client
from hitl_stream.store.live import Change, Listener
from tests.sidecar.conftest import ISSUER, Upstream, bearer
from tests.sidecar.listening import Running, end_of, hear


async def test_what_happens_is_told(running: Running, client: httpx2.AsyncClient, upstream: Upstream) -> None:
    async with running.listening() as socket:
        assert (await hear(socket))["type"] == "queue_changed"
        await upstream.result("e-1", ml__confidence=0.9)
        opened = await hear(socket)
        assert (opened["type"], opened["patch_id"], opened["version"]) == ("review_opened", "p-1", '"1"')
        await upstream.result("e-2", ml__confidence=0.8, wargame__run_id="r-2")
        assert (await hear(socket))["type"] == "review_changed"
        await client.post("/hitl/patches/p-1/claim")
        claimed = await hear(socket)
        assert (claimed["type"], claimed["claimed_by"]) == ("claim_changed", "alice")
        await client.post("/hitl/patches/p-1/release")
        assert (await hear(socket))["claimed_by"] is None
        seen = (await client.get("/hitl/patches/p-1")).headers["etag"]
        await client.post("/hitl/patches/p-1/reject", headers={"If-Match": seen}, json={"reason": "no"})
        decided = await hear(socket)
        assert (decided["type"], decided["decision"], decided["decided_by"]) == ("decision_made", "rejected", "alice")


async def test_what_policy_approves_by_itself_is_not_told(running: Running, upstream: Upstream) -> None:
    async with running.listening() as socket:
        await hear(socket)
        await upstream.result("e-1")
        await upstream.result("e-2", patch_id="p-2", apv_id="A-2", patch__diff="two", ml__confidence=0.5)
        assert (await hear(socket))["patch_id"] == "p-2"


async def test_a_ticket_is_good_once_and_for_whoever_may_read(running: Running) -> None:
    ticket = await running.ticket()
    async with running.listening(ticket) as socket:
        await hear(socket)
    for bad in (ticket, "x", "%C3%A9%00"):
        with pytest.raises(InvalidStatus):
            async with running.listening(bad):
                pass
    async with httpx2.AsyncClient(base_url=running.url) as client:
        assert (await client.post("/hitl/live/ticket", headers=bearer("eureka-gate"))).status_code == 403


@pytest.mark.parametrize(
    "ended",
    ["DELETE FROM access_group_role WHERE group_name = 'demo-reviewer'", "UPDATE live_ticket SET until = now()"],
    ids=["the role", "the token"],
)
async def test_a_ticket_is_no_better_than_what_it_was_given_for(running: Running, database: str, ended: str) -> None:
    ticket = await running.ticket()
    owner = await asyncpg.connect(database)
    await owner.execute(ended)
    await owner.close()
    with pytest.raises(InvalidStatus):
        async with running.listening(ticket):
            pass


async def test_a_page_of_another_origin_does_not_listen(running: Running) -> None:
    async with running.listening(origin=running.url) as socket:
        await hear(socket)
    with pytest.raises(InvalidStatus):
        async with running.listening(origin="https://evil.example"):
            pass
    async with running.listening(origin="https://Console.example"):
        pass
    with pytest.raises(InvalidStatus) as refused:
        async with running.listening(origin="http://[x"):
            pass
    assert refused.value.response.status_code == 403


async def test_a_claim_that_lapsed_and_is_made_again_is_told(
    running: Running, client: httpx2.AsyncClient, upstream: Upstream, database: str
) -> None:
    await upstream.result(ml__confidence=0.5)
    assert (await client.post("/hitl/patches/p-1/claim")).status_code == 200
    owner = await asyncpg.connect(database)
    await owner.execute("UPDATE claim SET claimed_at = now() - interval '1 hour', until = now() - interval '1 minute'")
    await owner.close()
    async with running.listening() as socket:
        await hear(socket)
        assert (await client.post("/hitl/patches/p-1/claim")).status_code == 200
        told = await hear(socket)
        assert (told["type"], told["claimed_by"]) == ("claim_changed", "alice")


async def test_who_loses_the_role_is_let_go(running: Running, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "ROLES_S", 0.05)
    owner = await asyncpg.connect(database)
    async with running.listening() as socket:
        await hear(socket)
        await owner.execute("DELETE FROM access_group_role WHERE group_name = 'demo-reviewer'")
        assert (await end_of(socket)).code == hub.NOT_ALLOWED
    await owner.close()


async def test_who_was_let_in_by_a_token_goes_with_it(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "ROLES_S", 0.05)
    token = ISSUER.token("alice", now=int(time.time()) - 3_600 + 2)
    async with running.listening(await running.ticket(token)) as socket:
        await hear(socket)
        assert (await end_of(socket)).code == hub.NOT_ALLOWED


async def test_without_a_database_one_is_told_to_come_again(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> str:
        raise Unavailable("gone")

    ticket = await running.ticket()
    monkeypatch.setattr("hitl_stream.store.live.present", away)
    async with running.listening(ticket) as socket:
        assert (await end_of(socket)).code == hub.TRY_AGAIN


async def test_many_changes_at_once_are_one_message(running: Running, upstream: Upstream, database: str) -> None:
    await upstream.result("e-1", ml__confidence=0.5)
    owner = await asyncpg.connect(database)
    async with running.listening() as socket:
        await hear(socket)
        await owner.execute(
            "INSERT INTO change (kind, patch_id) SELECT 'review_changed', 'p-1' FROM generate_series(1, 300)"
        )
        message = await hear(socket)
        assert (message["type"], message["count"]) == ("queue_changed", 300)
    await owner.close()


async def test_who_does_not_keep_up_is_let_go_and_not_buffered() -> None:
    client = Client(Listener("alice", (), datetime.now(UTC)))
    batch = Batch.of([Change("review_opened", "p-1", 1, None, None, None)], "1:1:", "2:2:")
    for _ in range(hub.WAITING_MAX):
        client.offer(batch)
    assert not client.ended.is_set()
    client.offer(batch)
    assert client.ended.is_set()
    assert client.waiting.qsize() == hub.WAITING_MAX


async def test_a_watcher_that_fails_lets_everybody_come_again(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise LookupError("a bug")

    async with running.listening() as socket:
        await hear(socket)
        monkeypatch.setattr("hitl_stream.store.live.read_after", broken)
        with capture_logs() as lines:
            assert (await end_of(socket)).code == hub.TRY_AGAIN
        assert "live_failed" in [line["event"] for line in lines]
    monkeypatch.undo()
    async with running.listening() as socket:
        await hear(socket)


async def test_an_approval_that_is_not_the_last_one_is_told(
    running: Running, client: httpx2.AsyncClient, upstream: Upstream
) -> None:
    await upstream.result("e-1", ml__confidence=0.5, vulnerability__severity="critical")
    async with running.listening(query="severity=critical") as socket:
        await hear(socket)
        seen = (await client.get("/hitl/patches/p-1")).headers["etag"]
        assert (await client.post("/hitl/patches/p-1/approve", headers={"If-Match": seen})).json()["decision"] is None
        told = await hear(socket)
        assert (told["type"], told["version"]) == ("review_changed", '"2"')


async def test_a_client_hears_of_what_it_filters_for(running: Running, upstream: Upstream) -> None:
    mine = "severity=critical&severity=high&ecosystem=PyPI&type=review_opened&type=review_changed&type=decision_made"
    async with running.listening(query=mine) as socket:
        await hear(socket)
        for name, severity, ecosystem in (("other", "low", "PyPI"), ("there", "high", "npm"), ("mine", "high", "pypi")):
            given = {"vulnerability__severity": severity, "vulnerability__ecosystem": ecosystem, "ml__confidence": 0.5}
            await upstream.result(f"e-{name}", patch_id=name, apv_id=f"A-{name}", patch__diff=name, **given)
        opened = await hear(socket)
        assert (opened["type"], opened["patch_id"]) == ("review_opened", "mine")


async def test_a_review_that_leaves_what_one_sees_is_told(
    running: Running, client: httpx2.AsyncClient, upstream: Upstream
) -> None:
    await upstream.result("e-1", ml__confidence=0.5, vulnerability__severity="high")
    async with running.listening(query="severity=high") as socket:
        await hear(socket)
        await upstream.result("e-2", ml__confidence=0.5, vulnerability__severity="critical", wargame__run_id="r-2")
        assert (await hear(socket))["type"] == "review_changed"  # it is critical now
        await client.post("/hitl/patches/p-1/claim")
        seen = (await client.get("/hitl/patches/p-1")).headers["etag"]
        await client.post("/hitl/patches/p-1/reject", headers={"If-Match": seen}, json={"reason": "no"})
        await upstream.result("e-3", patch_id="p-2", apv_id="A-2", patch__diff="two", ml__confidence=0.5)
        told = await hear(socket)  # neither of the claim nor of the decision on what is critical
        assert (told["type"], told["patch_id"]) == ("review_opened", "p-2")


@pytest.mark.parametrize("query", ["severty=high", "type=everything", f"q=x&package={'x' * 300}", f"{'😀' * 60}=1"])
async def test_a_filter_that_there_is_not_ends_the_connection(running: Running, query: str) -> None:
    async with running.listening(query=query) as socket:
        end = await end_of(socket)
        assert end.code == hub.NOT_ALLOWED
        assert end.reason
