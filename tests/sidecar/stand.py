"""Patches in every state, each made and brought there as in production: by results, votes, people, claims and deadlines."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import asyncpg

from hitl_stream.sidecar.answer import Author, Row, Stand
from hitl_stream.store import command, deadline
from hitl_stream.store.command import Actor
from hitl_stream.store.database import Database
from tests.event import DROP, binary, data
from tests.harness.people import reviewer
from tests.sidecar.conftest import Upstream

KNOWN: Final = "git-dora"
_VOTERS: Final = ("bob", "dave")
_LONG_AGO: Final = f"""UPDATE patch
    SET {", ".join(f"{name}_at = {name}_at - interval '90 days'" for name in ("received", "changed", "opened", "expires"))}
  WHERE patch_id = ANY ($1)"""


@dataclass(frozen=True, slots=True)
class Cell:
    """One patch: for which row of the table, who asks, how it stands for them and whose it is."""

    row: Row
    number: int
    asker: str
    stand: Stand
    author: Author

    @property
    def patch_id(self) -> str:
        return f"{self.number}-{self.stand.name}-{self.author.name}"

    @property
    def diff(self) -> str:
        return f"+{self.patch_id}\n"

    @property
    def digest(self) -> str:
        return f"sha256:{sha256(self.diff.encode()).hexdigest()}"

    def result(self) -> dict[str, Any]:
        """What upstream says of it."""
        changes: dict[str, Any] = {"patch__diff": self.diff, "ml__confidence": 0.9}
        match self.stand:
            case Stand.COLLECTING:
                changes["wargame__expected_results"] = 2
            case Stand.BY_POLICY | Stand.REVOKED:
                del changes["ml__confidence"]
            case Stand.VOTED:
                changes["vulnerability__severity"] = "critical"
            case Stand.UNBOUND:
                changes["patch__diff"] = DROP
            case _:
                pass
        author = {Author.ANOTHER: KNOWN, Author.MINE: f"git-{self.asker}", Author.NOBODY_KNOWS: "a stranger"}
        named = {"patch_id": self.patch_id, "apv_id": f"A-{self.patch_id}", "patch__author": author[self.author]}
        return data(**named, **changes)


async def bring_about(cells: Sequence[Cell], upstream: Upstream, url: str) -> None:
    """Make all these patches and bring each to its state."""
    owner = await asyncpg.connect(url)
    sidecar = await Database.open(url, "hitl_sidecar", size=1, name="test-people")
    scheduler = await Database.open(url, "hitl_scheduler", size=1, name="test-scheduler")
    known = [cell for cell in cells if cell.stand is not Stand.UNKNOWN]
    await upstream.feed(*(binary(f"e-{cell.patch_id}", cell.result()) for cell in known))
    expiring = [cell.patch_id for cell in known if cell.stand is Stand.EXPIRED]
    await owner.execute(_LONG_AGO, expiring)
    async with scheduler.transaction() as conn:
        assert await deadline.expire(conn, len(expiring) + 1) == len(expiring)
    async with sidecar.connection() as conn:
        for cell in known:
            if cell.stand is Stand.VOTED:  # before anybody knows that it is their own
                assert (await command.approve(conn, cell.patch_id, 1, reviewer(cell.asker))).event is None
        for person in {cell.asker for cell in cells}:
            await owner.execute("INSERT INTO author VALUES ('*', $1, $2, 'test')", f"git-{person}", person)
        await owner.execute("INSERT INTO author VALUES ('*', $1, 'dora', 'test')", KNOWN)
        for cell in known:
            if cell.stand in _BY_PEOPLE:
                await _BY_PEOPLE[cell.stand](conn, cell)
    await scheduler.close()
    await sidecar.close()
    states = {row["patch_id"]: row["state"] for row in await owner.fetch("SELECT patch_id, state FROM patch")}
    assert states == {cell.patch_id: re.split("[ ,]", cell.stand)[0] for cell in known}
    await owner.close()


async def _approved(conn: Any, cell: Cell) -> None:
    for version, voter in enumerate(_VOTERS, 1):
        if (await command.approve(conn, cell.patch_id, version, reviewer(voter))).event is not None:
            return


async def _rejected(conn: Any, cell: Cell) -> None:
    await command.reject(conn, cell.patch_id, 1, reviewer("bob"), "no")


async def _revoked(conn: Any, cell: Cell) -> None:
    await command.revoke(conn, cell.patch_id, 1, reviewer("bob"), "no")


def _held_by(person: str | None) -> Callable[[Any, Cell], Awaitable[None]]:
    async def hold(conn: Any, cell: Cell) -> None:
        await command.claim(conn, cell.patch_id, Actor(person or cell.asker, reviewer("bob").groups))

    return hold


_BY_PEOPLE: Final = {
    Stand.HELD: _held_by(None),
    Stand.TAKEN: _held_by("bob"),
    Stand.BY_PEOPLE: _approved,
    Stand.REJECTED: _rejected,
    Stand.REVOKED: _revoked,
}
