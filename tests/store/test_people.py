"""The kernel of human decisions, attacked with SQL alone under the sidecar's role: what must never happen is refused here."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from tests.event import binary, data
from tests.store.deciding import GLASS, REVIEWERS, conclude, message, next_id, pending, refused, vote
from tests.store.world import World


async def test_one_vote_is_enough_for_what_is_not_critical(world: World, sidecar: asyncpg.Connection) -> None:
    version = await pending(world)
    cast = await vote(sidecar, version)
    assert tuple(cast)[:4] == (["ann"], 1, True, version + 1)
    await conclude(sidecar, cast["version"], cast["at"])
    assert await world.rows("SELECT state, approved_by, seq, version FROM patch") == [
        ("approved", "human", 1, version + 2)
    ]
    assert await world.rows("SELECT actor, role, action FROM audit_entry WHERE seq = 1 AND actor <> 'policy'") == [
        ("ann", "reviewer", "approved")
    ]
    assert await world.gate() == (True, "approved")


async def test_critical_needs_two_different_people(world: World, sidecar: asyncpg.Connection) -> None:
    version = await pending(world, vulnerability__severity="critical")
    first = await vote(sidecar, version)
    assert tuple(first)[:3] == (["ann"], 2, False)
    with refused("409", "1 of 2"):
        await conclude(sidecar, first["version"], first["at"])
    with refused("409", "already"):
        await vote(sidecar, first["version"])
    second = await vote(sidecar, first["version"], "bob")
    assert tuple(second)[:3] == (["ann", "bob"], 2, True)
    await conclude(sidecar, second["version"], second["at"], "bob", approvers=["ann", "bob"])
    assert await world.rows("SELECT decided_by, approvers FROM decision") == [("bob", ["ann", "bob"])]
    told = "SELECT actor, action FROM audit_entry WHERE seq = 1 AND actor <> 'policy' ORDER BY at"
    assert await world.rows(told) == [("ann", "approval_given"), ("bob", "approved")]


async def test_new_evidence_voids_the_votes(world: World, sidecar: asyncpg.Connection) -> None:
    first = await vote(sidecar, await pending(world, vulnerability__severity="critical"))
    more = data(ml__confidence=0.6, vulnerability__severity="critical", wargame__run_id="run-2", apv_id="APV-p-1")
    await world.feed(binary("e-2", more))
    with refused("412"):
        await vote(sidecar, first["version"], "bob")
    ((version,),) = await world.rows("SELECT version FROM patch")
    assert tuple(await vote(sidecar, version, "bob"))[:3] == (["bob"], 2, False)
    assert tuple(await vote(sidecar, version + 1, "ann"))[:3] == (["bob", "ann"], 2, True)


async def test_nobody_approves_what_is_theirs(world: World, sidecar: asyncpg.Connection, database: str) -> None:
    owner = await asyncpg.connect(database)
    await owner.execute("INSERT INTO author VALUES ('/wargaming/*', 'ann@laptop', 'ann', 'test')")
    await owner.close()
    version = await pending(world, "p-1", patch__author="ann@laptop")
    with refused("403", "of their own"):
        await vote(sidecar, version)
    assert tuple(await vote(sidecar, version, "bob"))[:3] == (["bob"], 1, True)
    version = await pending(world, "p-2", patch__author="ann", patch__diff="two")
    with refused("403", "of their own"):  # nobody said who this author is, and the name is hers
        await vote(sidecar, version, patch_id="p-2")


async def test_an_author_nobody_knows_costs_one_reviewer_more(world: World, sidecar: asyncpg.Connection) -> None:
    cast = await vote(sidecar, await pending(world, patch__author="somebody"))
    assert tuple(cast)[:3] == (["ann"], 2, False)
    with refused("409"):
        await conclude(sidecar, cast["version"], cast["at"])


async def test_what_is_critical_needs_a_fresh_login(world: World, sidecar: asyncpg.Connection) -> None:
    version = await pending(world, vulnerability__severity="critical")
    for age in (None, 301, 86_400):
        with refused("401", "log in again"):
            await vote(sidecar, version, login_age_s=age)
    await vote(sidecar, version, login_age_s=290)
    await vote(sidecar, await pending(world, "p-2", patch__diff="two"), patch_id="p-2", login_age_s=None)
    with refused("401", "log in again"):
        await vote(
            sidecar, await pending(world, "p-3"), groups=GLASS, patch_id="p-3", said="x", glass=True, login_age_s=301
        )


async def test_breaking_the_glass_lifts_the_count_and_nothing_else(world: World, sidecar: asyncpg.Connection) -> None:
    version = await pending(world, vulnerability__severity="critical")
    with refused("403", "break-glass"):
        await vote(sidecar, version, said="fire", glass=True)
    with refused("422"):
        await vote(sidecar, version, groups=GLASS, glass=True)
    cast = await vote(sidecar, version, groups=GLASS, said="fire", glass=True)
    assert tuple(cast)[:3] == (["ann"], 2, True)
    await conclude(sidecar, cast["version"], cast["at"], groups=GLASS)
    assert await world.gate() == (True, "approved")
    own = await pending(world, "p-2", patch__author="ann", patch__diff="two")
    with refused("403", "of their own"):
        await vote(sidecar, own, groups=GLASS, patch_id="p-2", said="fire", glass=True)


async def test_a_role_that_was_taken_away_ends_at_once(
    world: World, sidecar: asyncpg.Connection, database: str
) -> None:
    version = await pending(world)
    cast = await vote(sidecar, version)
    owner = await asyncpg.connect(database)
    await owner.execute("DELETE FROM access_group_role WHERE group_name = 'security-engineers'")
    await owner.close()
    with refused("403"):
        await conclude(sidecar, cast["version"], cast["at"])
    with refused("403"):
        await vote(sidecar, cast["version"], "bob")


async def test_who_did_not_vote_concludes_nothing(world: World, sidecar: asyncpg.Connection) -> None:
    cast = await vote(sidecar, await pending(world))
    with refused("403"):
        await conclude(sidecar, cast["version"], cast["at"], "bob")


@pytest.mark.parametrize(
    "told",
    [
        {"decision": "rejected"},
        {"seq": 7},
        {"patch_id": "p-2"},
        {"approvers": ["ann", "bob"]},
        {"patch_digest": "sha256:" + "0" * 64},
        {"mode": "policy"},
        {"decided_by": "bob"},
        {"apv_id": "APV-9"},
        {"valid_until": "2999-01-01T00:00:00.000Z"},
        {"synthetic": True},
        {"deployed": "yes"},
        {"policy_version": 2},
        {"decided_at": "2020-01-01T00:00:00.000Z"},
        {"reasons": []},
        {"more": 1},
        {"envelope": {"decision": "rejected"}},
        {"envelope": {"id": "00000000-0000-0000-0000-000000000001"}},
        {"envelope": {"type": "hitl.auto-approved.v1"}},
        {"envelope": {"subject": "p-2"}},
        {"envelope": {"traceparent": "00-0-0-00"}},
    ],
)
async def test_a_message_that_says_something_else_is_refused(
    world: World, sidecar: asyncpg.Connection, told: dict[str, Any]
) -> None:
    cast = await vote(sidecar, await pending(world))
    lie = await message(sidecar, "p-1", cast["at"], **told)
    with refused("422"):
        await conclude(sidecar, cast["version"], cast["at"], messages=lie)
    assert await world.rows("SELECT count(*) FROM decision") == [(0,)]


async def test_two_messages_or_another_topic_are_refused(world: World, sidecar: asyncpg.Connection) -> None:
    cast = await vote(sidecar, await pending(world))
    true = await message(sidecar, "p-1", cast["at"])
    for messages in (
        [*true, *true], [b"auto_approved", *true[1:]], [true[0], b"p-2", *true[2:]], [], [None, *true[1:]],
        [true[0], None, *true[2:]], [*true[:3], b"[]"],
    ):  # fmt: skip
        with refused("422"):
            await conclude(sidecar, cast["version"], cast["at"], messages=messages)
    value = true[2] or b""
    for twice in (value[:-1] + b',"id":"x"}', value.replace(b'"data":{', b'"data":{"seq":9,')):
        with pytest.raises(asyncpg.PostgresError):
            await conclude(sidecar, cast["version"], cast["at"], messages=[*true[:2], twice, None])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE patch SET state = 'approved', approved_by = 'human'",
        "UPDATE patch SET version = 1",
        "INSERT INTO decision (patch_id, seq) VALUES ('p-1', 1)",
        "INSERT INTO outbox (shard, messages) VALUES (0, ARRAY['decisions', 'p-1', '{}', NULL]::bytea[])",
        "INSERT INTO vote (patch_id) VALUES ('p-1')",
        "INSERT INTO access_group_role (group_name, role, granted_by) VALUES ('all', 'reviewer', 'me')",
        "UPDATE author SET person = NULL",
        "UPDATE approval_rule SET needed = 1",
        """SELECT conclude(p, 'approved', NULL, 'ann', NULL, '{}', '[]', now(), now(), NULL, NULL, NULL, NULL, '{}')
             FROM patch AS p""",
        "INSERT INTO action (action) VALUES ('commented')",
        "INSERT INTO claim (patch_id) VALUES ('p-1')",
        "DELETE FROM vote",
        "UPDATE vote SET person = 'bob'",
        "TRUNCATE vote",
    ],
)
async def test_the_sidecar_writes_nothing_by_itself(sidecar: asyncpg.Connection, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await sidecar.execute(statement)


@pytest.mark.parametrize("role", ["hitl_worker", "hitl_scheduler", "hitl_operator"])
async def test_nobody_else_votes(database: str, role: str) -> None:
    conn = await asyncpg.connect(database, server_settings={"role": role})
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await conn.fetch("SELECT cast_vote('p-1', 1, 'ann', '{}', NULL, false, NULL, NULL, NULL)")
    await conn.close()


async def test_a_rejection_needs_a_reason_and_a_reviewer(world: World, sidecar: asyncpg.Connection) -> None:
    version = await pending(world)
    ((now,),) = await world.rows("SELECT changed_at FROM patch")

    async def reject(said: str | None, groups: list[str] = REVIEWERS, seen: int = version) -> None:
        told = await message(sidecar, "p-1", now, recorded="rejected", comment=said)
        id_ = await next_id(sidecar, "p-1")
        await sidecar.execute(
            "SELECT reject_by_person('p-1', $1, $2, 'ann', $3, $4, '{incomplete_fix}', $5, NULL, NULL, $6)",
            *(seen, id_, groups, said, now, told),
        )

    for said in (None, "", "  "):
        with refused("422"):
            await reject(said)
    with refused("403"):
        await reject("no", [])
    with refused("412"):
        await reject("no", seen=version + 1)
    await reject("no")
    assert await world.rows("SELECT decision, comment, reject_reasons, approvers FROM decision") == [
        ("rejected", "no", ["incomplete_fix"], [])
    ]
    with refused("409"):
        await reject("no", seen=version + 1)


async def test_a_claim_is_held_renewed_taken_over_and_released(world: World, sidecar: asyncpg.Connection) -> None:
    version = await pending(world)

    async def claim(who: str, said: str | None = None, *, take_over: bool = False) -> asyncpg.Record:
        row = await sidecar.fetchrow(
            "SELECT * FROM claim_by_person('p-1', $1, $2, $3, $4, NULL, NULL)", who, REVIEWERS, said, take_over
        )
        assert row is not None
        return row

    first = await claim("ann")
    again = await claim("ann")
    assert again["claimed_at"] == first["claimed_at"]
    assert again["until"] > first["until"]
    with refused("409", "ann holds it until"):
        await claim("bob")
    with refused("422"):
        await claim("bob", take_over=True)
    assert (await claim("bob", "ann is ill", take_over=True))["person"] == "bob"
    with refused("409", "bob holds it"):
        await sidecar.execute("SELECT release_by_person('p-1', 'ann', $1, NULL, NULL)", REVIEWERS)
    await sidecar.execute("SELECT release_by_person('p-1', 'bob', $1, NULL, NULL)", REVIEWERS)
    with refused("403"):
        await sidecar.execute("SELECT claim_by_person('p-1', 'eve', '{}', NULL, false, NULL, NULL)")
    told = "SELECT actor, action, justification FROM action WHERE actor <> 'policy' ORDER BY id"
    assert await world.rows(told) == [
        ("ann", "claimed", None),
        ("bob", "claim_taken_over", "ann is ill"),
        ("bob", "released", None),
    ]
    assert await world.rows("SELECT version FROM patch") == [(version,)], "a claim is nothing that a decision rests on"


async def test_whoever_works_on_a_review_holds_it_on(world: World, sidecar: asyncpg.Connection, database: str) -> None:
    await pending(world)
    await sidecar.execute("SELECT claim_by_person('p-1', 'ann', $1, NULL, false, NULL, NULL)", REVIEWERS)
    owner = await asyncpg.connect(database)
    for work in (
        sidecar.execute("SELECT renew_claim('p-1', 'ann')"),
        sidecar.execute("SELECT comment_by_person('p-1', 'ann', $1, 'hm', false, NULL, NULL)", REVIEWERS),
    ):
        await owner.execute(
            "UPDATE claim SET claimed_at = now() - interval '9 minutes', until = now() + interval '1 minute'"
        )
        await sidecar.execute("SELECT renew_claim('p-1', 'bob')")
        assert await world.rows("SELECT until > now() + interval '2 minutes' FROM claim") == [(False,)]
        await work
        assert await world.rows("SELECT until > now() + interval '14 minutes' FROM claim") == [(True,)]
    await owner.execute(
        "UPDATE claim SET claimed_at = now() - interval '9 minutes', until = now() - interval '1 second'"
    )
    await sidecar.execute("SELECT renew_claim('p-1', 'ann')")
    assert await world.rows("SELECT until > now() FROM claim") == [(False,)], "what is over stays over"
    await owner.close()


async def test_whoever_gave_theirs_holds_it_no_longer(world: World, sidecar: asyncpg.Connection) -> None:
    version = await pending(world)
    await sidecar.execute("SELECT claim_by_person('p-1', 'bob', $1, NULL, false, NULL, NULL)", REVIEWERS)
    await vote(sidecar, version)
    assert await world.rows("SELECT person FROM claim") == [("bob",)], "nobody ends another's claim by an approval"
    await sidecar.execute("SELECT claim_by_person('p-1', 'ann', $1, 'ill', true, NULL, NULL)", REVIEWERS)
    await vote(sidecar, version + 1, "cat")
    assert await world.rows("SELECT person FROM claim") == [("ann",)]
    await sidecar.execute("SELECT claim_by_person('p-1', 'bob', $1, 'ill', true, NULL, NULL)", REVIEWERS)
    await vote(sidecar, version + 2, "bob")
    assert await world.rows("SELECT person FROM claim") == []


async def test_a_comment_is_kept_and_moves_nothing(world: World, sidecar: asyncpg.Connection) -> None:
    version = await pending(world)
    odd = "<script>alert(1)</script> \u202e \\ é"
    await sidecar.execute("SELECT comment_by_person('p-1', 'ann', $1, $2, false, 't-1', 'r-1')", REVIEWERS, odd)
    with refused("422"):
        await sidecar.execute("SELECT comment_by_person('p-1', 'ann', $1, E' \\n\\t', false, NULL, NULL)", REVIEWERS)
    with refused("404"):
        await sidecar.execute("SELECT comment_by_person('p-9', 'ann', $1, 'x', false, NULL, NULL)", REVIEWERS)
    told = "SELECT actor, role, justification, token_id, request_id FROM audit_entry WHERE action = 'commented'"
    assert await world.rows(told) == [("ann", "reviewer", odd, "t-1", "r-1")]
    assert await world.rows("SELECT version FROM patch") == [(version,)]


async def test_an_approval_is_revoked_for_a_reason(world: World, sidecar: asyncpg.Connection) -> None:
    cast = await vote(sidecar, await pending(world))
    await conclude(sidecar, cast["version"], cast["at"])
    ((version, at),) = await world.rows("SELECT version, changed_at FROM patch")

    async def revoke(said: str) -> None:
        told = await message(sidecar, "p-1", at, recorded="revoked", comment=said)
        await sidecar.execute(
            "SELECT revoke_by_person('p-1', $1, $2, 'ann', $3, $4, 'unknown', $5, NULL, NULL, $6)",
            *(version, await next_id(sidecar, "p-1"), REVIEWERS, said, at, told),
        )

    with refused("422"):
        await revoke("")
    await revoke("it breaks the build")
    assert await world.rows("SELECT state, approved_by, seq FROM patch") == [("revoked", None, 2)]
    assert await world.gate() == (False, "revoked")
