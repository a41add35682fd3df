"""Takes the schema up and down: hand-written SQL files, alembic's bookkeeping, one transaction, one at a time.

A file goes to the server whole, exactly as `psql -f` would send it; `script` prints the same steps for plain psql. Up is
idempotent under any number of concurrent starts. Down keeps in schema archive what must be defended later.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import Any, cast

import asyncpg
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import Script
from alembic.script.revision import RevisionMap
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from hitl_stream.errors import HitlError, Refused
from hitl_stream.store import database
from hitl_stream.store.revision import BASE, Revision, current, head, line

LOCK = int.from_bytes(b"hitlmigr", "big")
LOCK_TIMEOUT_S = 10
ALIVE_S = 60
_OBJECT_IN_USE = "55006"

# Locks are waited for only so long: a migration that waits for one stops everybody who comes behind it.
_LOCKING = (
    f"DO $$ BEGIN PERFORM pg_advisory_xact_lock({LOCK}); END $$;",
    f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s';",
)
_OPENING = ("BEGIN;", "SET LOCAL search_path = public;", "SET LOCAL client_min_messages = warning;", *_LOCKING)
_VERSION_TABLE = (
    "CREATE TABLE IF NOT EXISTS alembic_version"
    " (version_num varchar(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));"
)
_BOOK_FIRST = "INSERT INTO alembic_version (version_num) VALUES ('{after}');"
_BOOK_NEXT = "UPDATE alembic_version SET version_num = '{after}' WHERE version_num = '{before}';"
_BOOK_NONE = "DELETE FROM alembic_version WHERE version_num = '{before}';"
_EXPECT = """DO $$
DECLARE found text := coalesce((SELECT version_num FROM alembic_version), '{base}');
BEGIN
  IF found <> '{start}' THEN
    RAISE EXCEPTION 'the database stands at revision %, this script starts from {start}', found;
  END IF;
END $$;"""
# The lock keeps a process from registering between this look and the end of the transaction.
_NOBODY_NEWER = """LOCK TABLE process IN ACCESS EXCLUSIVE MODE;
DO $$
DECLARE who text := (
  SELECT string_agg(format('%s on %s (revision %s)', kind, host, schema_revision), ', ' ORDER BY kind, host)
    FROM process
   WHERE schema_revision > '{target}' AND seen_at > clock_timestamp() - interval '{alive_s} s');
BEGIN
  IF who IS NOT NULL THEN
    RAISE EXCEPTION 'still running and in need of the schema: %', who
      USING ERRCODE = 'object_in_use', HINT = 'Stop them, then try again within {alive_s} s or later.';
  END IF;
