"""Who may do what: groups of the identity provider have roles, authors are persons or machines, classes need approvals.

Every change stands in the audit with who made it and why, in the same transaction. What is taken away here ends at once:
every deciding transaction reads these tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from asyncpg import Connection

from hitl_stream.review.role import Role
from hitl_stream.store import operation, statement


@dataclass(frozen=True, slots=True)
class GroupRole:
    """One grant."""

    group: str
    role: Role
    granted_by: str
    granted_at: datetime


@dataclass(frozen=True, slots=True)
class Author:
    """Who an author of a source is; `source` is a glob, `person` None is a machine."""

    source: str
    name: str
    person: str | None
    mapped_by: str
    mapped_at: datetime


async def group_roles(conn: Connection) -> Sequence[GroupRole]:
    """Every grant, by group."""
    rows = await conn.fetch(statement.get("group_roles"))
    return [GroupRole(group, Role(role), by, at) for group, role, by, at in rows]


async def roles_of(conn: Connection, groups: Sequence[str]) -> frozenset[Role]:
    """What these groups may do, at this moment."""
    return frozenset(Role(role) for (role,) in await conn.fetch(statement.get("roles_of_groups"), list(groups)))


async def authors(conn: Connection) -> Sequence[Author]:
    """Every author that is known, by source."""
    return [Author(*row) for row in await conn.fetch(statement.get("authors"))]


async def grant(conn: Connection, group: str, role: Role, actor: str, reason: str) -> bool:
    """Give a group a role; whether it had not had it. To be called in a transaction."""
    detail = {"group": group, "role": role}
    return await _change(conn, "grant_group_role", (group, role, actor), "role_granted", actor, reason, detail)


async def revoke(conn: Connection, group: str, role: Role, actor: str, reason: str) -> bool:
    """Take a role from a group; whether it had it. To be called in a transaction."""
    detail = {"group": group, "role": role}
    return await _change(conn, "revoke_group_role", (group, role), "role_revoked", actor, reason, detail)


async def map_author(conn: Connection, source: str, name: str, person: str | None, actor: str, reason: str) -> None:
    """Say who an author is: a person, or with None a machine. To be called in a transaction."""
    await conn.execute(statement.get("take_rules_lock"))
    await conn.execute(statement.get("map_author"), source, name, person, actor)
    detail = {"source": source, "author": name, "person": person}
    await operation.write(conn, actor, "author_mapped", reason, detail=detail)


async def approvals_needed(conn: Connection) -> Mapping[str, int]:
    """How many different reviewers each class needs, the strictest class first."""
    return {row["class"]: row["needed"] for row in await conn.fetch(statement.get("approval_rules"))}


async def require(conn: Connection, of: str, needed: int, actor: str, reason: str) -> bool:
    """Say how many different reviewers a class needs; whether that is new. To be called in a transaction."""
    await conn.execute(statement.get("take_rules_lock"))
    return await _change(
        conn, "set_approval_rule", (of, needed), "approvals_required", actor, reason, {"class": of, "needed": needed}
    )


async def _change(
    conn: Connection,
    name: str,
    arguments: Sequence[str | int],
    action: str,
    actor: str,
    reason: str,
    detail: Mapping[str, str | int],
) -> bool:
    """Run a statement that changes one row or none; what it changed stands in the audit."""
    status = await conn.execute(statement.get(name), *arguments)
    if status.endswith(" 0"):
        return False
    await operation.write(conn, actor, action, reason, detail=detail)
    return True
