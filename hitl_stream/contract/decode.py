"""Records to events. Pure; raises BadRecord and nothing else, whatever the bytes.

The models of `model` decide what is accepted; here the accepted becomes facts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from pydantic import ValidationError
from pydantic_core import SchemaValidator

from hitl_stream.contract import complaint, envelope, lean, model, proof, strict_json, vocabulary
from hitl_stream.contract.envelope import Envelope
from hitl_stream.contract.fact import CWES_MAX, Card, Outcome, Result, Wargame
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


def decode_result(record: Record) -> Result:
    """A record of `wargaming.results`."""
    return _result(envelope.read(record, model.RESULT_TYPE), record.key)


def decode_outcome(record: Record) -> Outcome:
    """A record of `eureka.outcomes`."""
    opened = envelope.read(record, model.OUTCOME_TYPE)
    data = _validated(_OUTCOME, opened)
    _check_identity(opened, data["patch_id"])
    return Outcome(
        source=opened.source,
        event_id=opened.event_id,
        patch_id=data["patch_id"],
        decision_id=data.get("decision_id"),
        patch_digest=data.get("patch_digest"),
        outcome=data["outcome"],
        detail=data.get("detail"),
        observed_at=data["observed_at"],
        payload=opened.payload,
        payload_sha256=sha256(opened.payload).digest(),
        traceparent=opened.traceparent,
        key_differs=record.key != data["patch_id"].encode(),
        odd_time=opened.odd_time or model.is_odd(data["observed_at"]),
    )


def result_from_payload(source: str, event_id: str, payload: bytes) -> Result:
    """A stored result again, from the bytes of its `data`; key, trace and envelope time are no part of them."""
    return result_from_data(source, event_id, strict_json.parse(payload, "data"), payload)


def result_from_data(source: str, event_id: str, data: dict[str, Any], payload: bytes) -> Result:
    """The same where the bytes were parsed already."""
    return _result(Envelope(source, event_id, None, False, None, data, payload), None)


def unreadable_result(
    patch_id: str, apv_id: str, source: str, event_id: str, patch_digest: bytes | None, payload: bytes
) -> Result:
    """What stands for a stored result that the rules of today no longer read: it arrived, and nothing is known of it."""
    return Result(
        source=source,
        event_id=event_id,
        patch_id=patch_id,
        apv_id=apv_id,
        cve_id=None,
        run_id=event_id,
        patch_digest=patch_digest,
        plain_text=None,
        severity=None,
        risk=None,
        flagged=None,
        wargame=Wargame.UNKNOWN,
        wargame_detail="a stored result can no longer be read",
        exploit_worked_after=False,
        prediction=None,
        confidence=None,
        expected_results=None,
        author=None,
        detected_at=None,
        executed_at=_UNKNOWN_TIME,
        synthetic=False,
        card=Card(None, None, None, None, (), None),
        payload=payload,
        payload_sha256=sha256(payload).digest(),
        traceparent=None,
        key_differs=False,
        odd_time=False,
    )


_UNKNOWN_TIME = datetime(1970, 1, 1, tzinfo=UTC)


def is_plain_text(diff: str) -> bool:
    """Whether a person sees everything that is in the diff, in the order in which it is there."""
    return diff.isascii() or _UNSEEN.search(diff) is None


def _card(vulnerability: Callable[[str], Any], strategy: str | None) -> Card:
    return Card(
        vulnerability("package"),
        vulnerability("ecosystem"),
        vulnerability("language"),
        vocabulary.strategy(strategy),
        tuple((vulnerability("cwe_ids") or ())[:CWES_MAX]),
        vulnerability("summary"),
    )


def _result(opened: Envelope, key: bytes | None) -> Result:
    data = _validated(_RESULT, opened)
    patch_id = data["patch_id"]
    _check_identity(opened, patch_id)
    vulnerability = (data.get("vulnerability") or _NOTHING).get
    patch = (data.get("patch") or _NOTHING).get
    wargame = data["wargame"]
    ml = (data.get("ml") or _NOTHING).get
    diff = patch("diff")
    verdict, detail, worked_after = proof.judge(wargame["status"], wargame["method"], wargame["exploits"])
    executed_at: datetime = wargame["executed_at"]
    detected_at: datetime | None = vulnerability("detected_at")
    odd = model.is_odd(executed_at) or opened.odd_time or (detected_at is not None and model.is_odd(detected_at))
    # By position and not by name: this line runs once per event, and names cost as much as the rest of it.
    return Result(
        opened.source,
        opened.event_id,
        patch_id,
        data["apv_id"],
        data.get("cve_id"),
        wargame["run_id"],
        sha256(diff.encode()).digest() if diff else None,  # an empty diff binds nothing
        is_plain_text(diff) if diff else None,
        vocabulary.severity(vulnerability("severity")),
        vocabulary.risk(patch("risk")),
        patch("flagged"),
        verdict,
        detail,
        worked_after,
        ml("prediction"),
        ml("confidence"),
        wargame.get("expected_results"),
        patch("author"),
        detected_at,
        executed_at,
        data.get("synthetic") is True,
        _card(vulnerability, patch("strategy")),
        opened.payload,
        sha256(opened.payload).digest(),
        opened.traceparent,
        key != patch_id.encode(),
        odd,
    )


_NOTHING: dict[str, Any] = {}
_RESULT = lean.validator(model.WargamingResultData)
_OUTCOME = lean.validator(model.EurekaOutcomeData)


def _validated(validator: SchemaValidator, opened: Envelope) -> dict[str, Any]:
    try:
        data: dict[str, Any] = validator.validate_python(opened.data)
    except ValidationError as error:
        raise BadRecord(complaint.invalid(error, "data")) from error
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
