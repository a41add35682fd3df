"""Reading around a batch that cannot be read: what counts as one, where the next begins, what fits into a dead letter."""

from __future__ import annotations

from typing import Any, cast

import pytest
from aiokafka import TopicPartition
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from hitl_stream.contract.record import Record, StoredRecord, UnreadableRecord
from hitl_stream.stream import salvage

LIMIT = salvage.RECORD_BYTES_MAX
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


def stored(key: int = 0, value: int | None = 0, headers: int = 0) -> StoredRecord:
    return StoredRecord(
        "results", 0, 7, 5, bytes(key), None if value is None else bytes(value), [("h", bytes(headers))]
    )


@pytest.mark.parametrize(
    ("record", "size"),
    [
        (stored(value=LIMIT - 1), None),
        (stored(value=LIMIT), LIMIT + 1),
        (stored(key=LIMIT), LIMIT + 1),
        (stored(headers=LIMIT), LIMIT + 1),
        (stored(key=LIMIT, value=LIMIT, headers=LIMIT), 3 * LIMIT + 1),
        (stored(key=LIMIT, value=None), LIMIT + 1),
    ],
)
def test_a_record_that_no_dead_letter_could_hold_is_cut_and_says_so(record: StoredRecord, size: int | None) -> None:
    neighbour = stored(value=1)
    kept, after = salvage.bounded([record, neighbour])
    assert after is neighbour
    if size is None:
        assert kept is record
        return
    assert isinstance(kept, UnreadableRecord)
    assert kept.reason.startswith(f"the record has {size} bytes, at most {LIMIT} can be used")
    assert salvage._size(kept) <= LIMIT
    assert (kept.topic, kept.partition, kept.offset, kept.timestamp) == ("results", 0, 7, 5)
