"""Batches in which the name of a header is no UTF-8: aiokafka refuses all of such a batch, here only that record suffers.

The protocol says UTF-8, no broker looks, and some clients send what they are given.
"""

from __future__ import annotations

from typing import Any, Self

from aiokafka.record.default_records import _DefaultRecordBatchPy

from hitl_stream.contract import complaint
from hitl_stream.contract.record import Record, UnreadableRecord

WHY_CHARACTERS_MAX = 100


class OddName(str):
    """A name that is no UTF-8, with escapes for what is none."""

    __slots__ = ()


class Batch(_DefaultRecordBatchPy):
    """One batch, read by the slow reader; names that cannot be decoded are marked."""

    def __iter__(self) -> Self:
        """Decompress first; what is read from then on forgives."""
        super().__iter__()
        self._buffer: bytearray = _Forgiving(self._buffer)
        return self


class _Forgiving(bytearray):
    """Bytes whose parts decode to something in any case."""

    def __getitem__(self, at: Any) -> Any:
        part = super().__getitem__(at)
        return _Forgiving(part) if isinstance(at, slice) else part

    def decode(self, *_: object, **__: object) -> str:
        """As text, or as a name that is marked."""
        try:
            return super().decode()
        except UnicodeDecodeError:
            return OddName(super().decode(errors="backslashreplace"))


def refused(record: Record) -> Record:
    """The record, unreadable if one of its names was."""
    odd = next((name for name, _ in record.headers if isinstance(name, OddName)), None)
    if odd is None or isinstance(record, UnreadableRecord):
        return record
    headers = tuple((str(name), value) for name, value in record.headers)
    reason = f"the name of a header is no UTF-8: {complaint.line(odd, WHY_CHARACTERS_MAX)}"
    place = record.topic, record.partition, record.offset, record.timestamp
    return UnreadableRecord(*place, record.key, record.value, headers, reason)
