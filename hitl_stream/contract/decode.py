"""Records to events. Pure; raises BadRecord and nothing else, whatever the bytes.

The models of `model` decide what is accepted; here the accepted becomes facts.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from hitl_stream.contract import complaint, digest, envelope, model, proof, strict_json, vocabulary
from hitl_stream.contract.envelope import Envelope
from hitl_stream.contract.fact import Card, Outcome, Result
from hitl_stream.contract.record import Record
from hitl_stream.errors import BadRecord

# The three together are a key in Postgres, whose index rows end at 2,704 bytes.
IDENTITY_BYTES_MAX = 2_560

# Bidirectional controls, zero-width characters, and everything else that is there without being seen: Unicode's
# Default_Ignorable_Code_Point (with variation selectors and tags, in which whole programs have been hidden) and the
# interlinear annotation controls.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_ODD_BEFORE, _ODD_FROM = 2000, 2100

Data = TypeVar("Data", bound=BaseModel)


def decode_result(record: Record) -> Result:
    """A record of `wargaming.results`."""
    return _result(envelope.read(record, model.RESULT_TYPE), record.key)


def decode_outcome(record: Record) -> Outcome:
    """A record of `eureka.outcomes`."""
    opened = envelope.read(record, model.OUTCOME_TYPE)
    data = _validated(model.EurekaOutcomeData, opened)
    return Outcome(
        source=opened.source,
        event_id=opened.event_id,
        patch_id=data.patch_id,
        decision_id=data.decision_id,
        patch_digest=data.patch_digest,
        outcome=data.outcome,
        detail=data.detail,
        observed_at=data.observed_at,
        data_sha256=digest.document_digest(opened.document),
        payload=opened.payload,
        payload_sha256=sha256(opened.payload).digest(),
        traceparent=opened.traceparent,
        key_differs=record.key != data.patch_id.encode(),
        odd_time=_is_odd(opened.time_year, data.observed_at.year),
    )


def result_from_payload(source: str, event_id: str, payload: bytes) -> Result:
    """A stored result again, from the bytes of its `data`; key, trace and envelope time are no part of them."""
    document = strict_json.parse(payload, "data")
    return _result(Envelope(source, event_id, None, None, None, document, payload), None)


def is_plain_text(diff: str) -> bool:
    """Whether a person sees everything that is in the diff, in the order in which it is there."""
    return diff.isascii() or _UNSEEN.search(diff) is None


def _result(opened: Envelope, key: bytes | None) -> Result:
    data = _validated(model.WargamingResultData, opened)
    vulnerability = data.vulnerability or _NO_VULNERABILITY
    patch = data.patch or _NO_PATCH
    wargame = data.wargame
    ml = data.ml
    diff = patch.diff or None  # an empty diff binds nothing
    verdict, detail, worked_after = proof.judge(wargame)
    detected_at = vulnerability.detected_at
    return Result(
        source=opened.source,
        event_id=opened.event_id,
        patch_id=data.patch_id,
        apv_id=data.apv_id,
        cve_id=data.cve_id,
        run_id=wargame.run_id,
        patch_digest=None if diff is None else sha256(diff.encode()).digest(),
        plain_text=None if diff is None else is_plain_text(diff),
        severity=vocabulary.severity(vulnerability.severity),
        risk=vocabulary.risk(patch.risk),
        flagged=patch.flagged,
        wargame=verdict,
        wargame_detail=detail,
        exploit_worked_after=worked_after,
        prediction=None if ml is None else ml.prediction,
        confidence=None if ml is None else ml.confidence,
        expected_results=wargame.expected_results,
        author=patch.author,
        detected_at=detected_at,
        executed_at=wargame.executed_at,
        synthetic=data.synthetic is True,
        card=Card(
            package=vulnerability.package,
            ecosystem=vulnerability.ecosystem,
            language=vulnerability.language,
            strategy=vocabulary.strategy(patch.strategy),
            cwe_ids=tuple(vulnerability.cwe_ids or ()),
            summary=vulnerability.summary,
        ),
        data_sha256=digest.document_digest(opened.document),
        payload=opened.payload,
        payload_sha256=sha256(opened.payload).digest(),
        traceparent=opened.traceparent,
        key_differs=key != data.patch_id.encode(),
        odd_time=_is_odd(opened.time_year, wargame.executed_at.year, detected_at.year if detected_at else None),
    )


_NO_VULNERABILITY = model.Vulnerability()
_NO_PATCH = model.Patch()


def _validated(kind: type[Data], opened: Envelope) -> Data:
    value = opened.document.value
    if type(value) is not dict:
        raise BadRecord(f"data: input should be an object (got {complaint.got(value)})")
    try:
        data: Data = kind.__pydantic_validator__.validate_python(value)
    except ValidationError as error:
        raise BadRecord(complaint.invalid(error, "data")) from error
    _check_identity(opened, value["patch_id"])
    return data


def _check_identity(opened: Envelope, patch_id: str) -> None:
    if opened.subject is not None and opened.subject != patch_id:
        raise BadRecord(
            complaint.line(
                f"subject: should be data.patch_id, {complaint.got(patch_id)} (got {complaint.got(opened.subject)})"
            )
        )
    identity = patch_id + opened.source + opened.event_id
    if not identity.isascii() and len(identity.encode()) > IDENTITY_BYTES_MAX:
        raise BadRecord(
            f"id, source and patch_id: {len(identity.encode())} bytes of UTF-8 together, at most {IDENTITY_BYTES_MAX}"
        )


def _is_odd(*years: Any) -> bool:
    """Times that cannot be true are accepted, but counted."""
    return any(year is not None and not _ODD_BEFORE <= year < _ODD_FROM for year in years)
