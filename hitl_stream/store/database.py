"""The way to Postgres: a pool under one role, bounded in every wait, and one way to hold a transaction.

What leaves here is `Unavailable` (try again), `Fatal` (wrong credentials, no right to the role), or what Postgres said of
the statement itself. Nothing is retried here: who asked knows what may be repeated.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from math import inf
from typing import Any, cast

import asyncpg
from asyncpg import Connection

from hitl_stream.errors import Fatal, HitlError, Unavailable
from hitl_stream.observe import log
from hitl_stream.store import statement

__all__ = [
    "CONNECT_TIMEOUT_S", "PLANNING", "Connection", "Database", "attempt", "session_settings", "translated", "unavailable",
]  # fmt: skip

CONNECT_TIMEOUT_S = 10.0
COMMAND_TIMEOUT_S = 20.0
RELEASE_TIMEOUT_S = 5.0
IDLE_S = 300.0
COMMIT_WAIT_S = 5.0
SILENCE_EVERY_S, SILENCE_WAIT_S = 5.0, 5.0
NETWORK_TIMEOUT_S = 15

_FAILURES = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
# SQLSTATE classes and codes that say nothing of the statement: the same one may succeed later.
_AWAY_CLASSES = ("08", "40", "53")
_AWAY_CODES = frozenset(
    {"57014", "57P01", "57P02", "57P03", "57P05", "55P03", "25P03", "25P04", "25006", "58030"}  # 57P04: it was dropped
)
# How asyncpg says that the connection or the pool went away under us; it takes a dead connection back by itself.
_GONE = ("is closed", "is closing", "been released back to the pool")
# A prepared plan is kept until the first ANALYZE. Made while the tables were empty it would read them from end to end, and
# autovacuum looks only once a minute: at full speed that is a million rows too late.
PLANNING = {"jit": "off", "enable_seqscan": "off", "random_page_cost": "1.1"}
_INTERNAL = "XX000"
_ROLE_MISSING = "22023"
_NOT_ALLOWED = ("28000", "28P01", "3D000", "42501")


@dataclass(slots=True)
class Database:
    """Connections of one process under one role."""

    pool: asyncpg.Pool[asyncpg.Record]
    role: str
    _silence_sought_at: float = field(default=-inf, init=False)

    @classmethod
    async def open(
        cls,
        url: str,
        role: str,
        *,
        size: int,
        name: str,
        command_timeout_s: float = COMMAND_TIMEOUT_S,
        held: bool = False,
    ) -> Database:
        """Connect once, so that a wrong address or password is known now. Raises Unavailable, Fatal.

        `held`: all connections are made now, and an idle one is kept for as long as Postgres keeps it.
        """
        with translated(role):
            pool = await asyncpg.create_pool(
                url,
                min_size=size if held else 1,
                max_size=size,
                max_inactive_connection_lifetime=0.0 if held else IDLE_S,
                timeout=CONNECT_TIMEOUT_S,
                command_timeout=command_timeout_s,
                server_settings=session_settings(role, name, command_timeout_s),
                init=_keep_alive,
                reset=_keep_session,
            )
        return cls(pool, role)

    @classmethod
    @asynccontextmanager
    async def opened(
        cls, url: str, role: str, *, name: str, command_timeout_s: float = COMMAND_TIMEOUT_S
    ) -> AsyncIterator[Database]:
        """One connection for as long as the block lasts. Raises Unavailable, Fatal."""
        database = await cls.open(url, role, size=1, name=name, command_timeout_s=command_timeout_s)
        try:
            yield database
        finally:
            await database.close()

    async def close(self) -> None:
        """Close every connection; what is still in use after a moment is torn down."""
        with suppress(TimeoutError, *_FAILURES):
            async with asyncio.timeout(RELEASE_TIMEOUT_S):
                await self.pool.close()
        self.pool.terminate()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection in autocommit. Raises Unavailable, Fatal, or the error of the statement."""
        try:
            async with self._acquired() as conn:
                yield conn
        except Unavailable as failure:
            if isinstance(failure.__cause__, asyncpg.LockNotAvailableError):
                await self._end_silent()
            raise

    @asynccontextmanager
    async def _acquired(self) -> AsyncIterator[Connection]:
        with translated(self.role):
            conn = await self.pool.acquire(timeout=CONNECT_TIMEOUT_S)
            try:
                yield cast(Connection, conn)  # a proxy with the same methods; the stubs do not say so
            except (asyncio.CancelledError, TimeoutError, asyncpg.InternalClientError):
                _discard(conn)  # something may still run on it, and asking a frozen server to stop would wait for it
                raise
            finally:
                await self.pool.release(conn, timeout=RELEASE_TIMEOUT_S)

    async def _end_silent(self) -> None:
        """Cut off who keeps locks and stands still where no time-out reaches.

        Not often: where many wait for locks, connections are scarce.
        """
        if time.monotonic() - self._silence_sought_at < SILENCE_EVERY_S:
            return
        self._silence_sought_at = time.monotonic()
        with suppress(HitlError, *_FAILURES):  # the lock is what is reported; 0.1.0's schema has no such function
            async with asyncio.timeout(SILENCE_WAIT_S), self._acquired() as conn:
                ended = [row["pid"] for row in await conn.fetch(statement.get("end_silent_sessions"))]
            if ended:
                log.get().warning("silent_sessions_ended", pids=ended)

    @asynccontextmanager
    async def transaction(self, first: str | None = None) -> AsyncIterator[Connection]:
        """A transaction: committed at the end of the block, rolled back when it raises.

        `first` names a statement without parameters that goes with BEGIN, in one round trip. A commit under way is never
        cancelled. If the line breaks during it, nobody knows whether it happened: Unavailable, and the caller repeats with
        the same ids and positions.
        """
        async with self.connection() as conn:
            try:
                await conn.execute("BEGIN" if first is None else f"BEGIN; {statement.get(first)}")
                yield conn
            except BaseException as failure:
                await _abandon(conn, failure)
                raise
            await _commit(conn)


