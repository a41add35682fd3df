"""What can be said of the database from outside, for `doctor`: over one connection, without taking on any role for long."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
from asyncpg import Connection

from hitl_stream.store import database, outbox, process, revision, statement
from hitl_stream.store.outbox import OldestAge
from hitl_stream.store.process import Seen

ROLES = ("hitl_worker", "hitl_scheduler", "hitl_sidecar", "hitl_operator")
COMMAND_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class StoredTopic:
    """A topic that has positions; `topic_id` is None where the broker keeps none."""

    cluster_id: str
    topic: str
    topic_id: str | None
    partitions: int


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """`clock_ahead_s` is the database's clock minus ours, exact to half of `answer_s`.

    What needs the schema is empty while there is none. `beyond_reach` are logins of processes that could stand still within
    a statement and keep their locks: the schema's owner may not end their sessions.
    """

    version: int
    user: str
    read_only: bool
    answer_s: float
    clock_ahead_s: float
    roles_refused: Sequence[str]
    revision: str
    processes: Sequence[Seen]
    beyond_reach: Sequence[str]
    topics: Sequence[StoredTopic]
    oldest: OldestAge


async def examine(url: str) -> Diagnosis:
    """Ask everything. Raises Unavailable, Fatal."""
    with database.translated():
        settings = database.session_settings(None, "hitl-stream doctor", COMMAND_TIMEOUT_S)
        conn = await asyncpg.connect(
            url, timeout=COMMAND_TIMEOUT_S, command_timeout=COMMAND_TIMEOUT_S, server_settings=settings
        )
        try:
            return await _examine(conn)
        finally:
            conn.terminate()


async def _examine(conn: Connection) -> Diagnosis:
    facts = await conn.prepare(statement.get("server_facts"))
    before, began = time.time(), time.monotonic()
    (row,) = await facts.fetch()
    answer_s = time.monotonic() - began
    found = await revision.current(conn)
    ready = found != revision.BASE
    return Diagnosis(
        version=row["version"],
        user=row["session_user"],
        read_only=row["read_only"],
        answer_s=answer_s,
        clock_ahead_s=row["now"].timestamp() - (before + answer_s / 2),
        roles_refused=[role for role in ROLES if not await _may_become(conn, role)],
        revision=found,
        processes=await process.alive(conn) if ready else (),
        beyond_reach=await conn.fetchval(statement.get("logins_beyond_reach")),
        topics=[StoredTopic(*topic) for topic in await conn.fetch(statement.get("stored_topics"))] if ready else (),
        oldest=await outbox.oldest_age(conn) if ready else OldestAge(),
    )


async def _may_become(conn: Connection, role: str) -> bool:
    attempt = conn.transaction()
    await attempt.start()
    try:
        await conn.execute(f"SET LOCAL ROLE {role}")
    except asyncpg.PostgresError as refusal:
        if database.unavailable(refusal):
            raise
        return False
    finally:
        await attempt.rollback()
    return True
