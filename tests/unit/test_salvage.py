"""Reading around a batch that cannot be read: what counts as one, and where the next begins."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import Any, cast

import pytest
from aiokafka import TopicPartition
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from hitl_stream.contract.record import Record, UnreadableRecord
from hitl_stream.stream import codec, portion, salvage
from tests.stream import segment

PLACE = TopicPartition("results", 3)


def batch(base: int, count: int = 3) -> bytearray:
    """A batch of `count` records that begins at `base`."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1_000_000)
    for number in range(count):
        builder.append(number, timestamp=1_000 + number, key=b"k", value=b"v%d" % number, headers=[])
    built = bytearray(builder.build())
    built[:8] = base.to_bytes(8, "big", signed=True)
    return built


def broken(base: int) -> bytearray:
    """The same with a wrong checksum."""
    built = batch(base)
    built[-2] ^= 1
    return built


def far(base: int, delta: int) -> bytearray:
    """The same with a wrong last offset, so with a wrong checksum too."""
    built = batch(base)
    built[23:27] = delta.to_bytes(4, "big", signed=True)
    return built


async def read(
    monkeypatch: pytest.MonkeyPatch, position: int, *parts: bytes | bytearray, log_end: int = 1_000
) -> tuple[list[Record], int]:
    async def fetch(*_: object) -> Any:
        return b"".join(parts), [], log_end

    monkeypatch.setattr(salvage, "_fetch", fetch)
    return await salvage.read(cast(Any, None), PLACE, position)


GOOD, BAD = "good", "bad"


@pytest.mark.parametrize(
    ("position", "parts", "found", "following"),
    [
        (0, [batch(0), batch(3)], [(0, GOOD), (1, GOOD), (2, GOOD), (3, GOOD), (4, GOOD), (5, GOOD)], 6),
        (0, [broken(0), batch(3)], [(0, BAD)], 3),
        (0, [broken(0), batch(7)], [(0, BAD)], 7),  # offsets have gaps: the next one's header says where it begins
        (0, [batch(0), broken(3), batch(6)], [(0, GOOD), (1, GOOD), (2, GOOD), (3, BAD)], 6),
        (1, [broken(0), batch(3)], [(1, BAD)], 3),  # two were read before
        (0, [batch(0), broken(3)], [(0, GOOD), (1, GOOD), (2, GOOD)], 3),  # seen from there, the next may be there too
        (3, [broken(3)], [(3, BAD)], 6),
        (0, [far(0, 99), batch(3)], [(0, BAD)], 3),
        (3, [far(0, 99), batch(3)], [(3, GOOD), (4, GOOD), (5, GOOD)], 6),  # handed out again, because it claims 3
        (0, [far(0, 5_000)], [(0, BAD)], 1_000),  # never beyond the end of the log
        (0, [far(0, -9)], [(0, BAD)], 1),
        (0, [batch(0), batch(3)[:40]], [(0, GOOD), (1, GOOD), (2, GOOD)], 3),  # cut by the fetch, not damaged
    ],
)
async def test_what_is_read_and_where_the_next_begins(
    monkeypatch: pytest.MonkeyPatch, position: int, parts: list[bytes], found: list[tuple[int, str]], following: int
) -> None:
    records, end = await read(monkeypatch, position, *parts)
    kinds = [(record.offset, BAD if isinstance(record, UnreadableRecord) else GOOD) for record in records]
    assert (kinds, end) == (found, following)


async def test_an_unreadable_batch_is_kept_as_the_broker_holds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = broken(10)
    records, _ = await read(monkeypatch, 10, raw, batch(13))
    (record,) = records
    assert isinstance(record, UnreadableRecord)
    assert (record.topic, record.partition, record.timestamp, record.key) == ("results", 3, 1_002, None)
    assert record.value == bytes(raw)
    assert record.reason.startswith("records 10 to 12 cannot be read (none): ")
    assert "Invalid CRC" in record.reason
    assert record.reason.endswith("the value is the batch as the broker holds it")


async def test_a_next_batch_that_cannot_be_one_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    for base in (2**40, -1):
        with pytest.raises(salvage.Undelimited):
            await read(monkeypatch, 0, broken(0), batch(base))


