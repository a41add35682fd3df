"""Who one is to the sidecar: roles as the database has them at this moment, and the name that the provider gives."""

from __future__ import annotations

import time

import asyncpg
import httpx2
import pytest

from hitl_stream.review.role import DEMO_PEOPLE
from hitl_stream.sidecar.me import SUBJECTS_MAX
from tests.sidecar.conftest import ISSUER, bearer


@pytest.mark.parametrize("name", [*DEMO_PEOPLE])
async def test_everybody_who_has_a_role_is_told_it(client: httpx2.AsyncClient, name: str) -> None:
    response = await client.get("/hitl/me", headers=bearer(name))
    told = response.json()
    assert (response.status_code, told["subject"], told["roles"]) == (200, name, sorted(DEMO_PEOPLE[name]))
    assert told["authenticated_at"] < told["expires_at"]


async def test_a_role_that_is_taken_away_is_gone_at_once(client: httpx2.AsyncClient, database: str) -> None:
    owner = await asyncpg.connect(database)
    await owner.execute("DELETE FROM access_group_role WHERE group_name = 'demo-break-glass'")
    await owner.close()
    assert (await client.get("/hitl/me", headers=bearer("carol"))).json()["roles"] == ["reviewer"]


async def test_who_has_no_role_or_no_token_is_told_nothing(client: httpx2.AsyncClient, database: str) -> None:
    owner = await asyncpg.connect(database)
    await owner.execute("DELETE FROM access_group_role")
    await owner.close()
    assert (await client.get("/hitl/me")).status_code == 403
    assert (await client.get("/hitl/me", headers={"Authorization": ""})).status_code == 401
    old = {"Authorization": f"Bearer {ISSUER.token('alice', int(time.time()) - 7_200)}"}
    assert (await client.get("/hitl/me", headers=old)).status_code == 401


def named(person: str, name: object) -> dict[str, str]:
    """As a provider that gives people names would have it."""
    return {"Authorization": f"Bearer {ISSUER.token(person, preferred_username=name)}"}


async def test_people_are_known_by_the_name_that_the_provider_gave_last(client: httpx2.AsyncClient) -> None:
    for name in ("Alice A.", "alice.anders", "alice.anders"):
        told = (await client.get("/hitl/me", headers=named("alice", name))).json()
        assert (told["subject"], told["name"]) == ("alice", name)
    await client.get("/hitl/me", headers=named("bob", "bob"))
    response = await client.get("/hitl/people", params={"subject": ["bob", "alice", "carol"]}, headers=bearer("victor"))
    assert response.status_code == 200
    assert response.json() == [
        {"subject": "alice", "name": "alice.anders", "shared": False},
        {"subject": "bob", "name": "bob", "shared": False},
    ]


async def test_a_name_that_two_have_is_said_to_be_shared(client: httpx2.AsyncClient) -> None:
    for person, name in (("alice", "Alice"), ("bob", "ALlCE"), ("carol", "carol"), ("victor", "bob")):
        await client.get("/hitl/me", headers=named(person, name))
    told = (await client.get("/hitl/people?subject=bob&subject=carol&subject=victor", headers=bearer("alice"))).json()
    assert [(one["name"], one["shared"]) for one in told] == [("ALlCE", True), ("carol", False), ("bob", True)]


NO_NAMES = [
    *("", "  ", "a" * 201, "ali\u202ece", "a\u200blice", "a\nb", 7, None, ["alice"]),
    *("policy", "You", "reviewer", "break-glass", "ann, bob", "ann (5b0f6a52)", "ann ", " ann", "an  n"),
    *("5b0f6a52-7c0e-4c55-9a3e-0d9a6c1e0001", "an\u2800n", "\uff21nn", "e\u0301va", "a\u3164b"),
]


@pytest.mark.parametrize("name", NO_NAMES)
async def test_a_name_that_cannot_be_shown_is_none(client: httpx2.AsyncClient, name: object) -> None:
    assert (await client.get("/hitl/me", headers=named("alice", name))).json()["name"] is None
    assert (await client.get("/hitl/people?subject=alice", headers=bearer("alice"))).json() == []


async def test_only_so_many_are_looked_up_and_only_for_people(client: httpx2.AsyncClient) -> None:
    many = [f"s-{number}" for number in range(SUBJECTS_MAX + 1)]
    for some, status in ((many[1:], 200), (many, 422)):
        response = await client.get("/hitl/people", params={"subject": some}, headers=bearer("alice"))
        assert response.status_code == status
    assert response.json()["detail"] == "subject: at most 40 of them"
    assert (await client.get("/hitl/people?person=alice", headers=bearer("alice"))).status_code == 422
    assert (await client.get("/hitl/people?subject=alice", headers=bearer("eureka-gate"))).status_code == 403


@pytest.mark.parametrize("name", ["ann", "Ann O'Neill", "ann.o-neill@example.com", "Jörg Müller", "李雷"])
async def test_ordinary_names_are_shown(client: httpx2.AsyncClient, name: str) -> None:
    assert (await client.get("/hitl/me", headers=named("alice", name))).json()["name"] == name


async def test_who_can_write_nothing_at_the_moment_logs_in_all_the_same(
    client: httpx2.AsyncClient, database: str
) -> None:
    owner = await asyncpg.connect(database)
    await owner.execute(f"ALTER DATABASE {database.rpartition('/')[2]} SET default_transaction_read_only = on")
    await owner.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await owner.close()
    told = await client.get("/hitl/me", headers=named("alice", "Alice"))
    assert (told.status_code, told.json()["name"]) == (200, "Alice")
