"""The table of answers: every cell is brought about and asked over HTTP, and a refusal leaves everything as it was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import asyncpg
import httpx2
import pytest

from hitl_stream.review.role import DEMO_PEOPLE, Role
from hitl_stream.sidecar import answer
from hitl_stream.sidecar.answer import BATCH, TABLE, Author, How, Row, Stand
from hitl_stream.sidecar.permission import PERMISSIONS
from tests.harness import database as databases
from tests.harness.availability import scale
from tests.harness.postgres import PostgresServer
from tests.rules.source import ROOT
from tests.sidecar import stand
from tests.sidecar.conftest import bearer, recording
from tests.sidecar.stand import Cell

_ONE: Final = "/hitl/patches/{patch_id}"
# All there is; only that it is shown stands in the table.
SHOWN: Final = tuple(("GET", path) for path in (_ONE, f"{_ONE}/results", f"{_ONE}/artefact"))
LISTS: Final = {("GET", "/hitl/patches/pending")}
ASKERS: Final = {
    Role.VIEWER: "victor", Role.REVIEWER: "alice", Role.POLICY_ADMIN: "paula", Role.AUDITOR: "otto",
    Role.BREAK_GLASS: "gwen", Role.GATE: "eureka-gate", Role.SMOKE: "smoke",
}  # fmt: skip
NUMBERED: Final = list(enumerate(TABLE))
# Everything that a refusal could have changed; who looked at what is no change.
STANDING: Final = """
SELECT (SELECT p::text FROM patch AS p WHERE patch_id = $1), (SELECT c::text FROM claim AS c WHERE patch_id = $1),
       (SELECT r::text FROM review AS r WHERE patch_id = $1), (SELECT q::text FROM queue AS q WHERE patch_id = $1),
       (SELECT sum(version) FROM patch), (SELECT count(*) FROM vote), (SELECT count(*) FROM decision),
       (SELECT count(*) FROM action), (SELECT count(*) FROM outbox), (SELECT count(*) FROM claim),
       (SELECT count(*) FROM change), (SELECT count(*) FROM idempotency)
"""


def asker(row: Row) -> str:
    """Whom the table means: a reviewer, or who may break the glass besides."""
    return "carol" if row.how is How.GLASS else "alice"


def cells(number: int, row: Row) -> list[Cell]:
    """All there are of this row; at scale `ci`, where something else is refused before, one author for each stand."""
    authors, every = row.authors, scale() == "full" or row.how is How.PLAIN
    return [
        Cell(row, number, asker(row), stand, author)
        for turn, stand in enumerate(Stand, number)
        for author in (authors if every else (authors[turn % len(authors)],))
    ]


def readers(number: int, row: Row) -> list[str]:
    """All who are answered; at scale `ci` one of them, another for every row."""
    if row.route[0] == "POST":
        return [asker(row)]
    found = [ASKERS[role] for role in sorted(row.roles)]
    return found if scale() == "full" else [found[number % len(found)]]


@pytest.fixture(scope="module")
def world(postgres: PostgresServer) -> Iterator[str]:
    """One database with a patch for every cell."""

    async def fill(url: str) -> None:
        async with recording(url) as upstream:
            await stand.bring_about([cell for number, row in NUMBERED for cell in cells(number, row)], upstream, url)

    with databases.migrated(postgres) as url:
        databases.run(fill(url))
        yield url


@pytest.fixture
def database(world: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """That database; gwen may break the glass and nothing else."""
    monkeypatch.setitem(DEMO_PEOPLE, "gwen", (Role.BREAK_GLASS,))
    return world


async def standing(owner: asyncpg.Connection, cell: Cell) -> tuple[Any, ...]:
    return tuple(await owner.fetchrow(STANDING, cell.patch_id) or ())


async def ask(client: httpx2.AsyncClient, owner: asyncpg.Connection, cell: Cell, who: str) -> httpx2.Response:
    """The question of the cell's row about its patch."""
    (method, path), how = cell.row.route, cell.row.how
    version = await owner.fetchval("SELECT version FROM patch WHERE patch_id = $1", cell.patch_id) or 1
    body = {} if how is How.NO_REASON else {"reason": "because", "comment": "because"}
    if cell.row.route == BATCH:
        action = "approve" if how is How.APPROVE else "reject"
        item = {"patch_id": cell.patch_id, "version": f'"{version}"'}
        return await client.post(path, headers=bearer(who), json={"action": action, "items": [item], **body})
    headers = bearer(who) | {"If-Match": f'"{version + (how is How.OTHER_VERSION)}"'}
    if how is How.NO_VERSION:
        del headers["If-Match"]
    path = path.replace("{patch_id}", cell.patch_id)
    if method == "GET":
        return await client.get(path, headers=headers, params={"digest": cell.digest} if "gate" in path else {})
    sent = {**body, "break_glass": True} if how is How.GLASS else body
    return await client.post(path, headers=headers, json=sent)