@asynccontextmanager
async def attempt(conn: Connection) -> AsyncIterator[None]:
    """A part of a transaction that can fail by itself: what it did is undone, and the rest goes on."""
    await conn.execute("SAVEPOINT attempt")
    try:
        yield
    except BaseException as failure:
        if _leaves_the_session_usable(failure):
            await conn.execute("ROLLBACK TO SAVEPOINT attempt; RELEASE SAVEPOINT attempt")
        raise
    await conn.execute("RELEASE SAVEPOINT attempt")


def unavailable(failure: BaseException) -> bool:
    """Whether the failure means that Postgres is away or busy, rather than that the statement is wrong."""
    if isinstance(failure, (OSError, Unavailable, asyncpg.InternalClientError)):
        return True  # TimeoutError is an OSError; the last is what a session ended by the server while idle gives
    if isinstance(failure, asyncpg.PostgresError):
        code = failure.sqlstate or ""
        return code.startswith(_AWAY_CLASSES) or code in _AWAY_CODES or (code == _INTERNAL and _ended_session(failure))
    return isinstance(failure, asyncpg.InterfaceError) and any(words in str(failure) for words in _GONE)


def _ended_session(failure: asyncpg.PostgresError) -> bool:
    """Whether it was the session that could not go on, and not the statement: on a full disk none can even begin."""
    return getattr(failure, "severity_en", None) in ("FATAL", "PANIC")


@contextmanager
def translated(role: str | None = None) -> Iterator[None]:
    """Turn what the driver raises into one of ours where it has a fate of its own."""
    try:
        yield
    except _FAILURES as failure:
        error = _translate(failure, role)
        if error is None:
            raise
        raise error from failure


def _translate(failure: BaseException, role: str | None) -> HitlError | None:
    if unavailable(failure):
        return Unavailable(f"Postgres: {type(failure).__name__}: {failure}".rstrip(": "))
    code = failure.sqlstate if isinstance(failure, asyncpg.PostgresError) else None
    if code == _ROLE_MISSING and role is not None and f'role "{role}" does not exist' in str(failure):
        return Unavailable(f"Postgres has no role {role} yet: run hitl-stream migrate up")
    if code == "42501" and "permission denied to set role" not in str(failure):
        return None  # a statement beyond its role's rights is a bug of ours, not a matter of credentials
    if code in _NOT_ALLOWED:
        return Fatal(f"Postgres refuses: {failure}")
    return None


def session_settings(role: str | None, name: str, command_timeout_s: float) -> dict[str, str]:
    """What a session starts with. Given at connection time, so that no statement and no RESET can be in between.

    The server gives up a little earlier than the client does: then the client knows that nothing happened.
    """
    settings = {
        "application_name": name[:63],
        "TimeZone": "UTC",
        "search_path": "public",
        "statement_timeout": f"{int(command_timeout_s * 800)}ms",
        "lock_timeout": f"{int(command_timeout_s * 400)}ms",
        "idle_in_transaction_session_timeout": f"{int(command_timeout_s * 1500)}ms",
        "tcp_keepalives_idle": str(NETWORK_TIMEOUT_S),
        "tcp_keepalives_interval": "5",
        "tcp_keepalives_count": "3",
        "tcp_user_timeout": f"{NETWORK_TIMEOUT_S * 1000}ms",
    }
    return settings if role is None else {**settings, **PLANNING, "role": role}


async def _keep_alive(conn: Any) -> None:
    """Notice a dead network on our side too; asyncpg offers no public way to its socket."""
    sock = conn._transport.get_extra_info("socket")
    if sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        ("TCP_KEEPIDLE", NETWORK_TIMEOUT_S),
        ("TCP_KEEPINTVL", 5),
        ("TCP_KEEPCNT", 3),
        ("TCP_USER_TIMEOUT", NETWORK_TIMEOUT_S * 1000),
    ):
        if hasattr(socket, option):  # not every system has all four
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


async def _keep_session(conn: Any) -> None:
    """Nothing to reset: no statement of ours leaves anything in a session. Saves a round trip per transaction."""


def _discard(conn: Any) -> None:
    with suppress(asyncpg.InterfaceError):  # the pool has it back already: it was dead
        conn.terminate()


def _leaves_the_session_usable(failure: BaseException) -> bool:
    """Whether the server can still be told something: not while a statement may run there, nor once it is away."""
    return isinstance(failure, Exception) and not unavailable(failure)


async def _abandon(conn: Connection, failure: BaseException) -> None:
    """End a transaction that must not happen. Closing the connection does it too, and never waits."""
    if _leaves_the_session_usable(failure):
        with suppress(*_FAILURES):
            await conn.execute("ROLLBACK")
            return
    _discard(conn)


async def _commit(conn: Connection) -> None:
    commit = asyncio.ensure_future(conn.execute("COMMIT"))
    try:
        ended = await asyncio.shield(commit)
    except asyncio.CancelledError:
        await asyncio.wait({commit}, timeout=COMMIT_WAIT_S)
        if not commit.done() or commit.exception() is not None:
            _discard(conn)
        raise
    if ended != "COMMIT":  # a statement failed and nobody minded: Postgres rolls back, and says so in one word
        raise RuntimeError(f"the transaction ended with {ended}")
