"""Reads a partition around a batch that cannot be read: wrong checksum, unknown codec, more bytes than anybody sends.

Such a batch becomes one unreadable record: its place, its raw bytes as the broker holds them, and what is wrong. So it ends
as a dead letter and the position moves past it. Where only the name of a header is wrong, only its record is (`odd_name`).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.errors import KafkaError, LeaderNotAvailableError, for_code
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.memory_records import MemoryRecords

from hitl_stream.contract import complaint
from hitl_stream.contract.record import Record, UnreadableRecord
from hitl_stream.stream import odd_name, portion
from hitl_stream.stream.portion import RECORD_BYTES_MAX

FETCH_BYTES = 4 * 1024 * 1024
WHY_CHARACTERS_MAX = 300
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
    """Records from `position` on, at most a list of them, up to and including one bad batch, and the position after them.

    Raises KafkaError when the broker does not answer, Undelimited when there is no way past.
    """
    raw, aborted, log_end = await _fetch(consumer, tp, position)
    found = _from(list(batches(raw)), position)
    records: list[Record] = []
    counted = _Counted(found, _usual)
    readable = _reader(tp, counted, aborted, position)
    try:
        portion.fill(records, readable)
    except Exception as failure:  # noqa: BLE001 - bytes from outside broke the reader: whatever it is, they would do so again
        forgiven = _forgiving(tp, found[: counted.begun], aborted, position, log_end)
        return forgiven or _around(tp, found, counted.begun - 1, position, log_end, records, failure)
    following = readable.next_fetch_offset
    if following == position and raw:
        raise Undelimited(f"{tp.topic}/{tp.partition}: the batch at {position} is damaged in its length")
    return records, following


def batches(raw: bytes) -> Iterator[RawBatch]:
    """The whole batches in a fetched buffer, by their headers alone."""
    start = 0
    while start + _HEADER.size <= len(raw):
        base, length, _, _, _, attributes, last_delta, _, newest = _HEADER.unpack_from(raw, start)
        end = start + _LENGTH_END + length
        if length < _HEADER.size - _LENGTH_END or end > len(raw):
            return
        yield RawBatch(base, base + max(last_delta, 0), attributes & 0x07, newest, bytes(raw[start:end]))
        start = end


class _Counted:
    """What the reader takes batches from; knows which one it is at."""

    def __init__(self, found: Sequence[RawBatch], opened: Callable[[bytes], Any]) -> None:
        self._found, self._opened = found, opened
        self.begun = 0

    def has_next(self) -> bool:
        return self.begun < len(self._found)

    def next_batch(self) -> Any:
        self.begun += 1
        return self._opened(self._found[self.begun - 1].raw)


def _usual(raw: bytes) -> Any:
    """A batch as aiokafka reads it."""
    return MemoryRecords(raw).next_batch()


def _reader(tp: TopicPartition, counted: _Counted, aborted: Any, position: int) -> Any:
    """The records of committed transactions from `position` on; knows the position behind the last one it gave."""
    return PartitionRecords(tp, counted, aborted, position, None, None, True, READ_COMMITTED)


def _forgiving(
    tp: TopicPartition, found: Sequence[RawBatch], aborted: Any, position: int, log_end: int
) -> tuple[list[Record], int] | None:
    """The same by a reader that minds no name of a header; None where that was not what is wrong."""
    records: list[Record] = []
    readable = _reader(tp, _Counted(found, odd_name.Batch), aborted, position)
    try:
        portion.fill(records, map(odd_name.refused, readable))
    except Exception:  # noqa: BLE001 - the bytes broke this reader too, in whatever way; what the first one said is reported
        return None
    following: int = readable.next_fetch_offset
    return (records, following) if position < following <= log_end else None


def _from(found: list[RawBatch], position: int) -> list[RawBatch]:
    """Without those that are passed already: a damaged last offset makes the broker hand them out again."""
    at = 0
    while at + 1 < len(found) and found[at].base_offset < found[at + 1].base_offset <= position:
        at += 1
    return found[at:]


def _around(
    tp: TopicPartition,
    found: list[RawBatch],
    at: int,
    position: int,
    log_end: int,
    read: list[Record],
    failure: Exception,
) -> tuple[list[Record], int]:
    """What was read before the bad batch, and all of that batch as one record: of what does not add up nothing is believed."""
    bad = found[at]
    first = max(bad.base_offset, position)
    before = [record for record in read if record.offset < first]
    if at + 1 < len(found):  # the next one's own header is believed first
        end = found[at + 1].base_offset
        if not first < end <= log_end:
            raise Undelimited(f"{tp.topic}/{tp.partition}: behind the bad batch at {first} comes no batch")
    elif first > position:
        return before, first  # read from there on the next one may be seen too
    else:
        end = max(min(bad.last_offset + 1, log_end), first + 1)
    return [*before, _unreadable(tp, bad, first, end, failure)], end


def _unreadable(tp: TopicPartition, bad: RawBatch, first: int, end: int, failure: Exception) -> UnreadableRecord:
    codec = _CODECS.get(bad.codec, f"unknown codec {bad.codec}")
    cut = len(bad.raw) > RECORD_BYTES_MAX
    why = complaint.line(str(failure) or type(failure).__name__, WHY_CHARACTERS_MAX)  # it may quote all of the batch
    reason = (
        f"records {first} to {end - 1} cannot be read ({codec}): {why}; "
        f"the value is the {'beginning of the ' if cut else ''}batch as the broker holds it"
    )
    raw = bad.raw[:RECORD_BYTES_MAX]
    return UnreadableRecord(tp.topic, tp.partition, first, max(bad.max_timestamp, 0), None, raw, (), reason)


async def _fetch(consumer: AIOKafkaConsumer, tp: TopicPartition, position: int) -> tuple[bytes, Any, int]:
    """Bytes, aborted transactions, and where the log ends."""
    client = consumer._client
    node = client.cluster.leader_for_partition(tp)
    if node is None or node == -1:
        raise LeaderNotAvailableError
    wanted = [(tp.topic, [(tp.partition, position, FETCH_BYTES)])]
    answer = await client.send(node, FetchRequest(500, 1, FETCH_BYTES, READ_COMMITTED, wanted))
    for _, partitions in answer.topics:
        for _, code, log_end, *rest in partitions:
            if code:
                raise for_code(code)
            aborted = rest[2] if answer.API_VERSION >= 11 else rest[-2]
            return bytes(rest[-1] or b""), aborted, int(log_end)
    raise LeaderNotAvailableError
