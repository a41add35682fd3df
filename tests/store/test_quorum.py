"""Whose approvals count, and how many: what turns out later counts from then on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.store.deciding import GLASS, REVIEWERS, conclude, message, next_id, pending, refused, vote
from tests.store.world import World

STRANGERS = {"vulnerability__severity": "critical", "patch__author": "A. Smith"}


@pytest.fixture
async def operator(database: str) -> AsyncIterator[asyncpg.Connection]:
    """Who changes by hand what counts."""
    conn = await asyncpg.connect(database)
    yield conn
    await conn.close()


async def map_smith(operator: asyncpg.Connection, person: str) -> None:
    """From now on it is known who A. Smith is."""
    await operator.execute("INSERT INTO author VALUES ('/wargaming/*', 'A. Smith', $1, 'test')", person)


async def two_votes(world: World, sidecar: asyncpg.Connection) -> int:
    """What is critical and of an author whom nobody knows, approved by ann and bob; its version."""
    first = await vote(sidecar, await pending(world, **STRANGERS))
    second = await vote(sidecar, first["version"], "bob")
    assert tuple(second)[:3] == (["ann", "bob"], 3, False)
    return int(second["version"])


async def test_a_vote_of_who_lost_the_role_or_turned_out_to_be_an_author_counts_no_more(
    world: World, sidecar: asyncpg.Connection, database: str
) -> None:
    owner = await asyncpg.connect(database)
    await owner.execute("INSERT INTO access_group_role VALUES ('others', 'reviewer', 'test')")
    first = await vote(sidecar, await pending(world, vulnerability__severity="critical"), "mallory", ["others"])
    await owner.execute("DELETE FROM access_group_role WHERE group_name = 'others'")
    second = await vote(sidecar, first["version"], "bob")
    assert tuple(second)[:3] == (["bob"], 2, False)
    with refused("409", "1 of 2"):
        await conclude(sidecar, second["version"], second["at"], "bob", approvers=["mallory", "bob"])
    with refused("409", "it needs somebody else"):
        await vote(sidecar, second["version"], "mallory")
    unknown = {"vulnerability__severity": "critical", "patch__author": "A. Smith", "patch__diff": "two"}
    first = await vote(sidecar, await pending(world, "p-2", **unknown), patch_id="p-2")
    assert first["needed"] == 3
    await owner.execute("INSERT INTO author VALUES ('/wargaming/*', 'A. Smith', 'ann', 'test')")
    second = await vote(sidecar, first["version"], "bob", patch_id="p-2")
    assert tuple(second)[:3] == (["bob"], 2, False)
    await owner.close()


async def test_approvals_that_became_enough_are_concluded_by_one_who_gave_theirs(
    world: World, sidecar: asyncpg.Connection, operator: asyncpg.Connection
) -> None:
    version = await two_votes(world, sidecar)
    with refused("409", "already"):
        await vote(sidecar, version)
    await map_smith(operator, "smith")
    with refused("401", "log in again"):
        await vote(sidecar, version, login_age_s=301)
    with refused("412"):
        await vote(sidecar, version - 1)
    ((earlier,),) = await world.rows("SELECT min(at) FROM vote")
    again = await vote(sidecar, version)
    assert tuple(again)[:3] == (["ann", "bob"], 2, True)
    with refused("422", "not dated now"):
        await conclude(sidecar, again["version"], earlier, approvers=["ann", "bob"])
    await conclude(sidecar, again["version"], again["at"], approvers=["ann", "bob"])
    assert await world.rows("SELECT decided_by, approvers, decided_at FROM decision") == [
        ("ann", ["ann", "bob"], again["at"])
    ]
    told = "SELECT actor, action FROM audit_entry WHERE seq = 1 AND actor <> 'policy' ORDER BY at"
    assert await world.rows(told) == [("ann", "approval_given"), ("bob", "approval_given"), ("ann", "approved")]


async def test_who_turned_out_to_be_an_author_does_not_conclude_what_others_approved(
    world: World, sidecar: asyncpg.Connection, operator: asyncpg.Connection
) -> None:
    version = await two_votes(world, sidecar)
    await map_smith(operator, "ann")
    await operator.execute("UPDATE approval_rule SET needed = 1")
    with refused("403", "of their own"):
        await vote(sidecar, version)
    ((at,),) = await world.rows("SELECT changed_at FROM patch")
    with refused("403", "only who voted"):
        await conclude(sidecar, version, at, approvers=["bob"])
    again = await vote(sidecar, version, "bob")
    assert tuple(again)[:3] == (["bob"], 1, True)


async def test_a_glass_that_became_enough_is_broken_anew(
    world: World, sidecar: asyncpg.Connection, operator: asyncpg.Connection
) -> None:
    first = await vote(sidecar, await pending(world, **STRANGERS), groups=GLASS, said="fire", glass=True)
    assert not first["complete"]
    await map_smith(operator, "smith")
    with refused("422", "needs a reason"):
        await vote(sidecar, first["version"], groups=GLASS, glass=True)
    again = await vote(sidecar, first["version"], groups=GLASS, said="still burning", glass=True)
    assert (again["complete"], again["version"]) == (True, first["version"])
    await conclude(sidecar, again["version"], again["at"], groups=GLASS, said="still burning")
    told = "SELECT justification FROM audit_entry WHERE action = 'glass_broken' ORDER BY at"
    assert await world.rows(told) == [("fire",), ("still burning",)]
    assert await world.rows("SELECT decided_by, role FROM decision") == [("ann", "break-glass")]


async def test_who_may_break_the_glass_no_longer_concludes_as_a_reviewer(
    world: World, sidecar: asyncpg.Connection, operator: asyncpg.Connection
) -> None:
    first = await vote(sidecar, await pending(world, **STRANGERS))
    glass = await vote(sidecar, first["version"], groups=GLASS, said="fire", glass=True)
    second = await vote(sidecar, glass["version"], "bob")
    assert second["complete"]
    await operator.execute("UPDATE approval_rule SET needed = 1")
    again = await vote(sidecar, second["version"])
    await conclude(sidecar, again["version"], again["at"], approvers=["ann", "bob"])
    assert await world.rows("SELECT decided_by, role FROM decision") == [("ann", "reviewer")]


async def test_an_author_nobody_knows_is_not_lifted_by_the_glass(world: World, sidecar: asyncpg.Connection) -> None:
    version = await pending(world, vulnerability__severity="critical", patch__author="somebody")
    cast = await vote(sidecar, version, groups=GLASS, said="fire", glass=True)
    assert tuple(cast)[:3] == (["ann"], 3, False)
    with refused("409"):
        await conclude(sidecar, cast["version"], cast["at"], groups=GLASS, said="fire")
    second = await vote(sidecar, cast["version"], "bob")
    assert tuple(second)[:3] == (["ann", "bob"], 3, True)


async def test_who_approved_in_the_ordinary_way_can_still_break_the_glass(
    world: World, sidecar: asyncpg.Connection
) -> None:
    cast = await vote(sidecar, await pending(world, vulnerability__severity="critical"))
    again = await vote(sidecar, cast["version"], groups=GLASS, said="fire", glass=True)
    assert tuple(again)[:3] == (["ann"], 2, True)


async def test_without_a_rule_nothing_is_approved(world: World, sidecar: asyncpg.Connection, database: str) -> None:
    owner = await asyncpg.connect(database)
    await owner.execute("DELETE FROM approval_rule")
    await owner.close()
    cast = await vote(sidecar, await pending(world))
    assert tuple(cast)[:3] == (["ann"], 10, False)
    with refused("409"):
        await conclude(sidecar, cast["version"], cast["at"])


async def test_what_nobody_can_see_any_more_nobody_approves(
    world: World, sidecar: asyncpg.Connection, database: str
) -> None:
    version = await pending(world)
    owner = await asyncpg.connect(database)
    await owner.execute("SET session_replication_role = replica; UPDATE evidence SET payload = NULL")
    await owner.close()
    with refused("410", "retention"):
        await vote(sidecar, version)


async def test_a_role_is_not_taken_away_while_a_decision_by_it_is_under_way(
    world: World, sidecar: asyncpg.Connection, database: str
) -> None:
    version = await pending(world)
    owner = await asyncpg.connect(database, server_settings={"lock_timeout": "200ms"})
    attempt = sidecar.transaction()
    await attempt.start()
    await vote(sidecar, version)
    with pytest.raises(asyncpg.LockNotAvailableError):
        await owner.execute("DELETE FROM access_group_role WHERE group_name = 'security-engineers'")
    await attempt.rollback()
    await owner.execute("DELETE FROM access_group_role WHERE group_name = 'security-engineers'")
    with refused("403"):
        await vote(sidecar, version)
    await owner.close()


async def test_the_gate_does_not_believe_a_row_that_names_an_older_decision(
    world: World, sidecar: asyncpg.Connection, database: str
) -> None:
    cast = await vote(sidecar, await pending(world))
    await conclude(sidecar, cast["version"], cast["at"])
    ((version, at),) = await world.rows("SELECT version, changed_at FROM patch")
    told = await message(sidecar, "p-1", at, recorded="revoked", comment="no")
    await sidecar.execute(
        "SELECT revoke_by_person('p-1', $1, $2, 'ann', $3, 'no', 'unknown', $4, NULL, NULL, $5)",
        *(version, await next_id(sidecar, "p-1"), REVIEWERS, at, told),
    )
    worker = await asyncpg.connect(database, server_settings={"role": "hitl_worker"})
    await worker.execute("UPDATE patch SET state = 'approved', approved_by = 'human', seq = 1")
    await worker.close()
    assert await world.gate() == (False, "no_decision")


@pytest.mark.parametrize(
    "said", [None, "", " \t\n\u00a0", "\u200b\ufeff", "\u3164\u2800\ufe0f\u115f", "\x01\x7f", "\U000e0041"]
)
async def test_a_reason_that_nobody_can_see_is_none(database: str, said: str | None) -> None:
    owner = await asyncpg.connect(database)
    with refused("422", "needs a reason"):
        await owner.execute("SELECT must_say_why($1)", said)
    for seen in ("x", "\u200bж", "\U0001f9e8", "한", f"{said}é"):
        await owner.execute("SELECT must_say_why($1)", seen)
    await owner.close()
