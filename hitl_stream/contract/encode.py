"""Events to bytes: outgoing messages in structured mode. The same event is the same bytes, now and after a restart.

Members stand in the order of the contract's examples. No clock and no chance in here: ids follow from content.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

from hitl_stream.contract import digest, message
from hitl_stream.contract.record import Message, Record

SOURCE = "/hitl-stream"
JSON = "application/json"
DEAD_LETTERS = "dead_letters"
OUR_HEADERS = 6  # of a dead letter, behind those of the original
SHORT_BYTES = 1_000
CUT = b"; the broker did not take all of it: "

ReasonRow = tuple[str, str, str, float | None]


@dataclass(slots=True)
class DecisionEvent:
    """What was finally said of a patch. `reasons` are (rule, outcome, detail, distance)."""

    patch_id: str
    apv_id: str
    cve_id: str | None
    round: int
    seq: int
    decision: str
    mode: str
    decided_by: str
    approvers: tuple[str, ...]
    comment: str | None
    reasons: tuple[ReasonRow, ...]
    reject_reasons: tuple[str, ...]
    policy_version: int
    patch_digest: bytes | None
    evidence_digest: bytes
    ml_confidence: float | None
    ml_prediction: bool | None
    decided_at: datetime
    valid_until: datetime | None
    deployed: str | None
    synthetic: bool
    traceparent: str | None


@dataclass(slots=True)
class ReviewEvent:
    """A review that opens. `seq` is the number that the next decision will get."""

    patch_id: str
    apv_id: str
    cve_id: str | None
    round: int
    seq: int
    severity: str | None
    risk: str | None
    ml_confidence: float | None
    ml_prediction: bool | None
    reasons: tuple[ReasonRow, ...]
    policy_version: int
    patch_digest: bytes | None
    evidence_digest: bytes
    opened_at: datetime
    expires_at: datetime
    synthetic: bool
    traceparent: str | None


@lru_cache(1024)  # a batch has one now, which stands in every message of it
def timestamp(moment: datetime) -> str:
    """A time as every message spells it: UTC, milliseconds, cut and not rounded."""
    return f"{moment.astimezone(UTC).isoformat('T', 'milliseconds')[:-6]}Z"


@lru_cache(256)  # once for the row and its messages; most decisions of a batch say the same, and each takes some KB
def reasons_json(reasons: tuple[ReasonRow, ...]) -> str:
    """Reasons as they stand in messages and in the database."""
    return orjson.dumps(
        [
            {"rule": rule, "outcome": outcome, "detail": detail}
            if distance is None
            else {"rule": rule, "outcome": outcome, "detail": detail, "distance": distance}
            for rule, outcome, detail, distance in reasons
        ]
    ).decode()


def parse_reasons(text: str | None) -> list[ReasonRow]:
    """The inverse of `reasons_json`; nothing was written, nothing comes out."""
    if text is None:
        return []
    return [(r["rule"], r["outcome"], r["detail"], r.get("distance")) for r in orjson.loads(text)]


def decision_messages(event: DecisionEvent) -> tuple[Message, ...]:
    """What tells of a decision, in the order of publishing: the decision itself comes last, on the one topic that is
    authoritative. An approval by policy has an event before it for those who only want to know of these."""
    id_ = digest.decision_id(event.patch_id, event.round, event.seq)
    data = _data(event, id_)
    decision = _message("decisions", event, id_, message.DECISION_TYPE, data)
    if event.decision != "approved" or event.mode != "policy":
        return (decision,)
    informing = digest.auto_approved_id(event.patch_id, event.round, event.seq)
    return _message("auto_approved", event, informing, message.AUTO_APPROVED_TYPE, data), decision


def pending_review_message(event: ReviewEvent) -> Message:
    """A person is needed."""
    id_ = digest.review_id(event.patch_id, event.round, event.seq)
    opened_at = timestamp(event.opened_at)
    envelope: dict[str, Any] = {
        "specversion": "1.0",
        "source": SOURCE,
        "subject": event.patch_id,
        "datacontenttype": JSON,
    }
    if event.traceparent is not None:
        envelope["traceparent"] = event.traceparent
    envelope["id"] = id_
    envelope["type"] = message.PENDING_REVIEW_TYPE
    envelope["time"] = opened_at
    envelope["data"] = {
        "review_id": id_,
        "patch_id": event.patch_id,
        "apv_id": event.apv_id,
        "cve_id": event.cve_id,
        "round": event.round,
        "severity": event.severity,
        "risk": event.risk,
        "ml_confidence": event.ml_confidence,
        "ml_prediction": event.ml_prediction,
        "reasons": orjson.Fragment(reasons_json(event.reasons)),
        "policy_version": event.policy_version,
        "patch_digest": digest.patch_digest_text(event.patch_digest),
        "evidence_digest": digest.patch_digest_text(event.evidence_digest),
        "expires_at": timestamp(event.expires_at),
        "opened_at": opened_at,
        "seq": event.seq,
        "synthetic": event.synthetic,
    }
    return Message("pending_review", event.patch_id.encode(), orjson.dumps(envelope))


def dead_letter_message(record: Record, error: str, reason: str, at: datetime) -> Message:
    """The record as it was, with where it lay and what is wrong with it in headers of ours, after its own."""
    said = (
        ("hitl_error", error),
        ("hitl_reason", reason),
        ("hitl_topic", record.topic),
        ("hitl_partition", str(record.partition)),
        ("hitl_offset", str(record.offset)),
        ("hitl_at", timestamp(at)),
    )
    ours = tuple((name, text.encode("utf-8", "backslashreplace")) for name, text in said)
    return Message(DEAD_LETTERS, record.key, record.value, (*record.headers, *ours))


def shortened(letter: Message) -> Message:
    """A dead letter for a broker that does not take the whole of it: why, and where the original lies. It says what is cut."""
    key, value, cut = letter.key, letter.value, []
    if key is not None and len(key) > SHORT_BYTES:
        key = None
        cut.append(b"the key is left out")
    if value is not None and len(value) > SHORT_BYTES:
        value = value[:SHORT_BYTES]
        cut.append(b"the value is its beginning")
    if len(letter.headers) > OUR_HEADERS:
        cut.append(b"headers are left out")
    said = dict(letter.headers[-OUR_HEADERS:])
    if cut:
        said["hitl_reason"] = (said["hitl_reason"] or b"") + CUT + b", ".join(cut)
    return Message(letter.topic, key, value, tuple(said.items()))


def _message(topic: str, event: DecisionEvent, id_: str, type_: str, data: orjson.Fragment) -> Message:
    envelope: dict[str, Any] = {
        "specversion": "1.0",
        "id": id_,
        "source": SOURCE,
        "type": type_,
        "subject": event.patch_id,
        "time": timestamp(event.decided_at),
        "datacontenttype": JSON,
    }
    if event.traceparent is not None:
        envelope["traceparent"] = event.traceparent
    envelope["data"] = data
    return Message(topic, event.patch_id.encode(), orjson.dumps(envelope))


def _data(event: DecisionEvent, decision_id: str) -> orjson.Fragment:
    """What is said of the patch, once for all messages that say it."""
    data = {
        "decision_id": decision_id,
        "patch_id": event.patch_id,
        "apv_id": event.apv_id,
        "cve_id": event.cve_id,
        "round": event.round,
        "seq": event.seq,
        "decision": event.decision,
        "mode": event.mode,
        "decided_by": event.decided_by,
        "approvers": event.approvers,
        "comment": event.comment,
        "reasons": orjson.Fragment(reasons_json(event.reasons)),
        "reject_reasons": event.reject_reasons,
        "policy_version": event.policy_version,
        "patch_digest": digest.patch_digest_text(event.patch_digest),
        "evidence_digest": digest.patch_digest_text(event.evidence_digest),
        "ml_confidence": event.ml_confidence,
        "ml_prediction": event.ml_prediction,
        "decided_at": timestamp(event.decided_at),
        "valid_until": None if event.valid_until is None else timestamp(event.valid_until),
        "deployed": event.deployed,
        "synthetic": event.synthetic,
    }
    return orjson.Fragment(orjson.dumps(data))
