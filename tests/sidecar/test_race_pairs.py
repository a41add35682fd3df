"""Races of two different things on one patch: whichever comes first, the other finds it done, and nothing is done twice."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hitl_stream.duties import expiry
from hitl_stream.observe import metrics
from hitl_stream.review.role import Role, demo_group
from hitl_stream.store import access, command
from tests.event import binary, data
from tests.harness.availability import scaled
from tests.harness.people import GROUP, reviewer
from tests.sidecar.race import Order, Race, orders, status_and_type

OK = (200, None)
NOT_PENDING = (409, "not-pending")
NOT_APPROVED = (409, "not-approved")
NOT_EXPIRED = (409, "not-expired")
STALE = (412, "stale-version")
EXPIRY = expiry.duty()
GLASS = {"break_glass": True, "comment": "exploited in the wild"}


async def overdue(race: Race, patch_id: str) -> None:
    """Its time limit passed a moment ago, and somebody could have decided all the time."""
    await race.scene.sidecars_beat()
    await race.scene.owner.execute(
        "UPDATE patch SET expires_at = clock_timestamp() - interval '1 s' WHERE patch_id = $1", patch_id
    )


@pytest.mark.parametrize("action", ["approve", "reject"])
async def test_a_decision_against_expiry(race: Race, action: str) -> None:
    await race.scene.sidecar_starts()
    for patch_id, order in orders():
        await race.scene.pending(patch_id)
        await overdue(race, patch_id)
        answer, _ = await race.run(order, patch_id, race.post("alice", action, patch_id), race.scene.share(EXPIRY))
        ((decision, by),) = await race.decisions(patch_id)
        if order is Order.FORWARD or decision != "expired":
            assert (status_and_type(answer), by) == (OK, "alice")
        else:
            assert (status_and_type(answer) in (NOT_PENDING, STALE), by) == (True, "policy")
        if order is Order.BACKWARD:
            assert (status_and_type(answer), answer.json()["decision"]) == (NOT_PENDING, "expired")
    await race.assert_settled()


async def test_a_decision_against_new_evidence_is_about_what_was_seen(race: Race) -> None:
    digest = "SELECT evidence_digest FROM {} WHERE patch_id = $1"
    for patch_id, order in orders():
        await race.scene.pending(patch_id)
        seen = await race.observer.fetchval(digest.format("patch"), patch_id)
        answer, _ = await race.run(
            order, patch_id, race.post("alice", "approve", patch_id), race.scene.feed(patch_id, ml__confidence=0.5)
        )
        decided = await race.observer.fetchval(digest.format("decision"), patch_id)
        assert (status_and_type(answer), decided) in ((OK, seen), (STALE, None))
        assert order is Order.AT_ONCE or (decided is None) is (order is Order.BACKWARD)
    await race.assert_settled()


async def test_a_takeover_against_a_decision(race: Race) -> None:
    for patch_id, order in orders():
        await race.scene.pending(patch_id)
        assert (await race.post("alice", "claim", patch_id)).status_code == 200
        decided, taken = await race.run(
            order, patch_id, race.post("alice", "approve", patch_id), race.post("bob", "takeover", patch_id)
        )
        assert status_and_type(decided) == OK, "who holds it is in nobody's way"
        if order is not Order.BACKWARD and taken.status_code != 200:
            assert (status_and_type(taken), taken.json()["decided_by"]) == (NOT_PENDING, "alice")
        else:
            assert (status_and_type(taken), order is Order.FORWARD) == (OK, False)
        assert await race.decisions(patch_id) == [("approved", "alice")]
    await race.assert_settled()


@pytest.mark.parametrize("action", ["claim", "takeover"])
async def test_a_claim_against_a_claim(race: Race, action: str) -> None:
    for patch_id, order in orders():
        await race.scene.pending(patch_id)
        one, other = await race.run(
            order, patch_id, race.post("alice", action, patch_id), race.post("bob", action, patch_id)
        )
        holder, done = await race.holder(patch_id), await race.actions(patch_id)
        if action == "claim":
            assert sorted([status_and_type(one), status_and_type(other)]) == [OK, (409, "not-possible")]
            winner = one if one.status_code == 200 else other
            assert (winner.json()["claimed_by"], done) == (holder, ["claimed"])
            assert holder == {Order.FORWARD: "alice", Order.BACKWARD: "bob"}.get(order, holder)
        else:
            assert (status_and_type(one), status_and_type(other)) == (OK, OK)
            assert done == ["claimed", "claim_taken_over"]
            assert holder == {Order.FORWARD: "bob", Order.BACKWARD: "alice"}.get(order, holder)
    await race.assert_settled()


async def test_a_claim_against_letting_go(race: Race) -> None:
    for patch_id, order in orders():
        await race.scene.pending(patch_id)
        await race.post("alice", "claim", patch_id)
        freed, claimed = await race.run(
            order, patch_id, race.post("alice", "release", patch_id), race.post("bob", "claim", patch_id)
        )
        assert status_and_type(freed) == OK
        assert await race.holder(patch_id) == ("bob" if claimed.status_code == 200 else None)
        assert order is Order.AT_ONCE or (claimed.status_code == 200) is (order is Order.FORWARD)
    await race.assert_settled()


async def expired(race: Race, patch_id: str) -> None:
    await race.scene.pending(patch_id)
    await overdue(race, patch_id)
    await race.scene.all_of(EXPIRY)


async def approved(race: Race, patch_id: str) -> None:
    assert (await race.scene.feed(patch_id)).fates == {"approved": 1}


async def test_a_review_is_opened_again_once(race: Race) -> None:
    await race.scene.sidecar_starts()
    for patch_id, order in orders():
        await expired(race, patch_id)
        one, other = await race.run(
            order,
            patch_id,
            race.post("alice", "reopen", patch_id, version=2),
            race.post("bob", "reopen", patch_id, version=2),
        )
        lost = sorted([status_and_type(one), status_and_type(other)])
        assert lost in ([OK, NOT_EXPIRED], [OK, STALE])
        assert order is Order.AT_ONCE or lost == [OK, NOT_EXPIRED]
        assert await race.actions(patch_id) == ["reopened"]
        assert await race.scene.state(patch_id) == "pending"
    await race.assert_settled()


async def test_opening_again_against_a_revocation(race: Race) -> None:
    await race.scene.sidecar_starts()
    for patch_id, _ in orders():
        await expired(race, patch_id)
        again, revoked = await asyncio.gather(
            race.post("alice", "reopen", patch_id, version=2), race.post("bob", "revoke", patch_id, version=2)
        )
        assert status_and_type(again) == OK
        assert status_and_type(revoked) in (NOT_APPROVED, STALE), "what expired never stood approved"
        assert await race.decisions(patch_id) == [("expired", "policy")]
    await race.assert_settled()


async def test_a_revocation_against_a_revocation(race: Race) -> None:
    for patch_id, order in orders():
        await approved(race, patch_id)
        one, other = await race.run(
            order, patch_id, race.post("alice", "revoke", patch_id), race.post("bob", "revoke", patch_id)
        )
        assert sorted([status_and_type(one), status_and_type(other)]) in ([OK, NOT_APPROVED], [OK, STALE])
        winner = "alice" if one.status_code == 200 else "bob"
        assert winner == {Order.FORWARD: "alice", Order.BACKWARD: "bob"}.get(order, winner)
        assert await race.decisions(patch_id) == [("approved", "policy"), ("revoked", winner)]
    await race.assert_settled()


async def test_a_revocation_against_evidence_that_contradicts(race: Race) -> None:
    for patch_id, order in orders():
        await approved(race, patch_id)
        answer, _ = await race.run(
            order, patch_id, race.post("alice", "revoke", patch_id), race.scene.feed(patch_id, ml__prediction=False)
        )
        won = answer.status_code == 200
        assert won or status_and_type(answer) in (NOT_APPROVED, STALE)
        assert order is Order.AT_ONCE or won is (order is Order.FORWARD)
        assert await race.decisions(patch_id) == [("approved", "policy"), ("revoked", "alice" if won else "policy")]
        assert await race.scene.state(patch_id) == ("revoked" if won else "pending")
    await race.assert_settled()


async def test_breaking_the_glass_against_the_second_approval(race: Race) -> None:
    broken = metrics.REGISTRY.get_sample_value("hitl_glass_broken_total") or 0.0
    count = 0
    for patch_id, order in orders():
        await race.scene.pending(patch_id, vulnerability__severity="critical")
        await race.post("alice", "approve", patch_id)
        second, glass = await race.run(
            order,
            patch_id,
            race.post("bob", "approve", patch_id, version=2),
            race.post("carol", "approve", patch_id, GLASS, version=2),
        )
        assert sorted([status_and_type(second), status_and_type(glass)]) in ([OK, NOT_PENDING], [OK, STALE])
        winner = "bob" if second.status_code == 200 else "carol"
        assert winner == {Order.FORWARD: "bob", Order.BACKWARD: "carol"}.get(order, winner)
        assert await race.decisions(patch_id) == [("approved", winner)]
        assert await race.actions(patch_id) == (["glass_broken"] if winner == "carol" else [])
        count += winner == "carol"
    assert metrics.REGISTRY.get_sample_value("hitl_glass_broken_total") == broken + count
    await race.assert_settled()


async def take_away(race: Race, group: str, role: Role) -> None:
    """What `hitl-stream access revoke` does."""
    async with race.scene.operator.transaction() as conn:
        assert await access.revoke(conn, group, role, "root", "left")


async def give_back(race: Race, group: str, role: Role) -> None:
    async with race.scene.operator.transaction() as conn:
        assert await access.grant(conn, group, role, "root", "is back")


@pytest.mark.parametrize(
    ("who", "action", "body", "role"),
    [
        ("alice", "approve", None, Role.REVIEWER),
        ("alice", "reject", None, Role.REVIEWER),
        ("carol", "approve", GLASS, Role.BREAK_GLASS),
    ],
)
async def test_a_decision_against_the_loss_of_its_role(
    race: Race, who: str, action: str, body: Any, role: Role
) -> None:
    """When taking it away has returned, nothing is decided by it any more; and what was under way is waited for."""
    group = demo_group(role)
    for patch_id, order in orders():
        await race.scene.pending(patch_id)
        if order is Order.BACKWARD:  # taken away, and not committed yet when the decision comes to ask
            async with race.scene.operator.transaction() as conn:
                await access.revoke(conn, group, role, "root", "left")
                deciding = asyncio.create_task(race.post(who, action, patch_id, body))
                await race.wait_waiting(1)
            answer = await deciding
            assert answer.status_code == 403
        elif order is Order.FORWARD and action == "approve":  # under way, with the right in hand
            answer, _ = await race.run(
                order, patch_id, race.post(who, action, patch_id, body), take_away(race, group, role)
            )
            assert answer.status_code == 200
        else:
            answer, _ = await asyncio.gather(race.post(who, action, patch_id, body), take_away(race, group, role))
        before = await race.decisions(patch_id)
        assert (answer.status_code, len(before)) in ((200, 1), (403, 0))
        assert (await race.post(who, action, patch_id, body)).status_code == 403
        assert await race.decisions(patch_id) == before
        await give_back(race, group, role)
    await race.assert_settled()


async def test_a_second_approval_against_the_loss_of_the_first_ones_role(race: Race) -> None:
    """Counted are approvals of people who have the right when it is decided."""
    for patch_id, order in orders():
        await race.scene.pending(patch_id, vulnerability__severity="critical")
        async with race.scene.sidecar.connection() as conn:
            assert (await command.approve(conn, patch_id, 1, reviewer("ann"))).event is None
        second = race.post("bob", "approve", patch_id, version=2)
        if order is Order.AT_ONCE:
            answer, _ = await asyncio.gather(second, take_away(race, GROUP, Role.REVIEWER))
        elif order is Order.FORWARD:
            answer = await second
            await take_away(race, GROUP, Role.REVIEWER)
        else:
            await take_away(race, GROUP, Role.REVIEWER)
            answer = await second
        decided = await race.decisions(patch_id)
        approvals = answer.json().get("approvals")
        assert (answer.status_code, approvals, len(decided)) in (
            (200, ["ann", "bob"], 1), (200, ["bob"], 0), (409, None, 0),
        )  # fmt: skip
        assert len(decided) == {Order.FORWARD: 1, Order.BACKWARD: 0}.get(order, len(decided))
        await give_back(race, GROUP, Role.REVIEWER)
    await race.assert_settled()


async def test_batches_against_people_a_duty_and_new_evidence(race: Race) -> None:
    """All lock in one order, so nobody waits in a circle: every answer is an outcome, none an excuse."""
    await race.scene.sidecar_starts()
    for number in range(scaled(6, 150)):
        names = [f"p-{number}-{n}" for n in range(8)]
        for name in names:
            await race.scene.pending(name, patch__diff=f"+{name}\n")
        await overdue(race, names[0])
        more = [
            data(patch_id=name, apv_id=f"APV-{name}", patch__diff=f"+{name}\n", ml__confidence=0.5) for name in names
        ]
        batches, people, _, _ = await asyncio.gather(
            asyncio.gather(
                race.batch("alice", "approve", names),
                race.batch("bob", "reject", names[::-1]),
                race.batch("carol", "approve", names[4:] + names[:4]),
            ),
            asyncio.gather(*(race.post("carol", "reject", name) for name in names[::-1])),
            race.scene.share(EXPIRY),
            race.scene.world.feed(
                *(binary(f"f-{name}", one) for name, one in zip(names[::-1], more[::-1], strict=True))
            ),
        )
        statuses = {status for one in batches for status in one} | {answer.status_code for answer in people}
        assert statuses <= {200, 409, 412}
        assert [len(await race.decisions(name)) <= 1 for name in names] == [True] * 8
    await race.assert_settled()


@pytest.mark.parametrize("rule", ["approvals", "author"])
async def test_a_rule_changes_when_no_approval_by_the_old_one_is_under_way(race: Race, rule: str) -> None:
    """Once the operator's command has returned, nothing is approved any more by what was before it."""

    async def change() -> None:
        async with race.scene.operator.transaction() as conn:
            if rule == "approvals":
                await access.require(conn, "high", 2, "root", "two look at it")
            else:
                await access.map_author(conn, "/wargaming/*", "eureka", "alice", "root", "she is")

    await race.scene.pending("before")
    await race.scene.pending("after")
    async with race.scene.sidecar.transaction() as conn:
        approval = await command.approve(conn, "before", 1, reviewer("alice"))
        assert approval.event is not None
        changing = asyncio.create_task(change())
        await race.wait_waiting(1)
        assert not changing.done()
    await changing
    answer = await race.post("alice", "approve", "after")
    assert (answer.status_code, answer.json().get("decision")) == ((200, None) if rule == "approvals" else (403, None))
    assert [len(await race.decisions(name)) for name in ("before", "after")] == [1, 0]
