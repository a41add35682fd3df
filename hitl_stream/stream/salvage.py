"""Reads a partition around a batch that cannot be read: wrong checksum, unknown codec, more bytes than anybody sends.

Such a batch becomes one unreadable record: its place, its raw bytes as the broker holds them, and what is wrong. So it ends
as a dead letter and the position moves past it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.errors import KafkaError, LeaderNotAvailableError, for_code
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.memory_records import MemoryRecords

from hitl_stream.contract.record import Record, UnreadableRecord

RECORD_BYTES_MAX = 1_048_588  # what an input topic takes as a batch; a dead letter of it still fits
FETCH_BYTES = 4 * 1024 * 1024
_HEADER = struct.Struct(">qiibIhiqq")  # base offset, length, leader epoch, magic, crc, attributes, last delta, times
_LENGTH_END = 12
_CODECS = {0: "none", 1: "gzip", 2: "snappy", 3: "lz4", 4: "zstd"}


class Undelimited(KafkaError):
    """The batch's own length is wrong: nobody can say where the next one begins."""


@dataclass(frozen=True, slots=True)
class RawBatch:
    """One batch as the broker holds it, and what its header says."""

    base_offset: int
    last_offset: int
    codec: int
    max_timestamp: int
    raw: bytes


async def read(consumer: AIOKafkaConsumer, tp: TopicPartition, position: int) -> tuple[list[Record], int]:
    """The records from `position` on up to and including one bad batch, and the position after them.

    Raises KafkaError when the broker does not answer, Undelimited when there is no way past.
    """
    raw, aborted = await _fetch(consumer, tp, position)
    records: list[Record] = []
    readable = PartitionRecords(tp, MemoryRecords(raw), aborted, position, None, None, True, READ_COMMITTED)
    try:
        records.extend(readable)
    except Exception as failure:  # noqa: BLE001 - bytes from outside broke the reader: whatever it is, they would do so again
        following = max(position, readable.next_fetch_offset)
        bad, end = _locate(raw, following)
        records.append(_unreadable(tp, bad, following, end, failure))
        return records, end
    following = readable.next_fetch_offset
    if following == position and raw:
        raise Undelimited(f"{tp.topic}/{tp.partition}: the batch at {position} is damaged in its length")
    return records, following


def bounded(records: Sequence[Record]) -> Sequence[Record]:
    """The same records; one that no topic of ours could hold as a dead letter is cut to what it can, and says so."""
    if all(_size(record) <= RECORD_BYTES_MAX for record in records):
        return records
    return [record if _size(record) <= RECORD_BYTES_MAX else _cut(record) for record in records]


def batches(raw: bytes) -> Iterator[RawBatch]:
    """The whole batches in a fetched buffer, by their headers alone."""
    start = 0
    while start + _HEADER.size <= len(raw):
        base, length, _, _, _, attributes, last_delta, _, newest = _HEADER.unpack_from(raw, start)
        end = start + _LENGTH_END + length
        if length <= 0 or end > len(raw):
            return
        yield RawBatch(base, base + max(last_delta, 0), attributes & 0x07, newest, bytes(raw[start:end]))
        start = end


def _locate(raw: bytes, position: int) -> tuple[RawBatch, int]:
    """The batch that holds `position`, and where the next one begins. The next one's own header is believed first."""
    found = list(batches(raw))
    for batch, after in zip(found, [*found[1:], None], strict=True):
        if after is not None and position < after.base_offset:
            return batch, after.base_offset
        if after is None:
            return batch, max(batch.last_offset, position) + 1
    raise Undelimited(f"the batch at {position} is damaged in its length")


def _unreadable(tp: TopicPartition, bad: RawBatch, first: int, end: int, failure: Exception) -> UnreadableRecord:
    codec = _CODECS.get(bad.codec, f"unknown codec {bad.codec}")
    cut = len(bad.raw) > RECORD_BYTES_MAX
    reason = (
        f"records {first} to {end - 1} cannot be read ({codec}): {str(failure) or type(failure).__name__}; "
        f"the value is the {'beginning of the ' if cut else ''}batch as the broker holds it"
    )
    raw = bad.raw[:RECORD_BYTES_MAX]
    return UnreadableRecord(tp.topic, tp.partition, first, max(bad.max_timestamp, 0), None, raw, (), reason)


def _size(record: Record) -> int:
    """Bytes of key, value and headers."""
    size = len(record.key or b"") + len(record.value or b"")
    for name, value in record.headers:
        size += len(name) + len(value or b"")
    return size


def _cut(record: Record) -> UnreadableRecord:
    reason = f"the record has {_size(record)} bytes, at most {RECORD_BYTES_MAX} can be used; the value is its beginning"
    key = record.key if len(record.key or b"") <= RECORD_BYTES_MAX // 4 else None
    headers: list[tuple[str, bytes | None]] = []
    room = RECORD_BYTES_MAX // 4
    for name, value in record.headers:
        room -= len(name) + len(value or b"")
        if room < 0:
            break
        headers.append((name, value))
    beginning = None if record.value is None else record.value[: RECORD_BYTES_MAX // 2]
    return UnreadableRecord(
        record.topic, record.partition, record.offset, record.timestamp, key, beginning, tuple(headers), reason
    )


async def _fetch(consumer: AIOKafkaConsumer, tp: TopicPartition, position: int) -> tuple[bytes, Any]:
    client = consumer._client
    node = client.cluster.leader_for_partition(tp)
    if node is None or node == -1:
        raise LeaderNotAvailableError
    wanted = [(tp.topic, [(tp.partition, position, FETCH_BYTES)])]
    answer = await client.send(node, FetchRequest(500, 1, FETCH_BYTES, READ_COMMITTED, wanted))
    for _, partitions in answer.topics:
        for _, code, _, *rest in partitions:
            if code:
                raise for_code(code)
            aborted = rest[2] if answer.API_VERSION >= 11 else rest[-2]
            return bytes(rest[-1] or b""), aborted
    raise LeaderNotAvailableError
