"""Messages recorded but not yet acknowledged by the broker. A row holds many; it goes only after all of them are out."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import orjson
from asyncpg import Connection

from hitl_stream.contract.record import Message
from hitl_stream.store import statement

ROW_BYTES_MAX = 1024 * 1024
TAKE_BYTES_MAX = 16 * 1024 * 1024
# Dead letters have shards of their own: where their topic takes nothing, decisions go on. 8 times the least common multiple of
# 1 to 22, so that modulo most numbers of partitions they belong to the owner of the partition they came from.
LETTERS = 1_862_340_480


@dataclass(slots=True)
class OutboxRow:
    """One row: its messages must be published in this order, after those of every lower id of the shard."""

    id: int
    shard: int
    messages: list[Message]


class Published(NamedTuple):
    """A row whose messages are acknowledged, and the epoch under which we own its shard."""

    shard: int
    id: int
    epoch: int


class OldestAge(NamedTuple):
    """How long the oldest unpublished message has waited, in seconds: of events, and of dead letters. None: there is none."""

    events_s: float | None = None
    letters_s: float | None = None


def letter_shard(partition: int) -> int:
    """The shard for dead letters of what came on this partition."""
    return LETTERS + partition


def pack(messages: Sequence[Message]) -> list[list[bytes | None]]:
    """Flatten messages for the column `messages`, in chunks of at most about ROW_BYTES_MAX."""
    rows: list[list[bytes | None]] = [[]]
    size = 0
    for message in messages:
        headers = pack_headers(message.headers) if message.headers else None
        length = sum(len(part or b"") for part in (message.key, message.value, headers))
        if rows[-1] and size + length > ROW_BYTES_MAX:
            rows.append([])
            size = 0
        size += length
        rows[-1] += (message.topic.encode(), message.key, message.value, headers)
    return rows if rows[-1] else []


def unpack(elements: Sequence[bytes | None]) -> list[Message]:
    """The messages of one row."""
    return [
        Message((topic or b"").decode(), key, value, unpack_headers(headers) if headers else ())
        for topic, key, value, headers in zip(*[iter(elements)] * 4, strict=True)
    ]


def pack_headers(headers: Sequence[tuple[str, bytes | None]]) -> bytes:
    """Headers as JSON `[[name, base64 or null], …]`: order and repeated names are kept."""
    return orjson.dumps([[name, None if value is None else b64encode(value).decode()] for name, value in headers])


def unpack_headers(packed: bytes | str) -> tuple[tuple[str, bytes | None], ...]:
    """The inverse of pack_headers."""
    return tuple((name, None if value is None else b64decode(value)) for name, value in orjson.loads(packed))


async def take(
    conn: Connection, shards: Sequence[int], limit: int, published: Sequence[Published] = ()
) -> tuple[list[OutboxRow], int]:
    """At most `limit` rows per shard, per shard in id order, without those published, which are taken away.

    Of each shard there is one at least, and no more than its part of TAKE_BYTES_MAX and one row. Also returns how many of the
    published ones went that are of these shards, under the epochs given.
    """
    rows = await conn.fetch(
        statement.get("take_outbox"),
        list(shards),
        limit,
        [row.shard for row in published],
        [row.id for row in published],
        [row.epoch for row in published],
        TAKE_BYTES_MAX // max(1, len(shards)),
    )
    found = [OutboxRow(row["id"], row["shard"], unpack(row["messages"])) for row in rows if row["id"] is not None]
    return found, rows[0]["gone"]


async def oldest_age(conn: Connection) -> OldestAge:
    """Of everything that is not published yet. Dead letters apart: nothing waits for them, and they must not hide a stall."""
    (row,) = await conn.fetch(statement.get("outbox_oldest_age"), LETTERS)
    return OldestAge(row["events_s"], row["letters_s"])
