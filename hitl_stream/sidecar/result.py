"""Results of wargaming as they are shown: what upstream sent, and what was concluded of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hitl_stream.contract import encode, strict_json
from hitl_stream.contract.decode import result_from_data
from hitl_stream.contract.fact import Evidence, Result
from hitl_stream.contract.fold import fold
from hitl_stream.errors import BadRecord
from hitl_stream.store.review import Row

Payload = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """One stored result. `payload` is empty once it is past its retention; `result` None where it is not read today."""

    row: Row
    payload: Payload
    result: Result | None


def read(row: Row) -> Told:
    """A row of the evidence."""
    content: bytes | None = row["payload"]
    if content is None:
        return Told(row, {}, None)
    said = payload(content)
    try:
        result = result_from_data(row["source"], row["event_id"], said, content)
    except BadRecord:
        result = None  # written by an older version with other limits
    return Told(row, said, result)


def payload(content: bytes | None) -> Payload:
    """What a result said; nothing where that is gone or beyond what is read today."""
    if content is None:
        return {}
    try:
        value: Payload = strict_json.parse(content, "payload")
    except BadRecord:
        return {}
    return value


def group(payloads: Iterable[Payload], name: str) -> Payload:
    """One group of fields as the results tell it, a later value before an earlier one."""
    told: Payload = {}
    for one in payloads:
        told |= {name: value for name, value in (one.get(name) or {}).items() if value is not None}
    return told


def evidence(told: Sequence[Told]) -> Evidence | None:
    """All of them as one evidence; None where one cannot be read any more."""
    results = [one.result for one in told if one.result is not None]
    return fold(results) if results and len(results) == len(told) else None


def shown(told: Told) -> dict[str, Any]:
    """One result as it was sent, and what was concluded of its exploits."""
    row, result = told.row, told.result
    return {
        "event_id": row["event_id"],
        "source": row["source"],
        "received_at": encode.timestamp(row["received_at"]),
        "concluded": None
        if result is None
        else {
            "wargame": result.wargame,
            "detail": result.wargame_detail or None,
            "exploit_worked_after": result.exploit_worked_after,
        },
        "wargame": told.payload.get("wargame"),
        "ml": told.payload.get("ml"),
        "runtime": told.payload.get("runtime"),
    }
