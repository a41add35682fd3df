"""Who one is to the sidecar: roles as the database has them at this moment, and the name that the provider gives."""

from __future__ import annotations

import time

import asyncpg
import httpx2
import pytest

from hitl_stream.review.role import DEMO_PEOPLE
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
    for person, name in (("alice", "Alice"), ("bob", "ALICE"), ("carol", "carol")):
        await client.get("/hitl/me", headers=named(person, name))
    told = (await client.get("/hitl/people?subject=bob&subject=carol", headers=bearer("alice"))).json()
    assert [(one["name"], one["shared"]) for one in told] == [("ALICE", True), ("carol", False)]


@pytest.mark.parametrize("name", ["", "  ", "a" * 201, "ali\u202ece", "a\u200blice", "a\nb", 7, None, ["alice"]])
async def test_a_name_that_cannot_be_shown_is_none(client: httpx2.AsyncClient, name: object) -> None:
    assert (await client.get("/hitl/me", headers=named("alice", name))).json()["name"] is None
    assert (await client.get("/hitl/people?subject=alice", headers=bearer("alice"))).json() == []


async def test_only_so_many_are_looked_up_and_only_for_people(client: httpx2.AsyncClient) -> None:
    many = {"subject": [f"s-{number}" for number in range(101)]}
    assert (await client.get("/hitl/people", params=many, headers=bearer("alice"))).status_code == 422
    assert (await client.get("/hitl/people?person=alice", headers=bearer("alice"))).status_code == 422
    assert (await client.get("/hitl/people?subject=alice", headers=bearer("eureka-gate"))).status_code == 403