@pytest.mark.parametrize("length", [0, -1, 5, 2**31 - 1])
async def test_a_batch_with_a_wrong_length_is_not_skipped(monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    raw = batch(0)
    raw[8:12] = length.to_bytes(4, "big", signed=True)
    with pytest.raises(salvage.Undelimited):
        await read(monkeypatch, 0, raw, batch(3))


async def test_what_the_reader_says_is_one_short_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object, reader: Iterator[Record]) -> None:
        next(reader)
        raise ValueError("\0\u202e" + "x" * 100_000)

    monkeypatch.setattr(portion, "fill", fail)
    records, _ = await read(monkeypatch, 0, batch(0))
    (record,) = records
    assert isinstance(record, UnreadableRecord)
    assert len(record.reason) < 500
    assert record.reason.isprintable()
    assert "\\u0000\\u202exxx" in record.reason


async def test_many_records_before_a_bad_batch_are_read_a_list_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    before = [batch(first, 500) for first in range(0, 2_000, 500)]
    records, following = await read(monkeypatch, 0, *before, broken(2_000), log_end=3_000)
    assert (len(records), following) == (1_000, 1_000)


def named(base: int, compressed: bool, *names: bytes) -> bytearray:
    """A batch of a record for each name, which one header of it has: `builder` takes text only, so it is put in afterwards."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1_000_000)
    for number, name in enumerate(names):
        headers = [("ce_id", b"e"), ("~" * len(name), b"h"), ("twice", None), ("twice", b"2")]
        builder.append(number, timestamp=1_000, key=b"k", value=b"v%d" % number, headers=headers)
    built = bytearray(builder.build())
    for name in names:
        segment.name(b"~" * len(name), name)(built)
    if compressed:
        squeeze(built, bytes(built[segment.RECORDS :]))
    built[:8] = base.to_bytes(8, "big", signed=True)
    segment.seal(built)
    return built


def squeeze(built: bytearray, records: bytes) -> None:
    """Let it hold these, in gzip."""
    built[segment.RECORDS :] = gzip.compress(records)
    segment.codec(1)(built)
    segment.length(len(built) - 12)(built)


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("position", [3, 4])
async def test_a_header_whose_name_is_no_utf8_costs_its_own_record_only(
    monkeypatch: pytest.MonkeyPatch, compressed: bool, position: int
) -> None:
    parts = batch(0), named(3, compressed, b"fine", b"caf\xe9", "café".encode()), batch(6)
    records, following = await read(monkeypatch, position, *parts)
    assert following == 6
    assert [(r.offset, r.key, r.value, getattr(r, "reason", None)) for r in records] == [
        (3, b"k", b"v0", None),
        (4, b"k", b"v1", r"the name of a header is no UTF-8: caf\xe9"),
        (5, b"k", b"v2", None),
    ][position - 3 :]
    names = {r.offset: [*r.headers] for r in records}
    rest = [("twice", None), ("twice", b"2")]
    assert names[4] == [("ce_id", b"e"), (r"caf\xe9", b"h"), *rest]
    assert names[5] == [("ce_id", b"e"), ("café", b"h"), *rest]
    assert {type(name) for headers in names.values() for name, _ in headers} == {str}


async def test_what_lies_behind_an_odd_name_and_is_worse_is_still_one_unreadable_record(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parts = named(0, False, b"caf\xe9"), broken(1)
    assert (await read(monkeypatch, 0, *parts))[1] == 1
    records, following = await read(monkeypatch, 1, *parts)
    assert ([r.offset for r in records], following) == ([1], 4)
    assert "CRC" in cast(UnreadableRecord, records[0]).reason


async def test_an_odd_name_in_a_damaged_batch_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = named(0, False, b"caf\xe9")
    damaged[-2] ^= 1
    records, _ = await read(monkeypatch, 0, damaged)
    assert [cast(UnreadableRecord, record).reason.split(":")[0] for record in records] == [
        "records 0 to 0 cannot be read (none)"
    ]


async def test_a_bomb_with_an_odd_name_is_not_set_off_by_the_second_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    codec.bound()
    bomb = named(0, False, b"caf\xe9")
    squeeze(bomb, bytes(codec.UNCOMPRESSED_MAX + 1))
    segment.seal(bomb)
    records, _ = await read(monkeypatch, 0, bomb)
    assert "more than 67108864 bytes" in cast(UnreadableRecord, records[0]).reason
