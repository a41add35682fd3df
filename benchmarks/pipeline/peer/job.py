"""The work itself, once for all peers: validate, apply the rules, make the rows and the messages of one event.

The messages are the product's, byte for byte but for the time and what follows from it. Looking up identities, writing and
publishing is each peer's own.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

import orjson

from benchmarks.pipeline.peer.model import Result

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:hitl-stream:decision")
CONFIDENCE_MIN = 0.95
APPROVAL_VALID = timedelta(days=30)
TIME_LIMIT = (timedelta(days=14), timedelta(days=7), timedelta(days=3), timedelta(days=1))
RANK = {"none": 0, "low": 0, "medium": 1, "high": 2, "critical": 3}

Row = tuple[Any, ...]


class Origin(NamedTuple):
    """Where a record lay."""

    topic: str
    partition: int
    offset: int


class Message(NamedTuple):
    """What to publish; the topic is a logical name."""

    topic: str
    key: bytes
    value: bytes


@dataclass(slots=True)
class Done:
    """One event's rows by table, and its messages in publishing order."""

    source: str
    event_id: str
    rows: dict[str, Row]
    messages: list[Message]


@dataclass(slots=True)
class _Facts:
    source: str
    trace: str | None
    result: Result
    patch_digest: bytes
    evidence_digest: bytes
    now: datetime


def handle(headers: Mapping[str, bytes], value: bytes, origin: Origin, now: datetime) -> Done:
    """Everything that follows from one record."""
    return conclude(Result.model_validate_json(value), headers, value, origin, now)


def conclude(result: Result, headers: Mapping[str, bytes], value: bytes, origin: Origin, now: datetime) -> Done:
    """The same, for peers whose framework validates."""
    source, event_id = headers["ce_source"].decode(), headers["ce_id"].decode()
    trace = headers["ce_traceparent"].decode() if "ce_traceparent" in headers else None
    payload = sha256(value)
    evidence = sha256(f"{source} {event_id} {payload.hexdigest()}".encode()).digest()
    facts = _Facts(source, trace, result, sha256((result.patch.diff or "").encode()).digest(), evidence, now)
    against = _reasons_against(result)
    done = Done(source, event_id, {}, [])
    if against:
        _ask_person(done, facts, against, origin)
    else:
        _approve(done, facts, origin)
    done.rows["evidence"] = (
        result.patch_id, source, event_id, 1, *origin, facts.patch_digest, payload.digest(), value, now, trace,
    )  # fmt: skip
    done.rows["event_seen"] = (source, event_id, payload.digest(), now)
    return done


def rows(done: Iterable[Done]) -> dict[str, list[Row]]:
    """The rows of a batch by table."""
    tables: dict[str, list[Row]] = {}
    for one in done:
        for table, row in one.rows.items():
            tables.setdefault(table, []).append(row)
    return tables


def now() -> datetime:
    """The time of a batch."""
    return datetime.now(UTC)


def _reasons_against(result: Result) -> list[dict[str, Any]]:
    exploits, ml = result.wargame.exploits, result.ml
    against = []
    worked = all(e.phase1_exploit_worked and not e.phase2_exploit_worked and e.error is None for e in exploits)
    if result.wargame.status != "passed" or not exploits or not worked:
        against.append(_reason("wargame_passed", "failed", result.wargame.status))
    if ml is None or not ml.prediction:
        against.append(_reason("prediction", "failed", "the model says the patch does not work"))
    if ml is None or ml.confidence < CONFIDENCE_MIN:
        confidence = ml.confidence if ml else 0.0
        distance = max(round(CONFIDENCE_MIN - confidence, 6), 1e-6)
        against.append(_reason("confidence", "failed", f"{confidence!r} < {CONFIDENCE_MIN!r}") | {"distance": distance})
    if result.vulnerability.severity not in ("none", "low", "medium", "high"):
        against.append(_reason("severity", "failed", str(result.vulnerability.severity)))
    if result.patch.risk not in ("low", "medium"):
        against.append(_reason("risk", "failed", str(result.patch.risk)))
    if result.patch.flagged is not False or not result.patch.diff:
        against.append(_reason("not_flagged", "failed", "flagged upstream"))
    return against


