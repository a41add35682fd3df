"""Which schema there is and which one this program needs. A revision is a pair of files: NNNN_name.{up,down}.sql.

Revisions are numbered and form one line; a file that was released is never changed again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

from asyncpg import Connection

from hitl_stream.errors import Unavailable

BASE = "base"
_FILE = re.compile(r"(?P<id>\d{4})_(?P<name>\w+)\.(?P<way>up|down)\.sql")


class SchemaTooOld(Unavailable):
    """The database is not migrated yet."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One step of the schema, and how to take it back."""

    id: str
    name: str
    up: str
    down: str

    def file(self, way: str) -> str:
        """The name of the file that holds one of both ways."""
        return f"{self.id}_{self.name}.{way}.sql"


@cache
def line() -> tuple[Revision, ...]:
    """All revisions, oldest first. Numbers without a gap, each with both files."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for entry in resources.files("hitl_stream.store").joinpath("migrations", "versions").iterdir():
        match = _FILE.fullmatch(entry.name)
        if match:
            found.setdefault((match["id"], match["name"]), {})[match["way"]] = entry.read_text(encoding="utf-8")
    revisions = tuple(Revision(id_, name, **ways) for (id_, name), ways in sorted(found.items()))
    if [revision.id for revision in revisions] != [f"{number:04}" for number in range(1, len(revisions) + 1)]:
        raise ValueError(f"revisions are not numbered one by one: {[revision.id for revision in revisions]}")
    return revisions


def head() -> str:
    """The newest revision this program knows, which is the one it needs."""
    return line()[-1].id


async def current(conn: Connection) -> str:
    """The revision that the database stands at: BASE when there is none."""
    if await conn.fetchval("SELECT to_regclass('public.alembic_version')") is None:
        return BASE
    return await conn.fetchval("SELECT version_num FROM public.alembic_version") or BASE


async def require(conn: Connection) -> str:
    """Check that the database is migrated far enough. A newer schema is fine: up never takes away what is in use.

    Returns its revision. Raises SchemaTooOld, which is worth waiting for.
    """
    found = await current(conn)
    if found == BASE or found < head():
        raise SchemaTooOld(f"the database stands at revision {found}, needed is {head()}: run hitl-stream migrate up")
    return found