def told(cell: Cell, response: httpx2.Response) -> str:
    """An answer as the table writes it."""
    body, status = response.json(), response.status_code
    if cell.row.route == BATCH and status == 200:
        (body,) = body["results"]
        status = body["status"]
        body = body.get("problem") or {"state": {"approval_given": "pending"}.get(body["outcome"], body["outcome"])}
    if status >= 400:
        return f"{status} {body['type'].removeprefix('/problems/')}"
    said = None if cell.row.route in SHOWN else body.get("reason", body.get("state"))
    return f"{status} {said}" if said else str(status)


@pytest.mark.parametrize(("number", "row"), NUMBERED, ids=[" ".join((*row.route, row.how)) for row in TABLE])
async def test_every_cell_is_answered_as_the_table_says(
    client: httpx2.AsyncClient, database: str, number: int, row: Row
) -> None:
    owner = await asyncpg.connect(database)
    wrong = []
    for cell in cells(number, row):
        for who in readers(number, row):
            before = await standing(owner, cell)
            answered = told(cell, await ask(client, owner, cell, who))
            if answered != row.answer(cell.stand):
                wrong.append((cell.stand, cell.author, who, row.answer(cell.stand), answered))
            if not answered.startswith("20"):
                assert await standing(owner, cell) == before, (cell.stand, cell.author)
    await owner.close()
    assert wrong == []


@pytest.mark.parametrize(("number", "row"), NUMBERED, ids=[" ".join((*row.route, row.how)) for row in TABLE])
async def test_who_has_not_the_role_is_told_so_and_nothing_else(
    client: httpx2.AsyncClient, database: str, number: int, row: Row
) -> None:
    owner = await asyncpg.connect(database)
    others = [ASKERS[role] for role in sorted(set(Role) - row.roles)]
    for turn, who in enumerate(others):
        told_of = cells(number, row)
        if scale() != "full":  # of one stand each, another for every row
            told_of = [told_of[0], told_of[(number + turn) % len(told_of)]]
        answers = []
        for cell in told_of:
            before = await standing(owner, cell)
            answers.append(await ask(client, owner, cell, who))
            assert await standing(owner, cell) == before
        assert {(one.status_code, one.json()["type"]) for one in answers} == {(403, "/problems/not-allowed")}, who
        assert len({one.content for one in answers}) == 1, who
    await owner.close()


def test_every_route_on_a_patch_is_answered_for_whatever_stands_and_whosever_it_is() -> None:
    on_a_patch = {route for route in PERMISSIONS if route[1].startswith("/hitl/patches/")} - LISTS
    assert {row.route for row in TABLE} == on_a_patch
    asked = [(row.route, row.how, author) for row in TABLE for author in row.authors]
    assert len(asked) == len(set(asked))
    for route in on_a_patch - {BATCH}:
        assert {author for asked_route, how, author in asked if (asked_route, how) == (route, How.PLAIN)} == set(Author)


def test_the_documentation_is_the_table_that_is_in_force() -> None:
    assert answer.to_markdown() == (ROOT / "docs" / "permissions.md").read_text(), "run make schemas"
