"""An operator's word on positions: a topic was recreated or cut, and recording shall go on from a chosen place.

The only way a position ever moves other than by a batch. Who, why, from where and to where stand in the audit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from asyncpg import Connection

from hitl_stream.store import operation, statement


@dataclass(frozen=True, slots=True)
class Position:
    """How far one partition is recorded."""

    cluster_id: str
    topic: str
    partition: int
    next_offset: int
    epoch: int
    owner: str
    topic_id: str | None
    moved_at: datetime


@dataclass(frozen=True, slots=True)
class Move:
    """A position that was set; `before` is None for a partition that had none."""

    partition: int
    before: int | None
    after: int


async def show(conn: Connection) -> Sequence[Position]:
    """All positions, ordered by cluster, topic and partition."""
    return [Position(*row) for row in await conn.fetch(statement.get("all_positions"))]


async def adopt(
    conn: Connection,
    cluster_id: str,
    topic: str,
    starts: Mapping[int, int],
    topic_id: str | None,
    actor: str,
    reason: str,
) -> list[Move]:
    """Set the positions of a topic, partition by partition, and make them belong to `topic_id`.

    Partitions that the topic no longer has start at 0, should they come back. Call it inside a transaction.
    """
    stored = {row["partition"]: row for row in await conn.fetch(statement.get("lock_positions"), cluster_id, topic)}
    chosen = {**dict.fromkeys(stored, 0), **starts}
    partitions = sorted(chosen)
    offsets = [chosen[partition] for partition in partitions]
    await conn.execute(statement.get("adopt_positions"), cluster_id, topic, partitions, offsets, topic_id)
    moves = [Move(p, stored[p]["next_offset"] if p in stored else None, chosen[p]) for p in partitions]
    detail = {
        "cluster_id": cluster_id,
        "topic": topic,
        "topic_id_before": sorted({row["topic_id"] for row in stored.values() if row["topic_id"] is not None}),
        "topic_id": topic_id,
        "moves": [[move.partition, move.before, move.after] for move in moves],
    }
    await operation.write(conn, actor, "positions_adopted", reason, detail=detail)
    return moves
