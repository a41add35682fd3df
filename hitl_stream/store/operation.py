"""What an operator did, as an entry of the audit, in the same transaction as what it did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from asyncpg import Connection

from hitl_stream.store import statement


async def write(
    conn: Connection,
    actor: str,
    action: str,
    reason: str | None,
    policy_version: int | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Append the entry; the database dates it."""
    text = None if detail is None else orjson.dumps(detail).decode()
    await conn.execute(statement.get("write_operator_action"), actor, action, policy_version, reason, text)
