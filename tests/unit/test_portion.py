"""What makes a list of records: so many, so many bytes, and none that no dead letter could hold."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, FetchResult, PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from hitl_stream.contract import encode, topics
from hitl_stream.contract.record import Record, StoredRecord, UnreadableRecord
from hitl_stream.stream import fetch, portion
from hitl_stream.stream.record_list import LIST_BYTES_MAX, RECORDS_MAX

LIMIT, HEADERS = portion.RECORD_BYTES_MAX, portion.HEADERS_MAX
PLACE = TopicPartition("results", 0)
LETTER_BYTES_MAX = int(topics.load()["dead_letters"].config["max.message.bytes"])
KEY, VALUE = "the key is left out", "the value is its beginning"

Headers = list[tuple[str, bytes | None]]


def stored(key: int = 0, value: int | None = 0, headers: Headers | None = None) -> StoredRecord:
    return StoredRecord("results", 0, 7, 5, bytes(key), None if value is None else bytes(value), headers or [])


def kept(record: Record) -> Record:
    """What becomes of it; its neighbour stays what it is."""
    neighbour, records = stored(value=1), list[Record]()
    assert portion.fill(records, [record, neighbour]) == (portion.bytes_of(records), True)
    assert records[1] is neighbour
    return records[0]


@pytest.mark.parametrize(
    "record",
    [
        stored(value=LIMIT - 10),
        stored(headers=[("h", None)] * HEADERS),
        stored(headers=[("h", bytes(LIMIT - 100))]),
        stored(headers=[("\U0001d54f" * 250_000, None)]),
        stored(key=LIMIT - 100, value=None),
    ],
)
def test_what_an_input_topic_can_hold_stays_as_it_is_and_fits_into_a_dead_letter(record: StoredRecord) -> None:
    assert kept(record) is record
    assert letter_bytes(record) <= LETTER_BYTES_MAX


@pytest.mark.parametrize(
    ("record", "size", "said"),
    [
        (stored(value=LIMIT), LIMIT + 6, VALUE),
        (stored(key=LIMIT), LIMIT + 6, KEY),
        (stored(headers=[("h", bytes(LIMIT))]), LIMIT + 9, "of 1 headers there are the first 0"),
        (stored(headers=[("\U0001d54f" * 600_000, b"")]), 2_400_008, "of 1 headers there are the first 0"),
        (stored(headers=[("h", None)] * 700_000), 2_100_005, f"of 700000 headers there are the first {HEADERS}"),
        (stored(headers=[("h", bytes(20_000))] * 60), 1_200_303, "of 60 headers there are the first 13"),
        (stored(key=LIMIT, value=None), LIMIT + 6, KEY),
        (stored(LIMIT, LIMIT, [("h", bytes(LIMIT))]), 3 * LIMIT + 15, f"{KEY}; {VALUE}; of 1 headers there are the first 0"),
    ],
)  # fmt: skip
def test_a_record_that_no_dead_letter_could_hold_is_cut_and_says_so(record: StoredRecord, size: int, said: str) -> None:
    cut = kept(record)
    assert isinstance(cut, UnreadableRecord)
    assert cut.reason == f"the record has {size} bytes, at most {LIMIT} can be used; {said}"
    assert (cut.topic, cut.partition, cut.offset, cut.timestamp) == ("results", 0, 7, 5)
    assert list(cut.headers) == list(record.headers)[: len(cut.headers)]
    assert letter_bytes(cut) <= LETTER_BYTES_MAX


def test_more_headers_than_anybody_sends_are_left_out_and_the_value_is_whole() -> None:
    cut = kept(stored(key=1, value=900_000, headers=[("h", None)] * (HEADERS + 1)))
    assert isinstance(cut, UnreadableRecord)
    said = "the record has 1001 headers, at most 1000 can be used; of 1001 headers there are the first 1000"
    assert cut.reason == said
    assert (cut.key, cut.value, len(cut.headers)) == (bytes(1), bytes(900_000), HEADERS)


def letter_bytes(record: Record) -> int:
    """What its dead letter takes as a batch, with the longest reason that there can be."""
    letter = encode.dead_letter_message(record, "bad_record", "\U0001d54f" * 500, datetime(2026, 11, 23, tzinfo=UTC))
    return len(batch([(letter.key, letter.value, list(letter.headers))]))


def batch(records: list[tuple[bytes | None, bytes | None, Headers]]) -> bytes:
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1_000_000_000)
    for number, (key, value, headers) in enumerate(records):
        builder.append(number, timestamp=1_000, key=key, value=value, headers=headers)
    return bytes(builder.build())


class Assignment:
    """One partition that is ours, and how far it was consumed."""

    active, paused, position = True, False, 0

    def state_value(self, _: TopicPartition) -> Assignment:
        return self

    def consumed_to(self, position: int) -> None:
        self.position = position


def lists(values: list[bytes], headers: Headers | None = None) -> Iterator[tuple[list[Record], int, int]]:
    """Each list taken of one fetch: records, bytes, and the position after it."""
    raw = MemoryRecords(batch([(b"k", value, headers or []) for value in values]))
    ours: Any = Assignment()
    fetched = FetchResult(
        PLACE,
        assignment=ours,
        partition_records=PartitionRecords(PLACE, raw, [], 0, None, None, True, READ_COMMITTED),
        backoff=0,
    )
    while fetched.has_more():
        yield (*fetch._taken(fetched), ours.position)


def test_a_list_ends_when_it_is_full_of_records_and_the_rest_follows_without_a_gap() -> None:
    taken = list(lists([b"v"] * (RECORDS_MAX + 5)))
    assert [(len(records), position) for records, _, position in taken] == [(1_000, 1_000), (5, 1_005)]
    assert [record.offset for records, _, _ in taken for record in records] == list(range(RECORDS_MAX + 5))


def test_a_list_ends_when_it_is_full_of_bytes_and_the_rest_follows_without_a_gap() -> None:
    taken = list(lists([bytes(1_000_000)] * 40))
    assert [len(records) for records, _, _ in taken] == [17, 17, 6]
    assert [position for _, _, position in taken] == [17, 34, 40]
    assert all(size <= LIST_BYTES_MAX + LIMIT for _, size, _ in taken)
    assert [record.offset for records, _, _ in taken for record in records] == list(range(40))


def test_headers_count_for_what_they_take_here() -> None:
    taken = list(lists([b"v"] * 300, [("h", None)] * 1_000))
    assert [len(records) for records, _, _ in taken] == [129, 129, 42]


def test_what_was_read_before_a_failure_is_there() -> None:
    def failing() -> Iterator[Record]:
        yield stored()
        raise ValueError

    records: list[Record] = []
    with pytest.raises(ValueError):
        portion.fill(records, failing())
    assert len(records) == 1