def _approve(done: Done, facts: _Facts, origin: Origin) -> None:
    result, now = facts.result, facts.now
    assert result.ml is not None
    reasons = [_reason("confidence", "passed", f"{result.ml.confidence:g} >= {CONFIDENCE_MIN:g}")]
    decision_id = _uuid([result.patch_id, 1, 1])
    done.rows["patch"] = _patch_row(facts, origin, "approved", None, None)
    done.rows["decision"] = (
        result.patch_id, 1, 1, decision_id, result.apv_id, result.cve_id, "approved", None, orjson.dumps(reasons).decode(), 1,
        facts.patch_digest, facts.evidence_digest, result.ml.confidence, result.ml.prediction, now, now + APPROVAL_VALID,
        None, False,
    )  # fmt: skip
    data = {
        "decision_id": decision_id, "patch_id": result.patch_id, "apv_id": result.apv_id, "cve_id": result.cve_id, "round": 1,
        "seq": 1, "decision": "approved", "mode": "policy", "decided_by": "policy", "approvers": [], "comment": None,
        "reasons": reasons, "reject_reasons": [], "policy_version": 1, "patch_digest": f"sha256:{facts.patch_digest.hex()}",
        "evidence_digest": f"sha256:{facts.evidence_digest.hex()}", "ml_confidence": result.ml.confidence,
        "ml_prediction": result.ml.prediction, "decided_at": _time(now), "valid_until": _time(now + APPROVAL_VALID),
        "deployed": None, "synthetic": False,
    }  # fmt: skip
    key = result.patch_id.encode()
    informs = _envelope(_uuid(["auto-approved", result.patch_id, 1, 1]), "hitl.auto-approved.v1", facts, data)
    decides = _envelope(decision_id, "hitl.decision.v1", facts, data)
    done.messages += (Message("auto_approved", key, informs), Message("decisions", key, decides))


def _ask_person(done: Done, facts: _Facts, reasons: list[dict[str, Any]], origin: Origin) -> None:
    result, now, vulnerability = facts.result, facts.now, facts.result.vulnerability
    expires = now + TIME_LIMIT[max(RANK.get(str(word), 2) for word in (vulnerability.severity, result.patch.risk))]
    review_id = _uuid(["review", result.patch_id, 1, 1])
    text = orjson.dumps(reasons).decode()
    done.rows["patch"] = _patch_row(facts, origin, "pending", text, expires)
    done.rows["review"] = (
        result.patch_id, 1, review_id, now, facts.source, result.patch.author, vulnerability.package, vulnerability.ecosystem,
        vulnerability.language, result.patch.strategy, vulnerability.cwe_ids, vulnerability.summary,
    )  # fmt: skip
    done.rows["action"] = (
        now, "policy", None, None, "review_opened", result.patch_id, 1, 1, facts.patch_digest, facts.evidence_digest, 1,
        None, None, text,
    )  # fmt: skip
    data = {
        "review_id": review_id, "patch_id": result.patch_id, "apv_id": result.apv_id, "cve_id": result.cve_id, "round": 1,
        "severity": vulnerability.severity, "risk": result.patch.risk,
        "ml_confidence": result.ml.confidence if result.ml else None,
        "ml_prediction": result.ml.prediction if result.ml else None, "reasons": reasons, "policy_version": 1,
        "patch_digest": f"sha256:{facts.patch_digest.hex()}", "evidence_digest": f"sha256:{facts.evidence_digest.hex()}",
        "expires_at": _time(expires), "opened_at": _time(now), "seq": 1, "synthetic": False,
    }  # fmt: skip
    envelope = _envelope(review_id, "hitl.pending-review.v1", facts, data)
    done.messages.append(Message("pending_review", result.patch_id.encode(), envelope))


def _patch_row(facts: _Facts, origin: Origin, state: str, reasons: str | None, expires: datetime | None) -> Row:
    result, now, approved = facts.result, facts.now, state == "approved"
    ml = result.ml
    return (
        result.patch_id, result.apv_id, result.cve_id, origin.partition, 1, state, "policy" if approved else None,
        int(approved), 1, facts.patch_digest, facts.evidence_digest, result.vulnerability.severity, result.patch.risk,
        ml.confidence if ml else None, ml.prediction if ml else None, 1, reasons, now, now, None,
        None if approved else now, expires, result.vulnerability.detected_at, False, False,
    )  # fmt: skip


def _envelope(id_: uuid.UUID, type_: str, facts: _Facts, data: Mapping[str, Any]) -> bytes:
    envelope = {
        "specversion": "1.0",
        "id": id_,
        "source": "/hitl-stream",
        "type": type_,
        "subject": facts.result.patch_id,
        "time": _time(facts.now),
        "datacontenttype": "application/json",
    }
    if facts.trace:
        envelope["traceparent"] = facts.trace
    return orjson.dumps({**envelope, "data": data})


def _reason(rule: str, outcome: str, detail: str) -> dict[str, Any]:
    return {"rule": rule, "outcome": outcome, "detail": detail}


def _uuid(name: list[str | int]) -> uuid.UUID:
    return uuid.uuid5(NAMESPACE, orjson.dumps(name).decode())


@lru_cache(64)  # a batch has one time, which stands in every message of it
def _time(moment: datetime) -> str:
    return moment.isoformat("T", "milliseconds")[:-6] + "Z"
