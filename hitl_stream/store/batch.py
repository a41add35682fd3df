"""A batch: what arrived, decoded, before anything was asked of the database. Pure.

Decoding happens here, outside the transaction, so that it overlaps with the commit of the batch before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

from hitl_stream.contract import complaint
from hitl_stream.contract.fact import Outcome, Result
from hitl_stream.contract.record import Record, UnreadableRecord
from hitl_stream.errors import BadRecord, Defect

Event = TypeVar("Event", Result, Outcome)


@dataclass(slots=True)
class Span:
    """Records of one partition. `first_offset` is the position they follow, `next_offset` the one after them; offsets
    have gaps, so neither can be derived from the records."""

    topic: str
    partition: int
    first_offset: int
    next_offset: int
    epoch: int
    records: list[Record]


@dataclass(slots=True)
class Decoded(Generic[Event]):
    """One record and what became of decoding it: an event, or the reason why not."""

    record: Record
    event: Event | None
    failure: BadRecord | None


class Remark(NamedTuple):
    """What the log says of one record: refused and why, or an alarm. Ids are empty where they could not be read."""

    topic: str
    partition: int
    offset: int
    event_id: str
    patch_id: str
    reason: str
    error: str | None = None


class Traced(NamedTuple):
    """One record whose sender asked for a trace. Ids are empty where they could not be read, `error` says why not."""

    traceparent: str
    topic: str
    partition: int
    offset: int
    event_id: str
    patch_id: str
    error: str = ""


@dataclass(slots=True)
class Recorded:
    """What one transaction recorded. `fates` counts every record once; `refused` and `alarms` are for the log, `traced` is for
    spans."""

    now: datetime
    policy_version: int
    fates: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    alarms: list[Remark] = field(default_factory=list)
    refused: list[Remark] = field(default_factory=list)
    traced: list[Traced] = field(default_factory=list)
    key_mismatches: int = 0
    odd_times: int = 0

    def __iadd__(self, later: Recorded) -> Recorded:
        """And what the transaction after this one recorded."""
        for name in ("fates", "reasons", "alarms", "refused", "traced", "key_mismatches", "odd_times"):
            setattr(self, name, getattr(self, name) + getattr(later, name))
        self.now, self.policy_version = later.now, later.policy_version
        return self


def decode(
    spans: Sequence[Span], decoder: Callable[[Record], Event], defects: dict[tuple[str, int, int], Defect]
) -> list[Decoded[Event]]:
    """Decode every record of the spans, in order. `defects` are records on which pure code already failed once."""
    return [_decode_one(record, decoder, defects) for span in spans for record in span.records]


def halves(spans: Sequence[Span]) -> tuple[list[Span], list[Span]]:
    """The same records as two batches, each with half of them; both have some where there are two at least."""
    rest = sum(len(span.records) for span in spans) // 2
    first: list[Span] = []
    second: list[Span] = []
    for span in spans:
        count = len(span.records)
        if count <= rest:
            first.append(span)
        elif rest <= 0:
            second.append(span)
        else:
            border = span.records[rest].offset
            first.append(replace(span, next_offset=border, records=span.records[:rest]))
            second.append(replace(span, first_offset=border, records=span.records[rest:]))
        rest -= count
    return first, second


def _decode_one(
    record: Record, decoder: Callable[[Record], Event], defects: dict[tuple[str, int, int], Defect]
) -> Decoded[Event]:
    defect = defects.get(place(record)) if defects else None
    if defect is not None:
        return Decoded(record, None, defect)
    if isinstance(record, UnreadableRecord):
        return Decoded(record, None, BadRecord(record.reason))
    try:
        return Decoded(record, decoder(record), None)
    except BadRecord as failure:
        # Said anew: what was raised knows its frames, and they know the whole batch, which would know it. Such a circle keeps
        # all its records until the garbage collector comes by, minutes later where little happens.
        return Decoded(record, None, BadRecord(failure.reason))
    except Exception as bug:  # noqa: BLE001 - a bug in pure code: the same input would fail again (DESIGN 4.7)
        return Decoded(record, None, Defect(describe(bug)))


def place(record: Record) -> tuple[str, int, int]:
    """Where a record lies: topic, partition, offset."""
    return record.topic, record.partition, record.offset


def describe(bug: BaseException) -> str:
    """A bug in one line: type, message, and where it happened."""
    frame = bug.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = f" at {frame.tb_frame.f_code.co_qualname}:{frame.tb_lineno}" if frame else ""
    return complaint.line(f"internal error, please report: {type(bug).__name__}: {bug}{where}")
