"""Takes records from a reader until they make a list, by number and by bytes.

A record that no topic of ours could hold as a dead letter is cut to what it can, and says so; so memory is bounded too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from aiokafka.record.default_records import DefaultRecordBatchBuilder

from hitl_stream.contract.record import Record, UnreadableRecord
from hitl_stream.stream.record_list import LIST_BYTES_MAX, RECORDS_MAX

RECORD_BYTES_MAX = 1_048_588  # what an input topic takes as a batch; a dead letter of it still fits
HEADERS_MAX = 1_000  # three bytes make a header, and more than a hundred here
HEADER_OVERHEAD = 128

Header = tuple[str, bytes | None]


def fill(records: list[Record], reader: Iterable[Record]) -> tuple[int, bool]:
    """Add to `records` until there is no room. Returns their bytes, and whether the reader is at its end.

    What was added stays when the reader raises.
    """
    total = 0
    for record in reader:
        size, kept = _encoded(record), record
        if size > RECORD_BYTES_MAX or len(record.headers) > HEADERS_MAX:
            kept = _cut(record, size)
            size = _encoded(kept)
        records.append(kept)
        total += size + HEADER_OVERHEAD * len(kept.headers)
        if total >= LIST_BYTES_MAX or len(records) >= RECORDS_MAX:
            return total, False
    return total, True


def bytes_of(records: Iterable[Record]) -> int:
    """What records take here, about."""
    return sum(_encoded(record) + HEADER_OVERHEAD * len(record.headers) for record in records)


def _encoded(record: Record) -> int:
    """Bytes in a batch: names in UTF-8, lengths included."""
    size: int = DefaultRecordBatchBuilder.size_of(record.key, record.value, list(record.headers))
    return size


def _cut(record: Record, size: int) -> UnreadableRecord:
    key, value, headers = record.key, record.value, tuple(_first(record.headers))
    many = f"{len(record.headers)} headers, at most {HEADERS_MAX}"
    if size > RECORD_BYTES_MAX:
        many = f"{size} bytes, at most {RECORD_BYTES_MAX}"
        key = key if len(key or b"") <= RECORD_BYTES_MAX // 4 else None
        value = value and value[: RECORD_BYTES_MAX // 2]
    said = [f"the record has {many} can be used"]
    if key != record.key:
        said.append("the key is left out")
    if value != record.value:
        said.append("the value is its beginning")
    if len(headers) < len(record.headers):
        said.append(f"of {len(record.headers)} headers there are the first {len(headers)}")
    return UnreadableRecord(
        record.topic, record.partition, record.offset, record.timestamp, key, value, headers, "; ".join(said)
    )


def _first(headers: Iterable[Header]) -> Iterator[Header]:
    """Those that there is room for, whole."""
    room = RECORD_BYTES_MAX // 4
    for number, header in enumerate(headers):
        room -= DefaultRecordBatchBuilder.size_of(None, None, [header])
        if room < 0 or number >= HEADERS_MAX:
            return
        yield header
