"""Batches before anything is asked: what our own bugs say of a record, and batches that are done in portions."""

from __future__ import annotations

import gc
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from hitl_stream.contract.decode import decode_result
from hitl_stream.contract.fact import Result
from hitl_stream.contract.record import Record, StoredRecord
from hitl_stream.store import batch
from hitl_stream.store.batch import Recorded, Span
from tests.event import binary, data


def test_what_a_bug_says_is_one_short_line_without_what_upstream_wrote_into_it() -> None:
    def fail(record: Record) -> Result:
        raise KeyError((record.value or b"").decode("utf-8", "surrogateescape"))

    class Loud(Exception):
        def __str__(self) -> str:
            return "\0\n\u202e" + "x" * 10_000

    def shout(_: Record) -> Result:
        raise Loud

    record = StoredRecord("wargaming.results", 0, 0, 0, None, b"\0\xff\x1b[31m")
    for decoder in (fail, shout):
        (decoded,) = batch.decode([Span(record.topic, 0, 0, 1, 1, [record])], decoder, {})
        assert decoded.failure is not None
        reason = decoded.failure.reason
        assert reason.startswith("internal error, please report: ")
        assert reason.isprintable()
        assert len(reason) <= 500


def test_a_batch_with_bad_records_is_gone_once_nobody_holds_it() -> None:
    def decode() -> list[bool]:
        records = [binary(f"e-{n}", data() if n % 2 else {}, key=b"p-1") for n in range(10)]
        one = Span("wargaming.results", 0, 0, len(records), 1, list(records))
        whole = batch.decode([one], decode_result, {})
        return [decoded.failure is None for decoded in whole]

    gc.collect()
    gc.disable()
    try:
        assert decode() == [False, True] * 5
        assert gc.collect() == 0
    finally:
        gc.enable()


def spans(*counts: int) -> list[Span]:
    """One of each partition, with so many records at every second offset from 10 on."""
    return [
        Span(
            "t",
            partition,
            10,
            10 + 2 * count,
            1,
            [StoredRecord("t", partition, 10 + 2 * n, 0, None, b"") for n in range(count)],
        )
        for partition, count in enumerate(counts)
    ]


@pytest.mark.parametrize("counts", [(2,), (7,), (1, 1), (3, 0, 4), (0, 2), (5, 1, 1), (1, 1, 5), (1000, 1)])
def test_the_halves_of_a_batch_are_all_of_it_without_a_gap(counts: tuple[int, ...]) -> None:
    whole = spans(*counts)
    first, second = batch.halves(whole)
    sizes = [sum(len(span.records) for span in half) for half in (first, second)]
    assert (min(sizes), sum(sizes)) == (sum(counts) // 2, sum(counts))
    for span in whole:
        parts = [part for part in (*first, *second) if part.partition == span.partition]
        assert [record for part in parts for record in part.records] == span.records
        assert [part.first_offset for part in parts] + [span.next_offset] == [span.first_offset] + [
            part.next_offset for part in parts
        ]


def test_what_two_transactions_recorded_is_what_came_of_both() -> None:
    at = datetime(2026, 11, 24, tzinfo=UTC)
    whole = Recorded(at, 1, Counter(pending=1), key_mismatches=1)
    whole += Recorded(at + timedelta(seconds=1), 2, Counter(pending=2, approved=1), odd_times=3)
    assert whole == Recorded(
        at + timedelta(seconds=1), 2, Counter(pending=3, approved=1), key_mismatches=1, odd_times=3
    )
