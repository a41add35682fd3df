"""What we publish, compared with the contract's examples member by member, and byte for byte with itself."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from hitl_stream.contract import content, digest, encode, message
from hitl_stream.contract.encode import DecisionEvent, ReviewEvent
from hitl_stream.contract.record import Message, StoredRecord

PATCH = "patch-CVE-2026-10001-20261123-081500"
AT = datetime(2026, 11, 23, 8, 15, 4, 131_999, tzinfo=UTC)
DIFF = bytes.fromhex("ab41d6ffdf8864651fd924eaa21f5adba076fb53804c505372cbd26e851e6cf6")
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
DECISION = DecisionEvent(
    patch_id=PATCH,
    apv_id="APV-20261123-001",
    cve_id="CVE-2026-10001",
    round=1,
    seq=1,
    decision="approved",
    mode="policy",
    decided_by="policy",
    approvers=(),
    comment=None,
    reasons=(("confidence", "passed", "0.97 >= 0.95", None),),
    reject_reasons=(),
    policy_version=1,
    patch_digest=DIFF,
    evidence_digest=bytes(32),
    ml_confidence=0.97,
    ml_prediction=True,
    decided_at=AT,
    valid_until=AT + timedelta(days=30),
    deployed=None,
    synthetic=False,
    traceparent=TRACE,
)
REVIEW = ReviewEvent(
    patch_id=PATCH,
    apv_id="APV-20261123-001",
    cve_id="CVE-2026-10001",
    round=1,
    seq=1,
    severity="high",
    risk="low",
    ml_confidence=0.91,
    ml_prediction=True,
    reasons=(("confidence", "failed", "0.91 < 0.95", 0.04),),
    policy_version=1,
    patch_digest=DIFF,
    evidence_digest=bytes(32),
    opened_at=AT,
    expires_at=AT + timedelta(days=3),
    synthetic=False,
    traceparent=TRACE,
)
DECISION_DATA: dict[str, Any] = {
    "decision_id": "fd358135-69f2-5462-9767-1f51a2a793bb",
    "patch_id": PATCH,
    "apv_id": "APV-20261123-001",
    "cve_id": "CVE-2026-10001",
    "round": 1,
    "seq": 1,
    "decision": "approved",
    "mode": "policy",
    "decided_by": "policy",
    "approvers": [],
    "comment": None,
    "reasons": [{"rule": "confidence", "outcome": "passed", "detail": "0.97 >= 0.95"}],
    "reject_reasons": [],
    "policy_version": 1,
    "patch_digest": "sha256:ab41d6ffdf8864651fd924eaa21f5adba076fb53804c505372cbd26e851e6cf6",
    "evidence_digest": "sha256:" + "0" * 64,
    "ml_confidence": 0.97,
    "ml_prediction": True,
    "decided_at": "2026-11-23T08:15:04.131Z",
    "valid_until": "2026-12-23T08:15:04.131Z",
    "deployed": None,
    "synthetic": False,
}


def decision_event(id_: str, type_: str) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": id_,
        "source": "/hitl-stream",
        "type": type_,
        "subject": PATCH,
        "time": "2026-11-23T08:15:04.131Z",
        "datacontenttype": "application/json",
        "traceparent": TRACE,
        "data": DECISION_DATA,
    }


def compact(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def named(*parts: str | int) -> str:
    namespace = uuid.uuid5(uuid.NAMESPACE_URL, "urn:hitl-stream:decision")
    return str(uuid.uuid5(namespace, compact(list(parts)).decode()))


@pytest.mark.parametrize(
    ("patch_id", "round_", "seq", "wanted"),
    [
        (PATCH, 1, 1, "fd358135-69f2-5462-9767-1f51a2a793bb"),
        ("PATCH/2 of 3", 2, 5, "9f10c4bf-e2fe-5ba4-87ba-57e3322c425f"),
    ],
)
def test_decision_ids_are_those_of_the_contract(patch_id: str, round_: int, seq: int, wanted: str) -> None:
    assert digest.decision_id(patch_id, round_, seq) == wanted
    assert digest.decision_id(patch_id, round_, seq) == wanted


@pytest.mark.parametrize("patch_id", ["p", "pätch 🔒", 'quo"te\\', "a\u202eb\x7f\x1f"])
def test_ids_are_uuid5_of_compact_json(patch_id: str) -> None:
    assert digest.decision_id(patch_id, 2, 3) == named(patch_id, 2, 3)
    assert digest.review_id(patch_id, 2, 3) == named("review", patch_id, 2, 3)
    assert digest.auto_approved_id(patch_id, 2, 3) == named("auto-approved", patch_id, 2, 3)


def decision_message(event: DecisionEvent) -> Message:
    return encode.decision_messages(event)[-1]


def auto_approved_message(event: DecisionEvent) -> Message:
    first, _ = encode.decision_messages(event)
    return first


def test_a_decision_is_written_as_the_contract_shows_it() -> None:
    written = decision_message(DECISION)
    assert (written.topic, written.key, written.headers) == ("decisions", PATCH.encode(), ())
    assert written.value == compact(decision_event("fd358135-69f2-5462-9767-1f51a2a793bb", "hitl.decision.v1"))


def test_an_automatic_approval_is_told_under_an_id_of_its_own() -> None:
    written = auto_approved_message(DECISION)
    assert (written.topic, written.key) == ("auto_approved", PATCH.encode())
    assert written.value == compact(decision_event(named("auto-approved", PATCH, 1, 1), "hitl.auto-approved.v1"))


def test_a_pending_review_is_written_as_the_contract_shows_it() -> None:
    written = encode.pending_review_message(REVIEW)
    assert (written.topic, written.key) == ("pending_review", PATCH.encode())
    review_id = named("review", PATCH, 1, 1)
    assert written.value == compact(
        {
            "specversion": "1.0",
            "source": "/hitl-stream",
            "subject": PATCH,
            "datacontenttype": "application/json",
            "traceparent": TRACE,
            "id": review_id,
            "type": "hitl.pending-review.v1",
            "time": "2026-11-23T08:15:04.131Z",
            "data": {
                "review_id": review_id,
                "patch_id": PATCH,
                "apv_id": "APV-20261123-001",
                "cve_id": "CVE-2026-10001",
                "round": 1,
                "severity": "high",
                "risk": "low",
                "ml_confidence": 0.91,
                "ml_prediction": True,
                "reasons": [{"rule": "confidence", "outcome": "failed", "detail": "0.91 < 0.95", "distance": 0.04}],
                "policy_version": 1,
                "patch_digest": DECISION_DATA["patch_digest"],
                "evidence_digest": "sha256:" + "0" * 64,
                "expires_at": "2026-11-26T08:15:04.131Z",
                "opened_at": "2026-11-23T08:15:04.131Z",
                "seq": 1,
                "synthetic": False,
            },
        }
    )


@pytest.mark.parametrize(
    "changes", [{"mode": "human", "decided_by": "alice"}, {"decision": "revoked"}, {"decision": "expired"}]
)
def test_only_an_approval_by_policy_is_told_twice(changes: dict[str, Any]) -> None:
    assert [m.topic for m in encode.decision_messages(replace(DECISION, **changes))] == ["decisions"]
    assert [m.topic for m in encode.decision_messages(DECISION)] == ["auto_approved", "decisions"]


def test_an_unknown_trace_is_left_out() -> None:
    for written in (
        decision_message(replace(DECISION, traceparent=None)),
        auto_approved_message(replace(DECISION, traceparent=None)),
        encode.pending_review_message(replace(REVIEW, traceparent=None)),
    ):
        assert b"traceparent" not in (written.value or b"")


def test_what_is_written_is_what_the_models_promise() -> None:
    human = replace(
        DECISION, decision="rejected", mode="human", decided_by="alice", comment="näh\u202e", reasons=(), approvers=("alice",),
        reject_reasons=("incomplete_fix",), patch_digest=None, ml_confidence=None, ml_prediction=None, valid_until=None,
        deployed="unknown", cve_id=None, traceparent=None, synthetic=True, seq=2,
    )  # fmt: skip
    for event in (DECISION, human):
        message.Decision.model_validate_json(decision_message(event).value or b"")
    message.AutoApproved.model_validate_json(auto_approved_message(DECISION).value or b"")
    bare = replace(
        REVIEW, severity=None, risk=None, ml_confidence=None, ml_prediction=None, patch_digest=None, cve_id=None
    )
    for review in (REVIEW, bare):
        message.PendingReview.model_validate_json(encode.pending_review_message(review).value or b"")


def test_the_same_event_is_the_same_bytes() -> None:
    digest.decision_id.cache_clear()
    first = decision_message(DECISION)
    digest.decision_id.cache_clear()
    assert decision_message(replace(DECISION)) == first


@pytest.mark.parametrize(
    ("moment", "wanted"),
    [
        (AT, "2026-11-23T08:15:04.131Z"),
        (datetime(2026, 11, 23, tzinfo=UTC), "2026-11-23T00:00:00.000Z"),
        (AT.astimezone(timezone(timedelta(hours=5, minutes=30))), "2026-11-23T08:15:04.131Z"),
        (AT.astimezone(timezone.utc), "2026-11-23T08:15:04.131Z"),  # noqa: UP017 - the other name of the same zone
        (datetime.max.replace(tzinfo=UTC), "9999-12-31T23:59:59.999Z"),
        (datetime.min.replace(tzinfo=UTC), "0001-01-01T00:00:00.000Z"),
    ],
)
def test_times_are_written_in_utc_with_milliseconds(moment: datetime, wanted: str) -> None:
    assert encode.timestamp(moment) == wanted


def test_reasons_come_back_as_they_were_written() -> None:
    rows = [("confidence", "failed", "0.91 < 0.95", 0.04), ("diff_present", "unknown", 'no "diff" ü', None)]
    assert encode.parse_reasons(encode.reasons_json(tuple(rows))) == rows
    assert encode.parse_reasons(None) == []
    assert encode.parse_reasons(encode.reasons_json(())) == []


def test_a_dead_letter_is_the_record_as_it_was_with_its_place_and_the_reason() -> None:
    headers = (("ce_id", b"a"), ("hop", b"\xff"), ("hop", b"2"))
    record = StoredRecord("wargaming.results", 2, 40917, 0, b"\xffkey", b"\x00value", headers)
    written = encode.dead_letter_message(record, "bad_record", "data.ml.confidence: too größ", AT)
    assert (written.topic, written.key, written.value) == ("dead_letters", b"\xffkey", b"\x00value")
    assert written.headers == (
        *headers,
        ("hitl_error", b"bad_record"),
        ("hitl_reason", "data.ml.confidence: too größ".encode()),
        ("hitl_topic", b"wargaming.results"),
        ("hitl_partition", b"2"),
        ("hitl_offset", b"40917"),
        ("hitl_at", b"2026-11-23T08:15:04.131Z"),
    )
    tombstone = StoredRecord("wargaming.results", 0, 0, 0, None, None)
    assert encode.dead_letter_message(tombstone, "bad_record", "value: null", AT)[1:3] == (None, None)


@pytest.mark.parametrize(
    ("key", "value", "headers", "cut"),
    [
        (b"key", bytes(5_000), (), b"the value is its beginning"),
        (b"key", bytes(5_000), (("hop", b"1"),), b"the value is its beginning, headers are left out"),
        (bytes(1_000_000), b"{", (), b"the key is left out"),
        (bytes(1_001), None, (("hitl_error", b"theirs"),), b"the key is left out, headers are left out"),
        (bytes(1_001), bytes(1_001), (), b"the key is left out, the value is its beginning"),
    ],
)
def test_a_dead_letter_that_is_shortened_says_what_is_cut(
    key: bytes, value: bytes | None, headers: tuple[tuple[str, bytes | None], ...], cut: bytes
) -> None:
    record = StoredRecord("wargaming.results", 2, 40917, 0, key, value, headers)
    whole = encode.dead_letter_message(record, "bad_record", "too größ", AT)
    short = encode.shortened(whole)
    assert (short.topic, short.key, short.value) == (
        "dead_letters", None if len(key) > 1_000 else key, value and value[:1_000],
    )  # fmt: skip
    ours = dict(whole.headers[-6:])
    assert short.headers == tuple((ours | {"hitl_reason": "too größ".encode() + encode.CUT + cut}).items())


def test_a_dead_letter_that_is_short_already_stays_as_it_is() -> None:
    whole = encode.dead_letter_message(StoredRecord("t", 2, 7, 0, bytes(1_000), bytes(1_000)), "bad_record", "why", AT)
    assert encode.shortened(whole) == whole


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1", "1.0", True),
        ("1", "1e0", True),
        ("100", "1E+2", True),
        ("0", "-0.0", True),
        ("0.97", "97e-2", True),
        ("1e22", "10000000000000000000000", True),
        ("0.00001", "1e-5", True),
        ('{"a":1,"b":2}', '{ "b" : 2.0, "a" : 1 }', True),
        ('"é"', '"\\u00e9"', True),
        ("[1,2]", "[2,1]", False),
        ("1", "true", False),
        ("0", "false", False),
        ("0", "null", False),
        ("1", '"1"', False),
        ("1", "1.0000000000000002", False),
        ("9007199254740992", "9007199254740993", False),
        ("18446744073709551615", "18446744073709551616", False),
        ('{"a":null}', "{}", False),
        ('"é"', '"e\\u0301"', False),
        ('{"a":1,"b":2}', '{"a":1,"c":2}', False),
        ('{"a":[{"b":[true]}]}', '{"a":[{"b":[1]}]}', False),
        ("[]", "{}", False),
        ("[1]", "[1,1]", False),
        ('{"a":1}', "[1]", False),
    ],
)
def test_content_is_compared_as_json_values(one: str, other: str, same: bool) -> None:
    assert content.is_same(json.loads(one), json.loads(other)) is same
    assert content.is_same(content.read(other.encode()), content.read(one.encode())) is same
