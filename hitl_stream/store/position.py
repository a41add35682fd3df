"""How far each partition is recorded, and who may move it. The position never skips: what does not fit is Fatal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from asyncpg import Connection

from hitl_stream.errors import Fatal
from hitl_stream.store import statement

Watermarks = Mapping[int, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to move one partition: valid until somebody else claims it."""

    topic: str
    partition: int
    next_offset: int
    epoch: int


async def claim(
    conn: Connection,
    cluster_id: str,
    topic: str,
    watermarks: Watermarks,
    topic_id: str | None,
    owner: str,
    asked_again: Callable[[], Awaitable[Watermarks]] | None = None,
) -> dict[int, Claim]:
    """Take over partitions: epoch + 1 each, and where to seek.

    `watermarks` holds (earliest, end) per partition; a partition without a position starts at the earliest. Who had it may have
    recorded more since they were asked for: where a position lies beyond them they are `asked_again`, now that nobody else can
    move it. Raises Fatal when the topic is another one than the position was made for, or when the position lies outside what
    the broker still has: going on would skip records silently.
    """
    partitions = sorted(watermarks)
    async with conn.transaction():
        await conn.execute(
            statement.get("create_position"),
            cluster_id,
            topic,
            partitions,
            [watermarks[p][0] for p in partitions],
            topic_id,
        )
        rows = await conn.fetch(statement.get("claim_positions"), cluster_id, topic, partitions, owner, topic_id)
        if asked_again is not None and any(row["next_offset"] > watermarks[row["partition"]][1] for row in rows):
            watermarks = await asked_again()
        for row in rows:
            _check(topic, row["partition"], row["next_offset"], row["topic_id"], topic_id, watermarks[row["partition"]])
    return {row["partition"]: Claim(topic, row["partition"], row["next_offset"], row["epoch"]) for row in rows}


def _check(
    topic: str, partition: int, next_offset: int, stored_id: str | None, topic_id: str | None, range_: tuple[int, int]
) -> None:
    earliest, end = range_
    advice = f"look at the topic, then run: hitl-stream positions adopt {topic}"
    if stored_id is not None and topic_id is not None and stored_id != topic_id:
        raise Fatal(f"topic {topic} was recreated (id {topic_id}, positions belong to {stored_id}); {advice}")
    if next_offset > end:
        raise Fatal(
            f"{topic}/{partition} ends at {end}, but {next_offset} are recorded: it was recreated or cut; {advice}"
        )
    if next_offset < earliest:
        raise Fatal(
            f"{topic}/{partition} starts at {earliest}, but only {next_offset} are recorded: "
            f"{earliest - next_offset} records are gone; {advice}"
        )


async def read(conn: Connection, cluster_id: str, topic: str, partitions: Sequence[int]) -> dict[int, Claim]:
    """Where the positions stand, without claiming anything."""
    rows = await conn.fetch(statement.get("read_positions"), cluster_id, topic, list(partitions))
    return {row["partition"]: Claim(topic, row["partition"], row["next_offset"], row["epoch"]) for row in rows}


async def claim_shards(conn: Connection, shards: Sequence[int], owner: str) -> dict[int, int]:
    """Take over the publishing of shards; returns the new epoch of each."""
    rows = await conn.fetch(statement.get("claim_shards"), sorted(shards), owner)
    return {row["shard"]: row["epoch"] for row in rows}


async def known_shards(conn: Connection) -> list[int]:
    """Every shard that may hold messages."""
    return [row["shard"] for row in await conn.fetch(statement.get("known_shards"))]
