"""`hitl-stream access` as an operator runs it, and what stands in the audit afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest

from tests.harness import command
from tests.harness import database as databases
from tests.harness.postgres import PostgresServer


class Operator:
    """Runs the command against one database."""

    def __init__(self, url: str) -> None:
        self.url = url

    def run(self, *words: str) -> tuple[int, str, str]:
        return command.run("access", *words, env={"HITL_DATABASE_URL": self.url})

    def state(self) -> dict[str, Any]:
        code, out, _ = self.run("list", "--output", "json")
        assert code == 0
        found: dict[str, Any] = json.loads(out)
        return found

    def grants(self) -> list[tuple[str, str, str]]:
        return [(g["group"], g["role"], g["granted_by"]) for g in self.state()["grants"]]

    def audit(self) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = []

        async def ask() -> None:
            conn = await asyncpg.connect(self.url)
            rows = await conn.fetch("SELECT actor, action, justification, detail FROM action ORDER BY id")
            found.extend((*row[:3], json.loads(row[3])) for row in rows)
            await conn.close()

        databases.run(ask())
        return found


@pytest.fixture
def operator(postgres: PostgresServer) -> Iterator[Operator]:
    with databases.migrated(postgres) as url:
        databases.run(databases.execute(url, "DELETE FROM access_group_role"))  # what the tests grant
        yield Operator(url)


def test_a_fresh_database_grants_nothing_and_knows_the_machine(operator: Operator) -> None:
    state = operator.state()
    assert state["grants"] == []
    assert [(a["source"], a["author"], a["machine"]) for a in state["authors"]] == [("/wargaming/*", "eureka", True)]
    assert state["approvals_required"] == {"critical": 2, "high": 1, "medium": 1, "low": 1}
    assert operator.run("list")[1].splitlines() == [
        "/wargaming/* eureka is a machine",
        "critical needs 2 approvals",
        "high needs 1 approval",
        "medium needs 1 approval",
        "low needs 1 approval",
    ]


def test_a_role_is_granted_once_and_taken_away(operator: Operator) -> None:
    words = ("security-engineers", "reviewer", "--reason", "the team", "--by", "ann")
    assert operator.run("grant", *words)[:2] == (0, "security-engineers is reviewer\n")
    assert operator.run("grant", *words)[:2] == (0, "security-engineers already was reviewer\n")
    assert ("security-engineers", "reviewer", "ann") in operator.grants()
    assert operator.run("revoke", *words)[0] == 0
    assert operator.run("revoke", *words)[:2] == (1, "security-engineers was not reviewer\n")
    detail = {"group": "security-engineers", "role": "reviewer"}
    assert operator.audit() == [
        ("ann", "role_granted", "the team", detail),
        ("ann", "role_revoked", "the team", detail),
    ]


def test_a_class_needs_so_many_approvals(operator: Operator) -> None:
    words = ("high", "2", "--reason", "two look at it", "--by", "ann")
    assert operator.run("require", *words)[:2] == (0, "high needs 2\n")
    assert operator.run("require", *words)[:2] == (0, "high already needed 2\n")
    assert operator.state()["approvals_required"] == {"critical": 2, "high": 2, "medium": 1, "low": 1}
    for wrong in (("high", "0"), ("high", "11"), ("none", "1")):
        assert operator.run("require", *wrong, "--reason", "no")[0] == 2
    assert operator.audit() == [("ann", "approvals_required", "two look at it", {"class": "high", "needed": 2})]


def test_an_author_is_a_person_or_a_machine(operator: Operator) -> None:
    words = ("/wargaming/*", "ann@laptop", "--reason", "she told us", "--by", "bob")
    for wrong in ((), ("--person", "ann", "--machine")):
        assert operator.run("map", *words, *wrong)[0] == 2
    assert operator.run("map", *words, "--person", "ann")[0] == 0
    assert operator.run("map", *words, "--machine")[0] == 0
    assert [(a["author"], a["person"]) for a in operator.state()["authors"]] == [("ann@laptop", None), ("eureka", None)]
    assert [entry[3]["person"] for entry in operator.audit()] == ["ann", None]


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 256, " a"])
def test_a_name_nobody_can_read_is_wrong_use(operator: Operator, name: str) -> None:
    assert operator.run("grant", name, "viewer", "--reason", "x", "--by", "ann")[0] == 2
    assert operator.run("map", "/s", name, "--machine", "--reason", "x", "--by", "ann")[0] == 2
    assert operator.grants() == []


def test_a_role_nobody_knows_is_wrong_use(operator: Operator) -> None:
    assert operator.run("grant", "team", "root", "--reason", "x", "--by", "ann")[0] == 2


def test_a_name_can_be_forgotten(operator: Operator) -> None:
    kept = "INSERT INTO person VALUES ('5b0f', 'ann', 'ann'), ('77aa', 'bob', 'bob')"
    databases.run(databases.execute(operator.url, kept))
    assert operator.run("forget", "5b0f")[:2] == (0, "5b0f is known by the sub only\n")
    assert operator.run("forget", "5b0f")[:2] == (1, "nobody knew what 5b0f is called\n")
    left: list[str] = []

    async def ask() -> None:
        conn = await asyncpg.connect(operator.url)
        left.extend(row["name"] for row in await conn.fetch("SELECT name FROM person"))
        await conn.close()

    databases.run(ask())
    assert left == ["bob"]
