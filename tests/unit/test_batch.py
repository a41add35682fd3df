"""A record on which our own code fails: what is said of it can stand in a row, in a header and in a log."""

from __future__ import annotations

from hitl_stream.contract.fact import Result
from hitl_stream.contract.record import Record, StoredRecord
from hitl_stream.store import batch
from hitl_stream.store.batch import Span


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
