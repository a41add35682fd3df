"""Good results and what is done to them, for the tests of decoding."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from hitl_stream.contract.decode import decode_result
from hitl_stream.contract.fact import Result
from hitl_stream.contract.record import StoredRecord
from hitl_stream.errors import BadRecord
from tests.event import binary, data

LIMIT = 786_432
EXPLOIT = {"exploit_id": "x", "phase1_exploit_worked": True, "phase2_exploit_worked": False, "duration_ms": 1}
ENVELOPE: dict[str, Any] = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "/wargaming/crisol",
    "type": "wargaming.result.v1",
    "subject": "p-1",
    "time": "2026-11-23T08:15:04.112Z",
    "datacontenttype": "application/json",
}
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def decoded(**changes: Any) -> Result:
    return decode_result(binary("e-1", data(**changes), key=b"p-1"))


def structured(
    value: bytes | dict[str, Any], content_type: bytes | None = b"application/cloudevents+json"
) -> StoredRecord:
    raw = value if isinstance(value, bytes) else orjson.dumps(value)
    headers = () if content_type is None else (("content-type", content_type),)
    return StoredRecord("wargaming.results", 0, 0, 0, b"p-1", raw, headers)


def replaced(old: bytes, new: bytes, **changes: Any) -> StoredRecord:
    """The good result with bytes exchanged that no JSON library would write so."""
    raw = orjson.dumps(data(**changes))
    assert old in raw
    return binary("e-1", raw.replace(old, new), key=b"p-1")


def with_header(name: str, value: bytes | None, *more: tuple[str, bytes]) -> StoredRecord:
    """The good result with a header set, or taken away."""
    record = binary("e-1", data())
    kept = [(n, v) for n, v in record.headers if n != name]
    return record._replace(headers=(*kept, *([] if value is None else [(name, value)]), *more))


def check_refused(record: StoredRecord, *words: str) -> None:
    with pytest.raises(BadRecord) as caught:
        decode_result(record)
    reason = caught.value.reason
    assert len(reason) <= 500
    assert reason.isprintable(), reason
    for word in words:
        assert word in reason
