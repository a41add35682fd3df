"""The policy in the database: documents that never change, which of them is active, and the kill switch.

Every batch holds the policy lock shared. Activating a document and throwing the switch take it exclusively, so that when
the call returns no approval of the old kind can commit anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from asyncpg import Connection

from hitl_stream.errors import Refused
from hitl_stream.policy import document
from hitl_stream.policy.document import PolicyDocument
from hitl_stream.store import operation, statement


class UnknownVersion(Refused):
    """There is no such policy version."""


@dataclass(frozen=True, slots=True)
class Version:
    """One document as it is stored; `document` is JSON text."""

    version: int
    active: bool
    note: str
    proposed_by: str
    proposed_at: datetime
    document: str


@dataclass(frozen=True, slots=True)
class Current:
    """What decides now, at this database time. `auto_approve` is the switch for all processes."""

    now: datetime
    policy: PolicyDocument
    auto_approve: bool


async def read(conn: Connection, version: int) -> PolicyDocument:
    """The document of a version. Raises UnknownVersion."""
    stored = await conn.fetchval(statement.get("policy_by_version"), version)
    if stored is None:
        raise UnknownVersion(f"no policy version {version}")
    return document.parse(version, orjson.loads(stored))


async def current(conn: Connection) -> Current:
    """The active document, the switch and the database's time."""
    row = await conn.fetchrow(statement.get("now_and_policy"))
    assert row is not None  # noqa: S101 - policy_state has exactly one row
    policy = document.parse(row["active_version"], orjson.loads(row["document"]))
    return Current(row["now"], policy, row["auto_approve"])


async def share_lock(conn: Connection) -> None:
    """Hold off changes of policy and switch until the transaction ends."""
    await conn.execute(statement.get("share_policy_lock"))


async def versions(conn: Connection) -> Sequence[Version]:
    """Every document, the newest first."""
    return [Version(*row) for row in await conn.fetch(statement.get("policy_versions"))]


async def auto_approves(conn: Connection) -> bool:
    """Whether the switch for all processes is on."""
    return bool(await conn.fetchval(statement.get("auto_approve")))


async def propose(conn: Connection, members: Mapping[str, Any], note: str, actor: str) -> int:
    """Store a document as the next version, which decides nothing yet. Raises ValueError naming what is wrong in it."""
    if "version" in members:
        raise ValueError("version: is given when the document is stored, leave it out")
    document.parse(1, members)
    async with conn.transaction():
        await conn.execute(statement.get("take_policy_lock"))
        version: int = await conn.fetchval(
            statement.get("propose_policy"), orjson.dumps(dict(members)).decode(), note, actor
        )
        await operation.write(conn, actor, "policy_proposed", note, version)
    return version


async def activate(conn: Connection, version: int, actor: str, reason: str) -> int:
    """Let a version decide from now on; returns the one before. Raises UnknownVersion."""
    async with conn.transaction():
        await conn.execute(statement.get("take_policy_lock"))
        await read(conn, version)
        before: int = await conn.fetchval(statement.get("activate_policy"), version, actor)
        await operation.write(conn, actor, "policy_activated", reason, version, {"version_before": before})
    return before


async def switch(conn: Connection, actor: str, reason: str, *, auto_approve: bool) -> bool:
    """Throw the kill switch for all processes; returns what it was."""
    async with conn.transaction():
        await conn.execute(statement.get("take_policy_lock"))
        before = await conn.fetchrow(statement.get("switch_auto_approve"), auto_approve, actor)
        assert before is not None  # noqa: S101 - policy_state has exactly one row
        word = "auto_approve_enabled" if auto_approve else "auto_approve_disabled"
        await operation.write(conn, actor, word, reason, before["active_version"])
    return bool(before["auto_approve"])