END $$;"""


class UnknownRevision(Refused):
    """There is no such revision."""


class StillInUse(Refused):
    """A process that needs the schema is alive."""


class MigrationFailed(HitlError):
    """A migration did not go through; nothing of it happened."""


async def up(url: str, target: str | None = None) -> list[Revision]:
    """Migrate to `target`, by default the newest. Returns what was done; nothing when somebody else did it first.

    Raises Unavailable, Fatal, MigrationFailed, UnknownRevision.
    """
    wanted = head() if target is None else _known(target)
    return await _run(url, wanted, upwards=True)


async def down(url: str, target: str) -> list[Revision]:
    """Take revisions back until `target` (BASE for all). Raises StillInUse, and what `up` raises."""
    return await _run(url, _known(target), upwards=False)


def script(start: str, target: str) -> str:
    """The same way for plain `psql -v ON_ERROR_STOP=1 -f`, in one transaction, bookkeeping included."""
    upwards = _number(_known(target)) > _number(_known(start))
    parts = [*_OPENING, _VERSION_TABLE, _EXPECT.format(base=BASE, start=start)]
    for revision in _steps(start, target, upwards):
        before = BASE if revision.id == line()[0].id else line()[_number(revision.id) - 2].id
        if upwards:
            parts += [f"-- {revision.file('up')}", revision.up, _book(before, revision.id)]
        else:
            guard = _guard(before)
            parts += [f"-- {revision.file('down')}", guard, revision.down, _book(revision.id, before)]
    return "\n".join(part.rstrip() for part in [*parts, "COMMIT;"]) + "\n"


async def status(url: str) -> tuple[str, list[Revision]]:
    """The revision of the database and what is pending. Raises Unavailable, Fatal."""
    with database.translated():
        conn = await _connect(url)
        try:
            found = await current(conn)
        finally:
            await conn.close()
    return found, [revision for revision in line() if found == BASE or revision.id > found]


def _known(revision: str) -> str:
    if revision != BASE and revision not in {known.id for known in line()}:
        raise UnknownRevision(f"no revision {revision}; there are {BASE}, {', '.join(r.id for r in line())}")
    return revision


def _number(revision: str) -> int:
    return 0 if revision == BASE else int(revision)


def _steps(start: str, target: str, upwards: bool) -> list[Revision]:
    """What lies between two revisions, in the order to run it; nothing if the way would lead in the other direction."""
    low, high = sorted((_number(start), _number(target)))
    if upwards != (_number(target) > _number(start)):
        return []
    between = [revision for revision in line() if low < _number(revision.id) <= high]
    return between if upwards else between[::-1]


def _guard(target: str) -> str:
    return _NOBODY_NEWER.format(target="" if target == BASE else target, alive_s=ALIVE_S)


def _book(before: str, after: str) -> str:
    template = _BOOK_FIRST if before == BASE else _BOOK_NONE if after == BASE else _BOOK_NEXT
    return template.format(before=before, after=after)


async def _connect(url: str) -> asyncpg.Connection:
    settings = database.session_settings(None, "hitl-stream migrate", 0)  # 0: a statement may take as long as it takes
    return await asyncpg.connect(url, timeout=database.CONNECT_TIMEOUT_S, server_settings=settings)


async def _run(url: str, target: str, *, upwards: bool) -> list[Revision]:
    """One transaction around everything: the lock, the look at where we are, the files, the bookkeeping."""
    done: list[Revision] = []
    engine = create_async_engine("postgresql+asyncpg://", async_creator=lambda: _connect(url), poolclass=NullPool)
    try:
        with database.translated():
            async with engine.begin() as conn:
                await conn.run_sync(_migrate, target, upwards, done)
    except DBAPIError as wrapped:
        with database.translated():
            raise (wrapped.orig.__cause__ if wrapped.orig and wrapped.orig.__cause__ else wrapped) from wrapped
    finally:
        await engine.dispose()
    return done


def _migrate(conn: Connection, target: str, upwards: bool, done: list[Revision]) -> None:
    for statement in _LOCKING:
        conn.exec_driver_sql(statement)

    def steps(heads: Sequence[str], _: MigrationContext) -> Iterable[RevisionStep]:
        start = heads[0] if heads else BASE
        modules = RevisionMap(lambda: [_script(conn, revision, done) for revision in line()])
        for revision in _steps(start, target, upwards):
            yield RevisionStep(modules, cast(Script, modules.get_revision(revision.id)), upwards)

    MigrationContext.configure(conn, opts={"fn": steps}).run_migrations()


def _script(conn: Connection, revision: Revision, done: list[Revision]) -> Script:
    """A revision in alembic's shape: a module with upgrade and downgrade."""
    number = _number(revision.id)
    module: Any = ModuleType(revision.file("up"))
    module.down_revision = None if number == 1 else f"{number - 1:04}"

    def upgrade() -> None:
        _send(conn, revision.file("up"), revision.up)
        done.append(revision)

    def downgrade() -> None:
        _send(conn, revision.file("down"), _guard(module.down_revision or BASE))
        _send(conn, revision.file("down"), revision.down)
        done.append(revision)

    module.upgrade, module.downgrade = upgrade, downgrade
    return Script(module, revision.id, revision.file("up"))


def _send(conn: Connection, name: str, sql: str) -> None:
    """Send a whole file in one go, inside the transaction that is open."""
    dbapi: Any = conn.connection.dbapi_connection
    try:
        dbapi.run_async(lambda driver: driver.execute(sql))
    except asyncpg.PostgresError as failure:
        if database.unavailable(failure):
            raise
        if failure.sqlstate == _OBJECT_IN_USE and "still running" in str(failure):
            raise StillInUse(str(failure)) from failure
        line_number = sql[: int(failure.position or 1)].count("\n") + 1
        raise MigrationFailed(f"{name}:{line_number}: {failure}") from failure
