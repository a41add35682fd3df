"""What is accepted from upstream, what it means, and what is refused with which words. One row, one case."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import orjson
import pytest

from hitl_stream.contract.decode import decode_outcome, decode_result
from hitl_stream.contract.fact import OutcomeKind, Risk, Severity, Wargame
from hitl_stream.errors import BadRecord
from tests.event import DIFF, DROP, binary, data, outcome
from tests.unit.decoding import (
    EXPLOIT,
    check_refused,
    decoded,
    with_header,
)


def test_a_good_result_says_everything_that_policy_and_people_need() -> None:
    result = decoded(vulnerability__detected_at="2026-11-23T07:00:00+01:00")
    assert (result.source, result.event_id, result.patch_id) == ("/wargaming/crisol", "e-1", "p-1")
    assert (result.apv_id, result.cve_id, result.run_id) == ("APV-1", "CVE-2026-10001", "run-1")
    assert result.patch_digest == sha256(DIFF.encode()).digest()
    assert (result.severity, result.risk, result.flagged) == (Severity.HIGH, Risk.LOW, False)
    assert (result.wargame, result.wargame_detail) == (Wargame.PASSED, "")
    assert (result.prediction, result.confidence, result.expected_results) == (True, 0.97, 1)
    assert result.executed_at == datetime(2026, 11, 23, 8, 15, 3, 990_000, tzinfo=UTC)
    assert result.detected_at == datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
    assert (result.card.package, result.card.strategy, result.card.cwe_ids) == ("shop", "code_patch", ("CWE-89",))
    assert (result.plain_text, result.synthetic, result.key_differs, result.odd_time) == (True, False, False, False)
    assert result.payload == orjson.dumps(data(vulnerability__detected_at="2026-11-23T07:00:00+01:00"))
    assert result.payload_sha256 == sha256(result.payload).digest()


def test_what_is_required_alone_is_enough_and_unknown_is_unknown() -> None:
    minimal = {
        "patch_id": "PATCH/2 of 3",
        "apv_id": "APV-2",
        "wargame": {
            "run_id": "r", "status": "timeout", "method": "wargaming_error_fallback", "exploits": [],
            "executed_at": "2026-11-23T08:15:08",
        },
    }  # fmt: skip
    result = decode_result(binary("e-1", minimal))
    assert (result.severity, result.risk, result.flagged, result.prediction, result.confidence) == (None,) * 5
    assert (result.patch_digest, result.plain_text, result.expected_results) == (None, None, None)
    assert result.wargame is Wargame.UNKNOWN
    assert result.executed_at == datetime(2026, 11, 23, 8, 15, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "member", "wanted"),
    [
        ({"vulnerability__severity": "HIGH"}, "severity", Severity.HIGH),
        ({"vulnerability__severity": "Moderate"}, "severity", Severity.MEDIUM),
        ({"vulnerability__severity": "NONE"}, "severity", Severity.NONE),
        ({"vulnerability__severity": "unknown"}, "severity", None),
        ({"vulnerability__severity": "important"}, "severity", None),
        ({"vulnerability__severity": ""}, "severity", None),
        ({"vulnerability__severity": None}, "severity", None),
        ({"vulnerability": None}, "severity", None),
        ({"vulnerability": DROP}, "severity", None),
        ({"patch__risk": "Critical"}, "risk", Risk.CRITICAL),
        ({"patch__risk": "moderate"}, "risk", Risk.MEDIUM),
        ({"patch__risk": "none"}, "risk", None),
        ({"patch__risk": "whatever"}, "risk", None),
        ({"patch__risk": None}, "risk", None),
        ({"patch__flagged": True}, "flagged", True),
        ({"patch__flagged": None}, "flagged", None),
        ({"patch__flagged": DROP}, "flagged", None),
        ({"patch": None}, "flagged", None),
        ({"patch__diff": None}, "patch_digest", None),
        ({"patch__diff": ""}, "patch_digest", None),
        ({"patch__diff": "é\n"}, "patch_digest", sha256("é\n".encode()).digest()),
        ({"patch__strategy": "WAF_RULE"}, "card.strategy", "waf_rule"),
        ({"patch__strategy": "prayer"}, "card.strategy", "prayer"),
        ({"vulnerability__cwe_ids": None}, "card.cwe_ids", ()),
        ({"vulnerability__cwe_ids": ["CWE-89"] * 51}, "card.cwe_ids", ("CWE-89",) * 50),
        ({"ml": None}, "confidence", None),
        ({"ml__confidence": 1}, "confidence", 1.0),
        ({"ml__confidence": 0}, "confidence", 0.0),
        ({"wargame__expected_results": 2.0}, "expected_results", 2),
        ({"wargame__expected_results": None}, "expected_results", None),
        ({"synthetic": True}, "synthetic", True),
        ({"synthetic": None}, "synthetic", False),
        ({"cve_id": None}, "cve_id", None),
        ({"patch_id": "…"}, "patch_id", "…"),
        ({"apv_id": "🔒" * 255}, "apv_id", "🔒" * 255),
        ({"unheard_of": {"kept": [1, None]}}, "patch_id", "p-1"),
        ({"runtime": {"cache_hit": True, "ab_arm": "B", "circuit_open": None}}, "patch_id", "p-1"),
    ],
)
def test_upstreams_words_become_ours(changes: dict[str, Any], member: str, wanted: Any) -> None:
    found: Any = decode_result(binary("e-1", data(**changes)))
    for name in member.split("."):
        found = getattr(found, name)
    assert found == wanted


PASSED_WORDS = ["passed", "success", "SUCCESS", "Patch_Effective", True]
FAILED_WORDS = ["failed", "failure", "PATCH_INSUFFICIENT", False]
OPEN_WORDS = ["error", "timeout", "not_run", "inconclusive", "INCONCLUSIVE", "partial", "unknown", "splendid", ""]


@pytest.mark.parametrize(
    ("status", "wanted"),
    [
        *[(word, Wargame.PASSED) for word in PASSED_WORDS],
        *[(word, Wargame.FAILED) for word in FAILED_WORDS],
        *[(word, Wargame.UNKNOWN) for word in OPEN_WORDS],
    ],
)
def test_five_vocabularies_say_three_things(status: Any, wanted: Wargame) -> None:
    assert decoded(wargame__status=status).wargame is wanted


def exploit(**changes: Any) -> dict[str, Any]:
    return {**EXPLOIT, **changes}


STILL = exploit(phase2_exploit_worked=True)
NEVER = exploit(phase1_exploit_worked=False)
BROKEN = exploit(error="connection refused")


@pytest.mark.parametrize(
    ("status", "method", "exploits", "wanted", "detail", "after"),
    [
        ("passed", "wargaming", [EXPLOIT, EXPLOIT], Wargame.PASSED, "", False),
        ("passed", "wargaming_fallback", [EXPLOIT], Wargame.PASSED, "", False),
        ("passed", "brand_new_method", [EXPLOIT], Wargame.PASSED, "", False),
        ("passed", "wargaming", [], Wargame.UNKNOWN, "no exploit ran", False),
        ("passed", "ml", [], Wargame.UNKNOWN, "proves nothing", False),
        ("passed", "ML", [EXPLOIT], Wargame.UNKNOWN, "proves nothing", False),
        ("passed", "wargaming_error_fallback", [EXPLOIT], Wargame.UNKNOWN, "proves nothing", False),
        ("passed", " Wargaming_Error ", [EXPLOIT], Wargame.UNKNOWN, "proves nothing", False),
        ("passed", "AB_Testing_Error", [EXPLOIT], Wargame.UNKNOWN, "proves nothing", False),
        ("passed", "wargaming", [EXPLOIT, STILL], Wargame.FAILED, "still works after", True),
        ("passed", "wargaming", [NEVER, EXPLOIT], Wargame.FAILED, "did not work before", False),
        ("passed", "wargaming", [EXPLOIT, BROKEN], Wargame.UNKNOWN, "ended in an error", False),
        ("passed", "wargaming", [exploit(error="")], Wargame.UNKNOWN, "ended in an error", False),
        ("passed", "wargaming", [BROKEN, NEVER], Wargame.FAILED, "did not work before", False),
        ("passed", "wargaming", [exploit(error="x", phase1_exploit_worked=False)], Wargame.UNKNOWN, "an error", False),
        ("passed", "wargaming", [exploit(error="x", phase2_exploit_worked=True)], Wargame.FAILED, "still works", True),
        ("timeout", "wargaming", [EXPLOIT], Wargame.UNKNOWN, "says timeout", False),
        ("timeout", "wargaming", [NEVER], Wargame.UNKNOWN, "says timeout", False),
        ("timeout", "wargaming", [STILL], Wargame.FAILED, "still works after", True),
        ("splendid", "wargaming", [EXPLOIT], Wargame.UNKNOWN, "nobody knows", False),
        ("failed", "wargaming", [EXPLOIT], Wargame.FAILED, "says failed", False),
        ("failed", "wargaming_error", [], Wargame.FAILED, "says failed", False),
    ],
)
def test_a_wargame_passes_only_if_its_exploits_show_it(
    status: str, method: str, exploits: list[Any], wanted: Wargame, detail: str, after: bool
) -> None:
    result = decoded(wargame__status=status, wargame__method=method, wargame__exploits=exploits)
    assert (result.wargame, result.exploit_worked_after) == (wanted, after)
    assert detail in result.wargame_detail


def test_the_detail_of_a_wargame_quotes_hostile_names_harmlessly() -> None:
    result = decoded(wargame__exploits=[exploit(exploit_id="a\u202eb\n", phase2_exploit_worked=True)])
    assert result.wargame_detail == "exploit a\\u202eb\\u000a still works after the patch"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("plain ascii", True),
        ("übersetzt, 日本語, Ελληνικά", True),
        *[(f"if admin{chr(code)}", False) for code in (0x202A, 0x202E, 0x2066, 0x2069, 0x200E, 0x200F, 0x61C)],
        *[
            (f"na{chr(code)}me", False)
            for code in (0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x180E, 0xAD, 0xFE0F, 0xE0041)
        ],
    ],
)
def test_a_diff_is_plain_when_everything_in_it_is_seen_in_order(text: str, plain: bool) -> None:
    assert decoded(patch__diff=text).plain_text is plain


@pytest.mark.parametrize(
    ("text", "wanted", "odd"),
    [
        ("2026-11-23T08:15:08", datetime(2026, 11, 23, 8, 15, 8, tzinfo=UTC), False),
        ("2026-11-23 08:15", datetime(2026, 11, 23, 8, 15, tzinfo=UTC), False),
        ("2026-11-23t08:15:08z", datetime(2026, 11, 23, 8, 15, 8, tzinfo=UTC), False),
        ("2026-11-23", datetime(2026, 11, 23, tzinfo=UTC), False),
        ("2026-11-23T08:15:08+05:30", datetime(2026, 11, 23, 2, 45, 8, tzinfo=UTC), False),
        ("2026-11-23T08:15:08-0100", datetime(2026, 11, 23, 9, 15, 8, tzinfo=UTC), False),
        ("2026-11-23T08:15:08.123456789Z", datetime(2026, 11, 23, 8, 15, 8, 123456, tzinfo=UTC), False),
        ("2026-11-23T08:15:08,5Z", datetime(2026, 11, 23, 8, 15, 8, 500000, tzinfo=UTC), False),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC), True),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), True),
        ("9999-12-31T23:59:59-01:00", datetime.max.replace(tzinfo=UTC, microsecond=999_998), True),
        ("9999-12-31T23:59:59.999999Z", datetime.max.replace(tzinfo=UTC, microsecond=999_998), True),
        ("0001-01-01T00:00:00+01:00", datetime.min.replace(tzinfo=UTC, microsecond=1), True),
    ],
)
def test_times_are_read_as_utc_and_odd_ones_are_counted(text: str, wanted: datetime, odd: bool) -> None:
    result = decoded(wargame__executed_at=text)
    assert (result.executed_at, result.odd_time) == (wanted, odd)


def test_an_odd_time_anywhere_counts() -> None:
    assert decoded(vulnerability__detected_at="1970-01-01T00:00:00Z").odd_time
    assert decode_result(with_header("ce_time", b"9999-12-31T23:59:59.999Z")).odd_time
    assert not decode_result(with_header("ce_time", b"2026-11-23T08:15:04Z")).odd_time


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ml__confidence": 1.01}, ["data.ml.confidence: input should be less than or equal to 1 (got 1.01)"]),
        ({"ml__confidence": -0.01}, ["data.ml.confidence", "greater than or equal to 0"]),
        ({"ml__confidence": "0.97"}, ["data.ml.confidence", 'got "0.97"']),
        ({"ml__confidence": True}, ["data.ml.confidence", "got true"]),
        ({"ml__confidence": None}, ["data.ml.confidence", "got null"]),
        ({"ml__confidence": DROP}, ["data.ml.confidence: field required"]),
        ({"ml__prediction": 1}, ["data.ml.prediction", "got 1)"]),
        ({"ml__prediction": DROP}, ["data.ml.prediction: field required"]),
        ({"ml__model_version": DROP}, ["data.ml.model_version: field required"]),
        ({"ml__shap_values": {"lines_added": "much"}}, ["data.ml.shap_values.lines_added"]),
        ({"ml__shap_values": [0.1]}, ["data.ml.shap_values: input should be an object (got an array of 1)"]),
        ({"ml__probabilities": [0.1, None]}, ["data.ml.probabilities[1]"]),
        ({"ml": []}, ["data.ml: input should be an object"]),
        ({"patch_id": DROP}, ["data.patch_id: field required"]),
        ({"patch_id": ""}, ["data.patch_id", "at least 1 character"]),
        ({"patch_id": "."}, ["data.patch_id"]),
        ({"patch_id": ".."}, ["data.patch_id"]),
        ({"patch_id": "p" * 256}, ["data.patch_id", "at most 255 characters"]),
        ({"patch_id": 7}, ["data.patch_id", "got 7"]),
        ({"apv_id": DROP}, ["data.apv_id: field required"]),
        ({"apv_id": None}, ["data.apv_id", "got null"]),
        ({"cve_id": ""}, ["data.cve_id"]),
        ({"vulnerability__severity": 3}, ["data.vulnerability.severity"]),
        ({"vulnerability__cvss_score": 10.1}, ["data.vulnerability.cvss_score"]),
        ({"vulnerability__cvss_score": 10**400}, ["data.vulnerability.cvss_score", "an integer of 1329 bits"]),
        ({"vulnerability__cwe_ids": "CWE-89"}, ["data.vulnerability.cwe_ids: input should be an array"]),
        ({"vulnerability__cwe_ids": ["CWE-89", 7]}, ["data.vulnerability.cwe_ids[1]"]),
        ({"vulnerability__detected_at": 1790000000}, ["data.vulnerability.detected_at"]),
        ({"vulnerability": "bad"}, ["data.vulnerability: input should be an object"]),
        ({"patch__flagged": "no"}, ["data.patch.flagged", 'got "no"']),
        ({"patch__flagged": 0}, ["data.patch.flagged", "got 0"]),
        ({"patch__diff": ["+"]}, ["data.patch.diff"]),
        ({"patch__risk": False}, ["data.patch.risk", "got false"]),
        ({"wargame": DROP}, ["data.wargame: field required"]),
        ({"wargame": None}, ["data.wargame", "got null"]),
        ({"wargame__status": DROP}, ["data.wargame.status: field required"]),
        ({"wargame__status": None}, ["data.wargame.status"]),
        ({"wargame__status": 1}, ["data.wargame.status"]),
        ({"wargame__method": DROP}, ["data.wargame.method: field required"]),
        ({"wargame__run_id": ""}, ["data.wargame.run_id"]),
        ({"wargame__exploits": DROP}, ["data.wargame.exploits: field required"]),
        ({"wargame__exploits": None}, ["data.wargame.exploits"]),
        (
            {"wargame__exploits": [exploit(phase1_exploit_worked="yes")]},
            ["data.wargame.exploits[0].phase1_exploit_worked"],
        ),
        ({"wargame__exploits": [EXPLOIT, {"exploit_id": "x"}]}, ["data.wargame.exploits[1].phase1", "and 2 more"]),
        ({"wargame__exploits": [exploit(error=True)]}, ["data.wargame.exploits[0].error"]),
        ({"wargame__exploits": [exploit(duration_ms=-1)]}, ["data.wargame.exploits[0].duration_ms"]),
        ({"wargame__expected_results": 0}, ["data.wargame.expected_results", "greater than or equal to 1"]),
        ({"wargame__expected_results": 1.5}, ["data.wargame.expected_results"]),
        ({"wargame__expected_results": True}, ["data.wargame.expected_results"]),
        ({"wargame__expected_results": 2**31}, ["data.wargame.expected_results"]),
        ({"wargame__executed_at": DROP}, ["data.wargame.executed_at: field required"]),
        ({"wargame__executed_at": "yesterday"}, ["data.wargame.executed_at", 'got "yesterday"']),
        ({"wargame__executed_at": "2026-02-30T00:00:00Z"}, ["data.wargame.executed_at", "a time that exists"]),
        ({"wargame__executed_at": "٢٠٢٦-11-23T08:15:08Z"}, ["data.wargame.executed_at"]),
        ({"synthetic": "false"}, ["data.synthetic"]),
        ({"runtime": {"cache_hit": "no"}}, ["data.runtime.cache_hit"]),
        ({"note": {"a\0b": 1}}, ["data.note.a\\u0000b: U+0000"]),
        ({"note": [["\0"]]}, ["data.note[0][0]: U+0000"]),
        ({"patch__diff": "\0"}, ["data.patch.diff: U+0000"]),
    ],
)
def test_what_cannot_be_used_is_refused_with_path_and_value(changes: dict[str, Any], words: list[str]) -> None:
    raw = _dumps(data(**changes))
    check_refused(binary("e-1", raw, key=b"p-1"), *words)


def _dumps(content: Any) -> bytes:
    try:
        return orjson.dumps(content)
    except TypeError:  # integers over 64 bits
        return json.dumps(content).encode()


def test_an_outcome_says_what_became_of_a_patch() -> None:
    digest = "sha256:" + sha256(b"x").hexdigest()
    found = decode_outcome(
        outcome("o-1", "p-1", patch_digest=digest.upper().replace("SHA", "sha"), decision_id="d", detail=None)
    )
    assert (found.source, found.event_id, found.patch_id) == ("/eureka", "o-1", "p-1")
    assert (found.outcome, found.patch_digest, found.decision_id) == (OutcomeKind.DEPLOYED, sha256(b"x").digest(), "d")
    assert found.observed_at == datetime(2026, 11, 23, 8, 40, 52, tzinfo=UTC)
    assert (found.key_differs, found.odd_time, found.detail) == (False, False, None)
    assert decode_outcome(outcome("o-1", "p-1", outcome="Rolled_Back")).outcome is OutcomeKind.ROLLED_BACK
    assert decode_outcome(outcome("o-1", "p-1", patch_digest=None)).patch_digest is None


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"outcome": "exploded"}, ["data.outcome", "deployed", 'got "exploded"']),
        ({"outcome": None}, ["data.outcome"]),
        ({"outcome": True}, ["data.outcome"]),
        ({"patch_digest": "md5:abc"}, ["data.patch_digest"]),
        ({"patch_digest": "sha256:abc"}, ["data.patch_digest"]),
        ({"patch_digest": 7}, ["data.patch_digest"]),
        ({"observed_at": "soon"}, ["data.observed_at"]),
        ({"observed_at": None}, ["data.observed_at"]),
        ({"patch_id": ".."}, ["data.patch_id"]),
        ({"decision_id": ""}, ["data.decision_id"]),
        ({"detail": {"why": "x"}}, ["data.detail"]),
    ],
)
def test_an_outcome_that_says_nothing_is_refused(members: dict[str, Any], words: list[str]) -> None:
    record = binary(
        "o-1",
        {"patch_id": "p-1", "outcome": "deployed", "observed_at": "2026-11-23T08:40:52Z", **members},
        source="/eureka",
        type_="eureka.outcome.v1",
        key=b"p-1",
    )
    with pytest.raises(BadRecord) as caught:
        decode_outcome(record)
    assert all(word in caught.value.reason for word in words), caught.value.reason


def test_a_reason_is_one_line_with_an_end_whatever_was_sent() -> None:
    hostile = "\r\n\x1b[31m\u202e<script>\u2028" * 200
    check_refused(binary("e-1", data(vulnerability__detected_at=hostile), key=b"p-1"), "\\u202e", "\\u001b")
    check_refused(binary("e-1", data(ml__shap_values={hostile: "x"}), key=b"p-1"), "data.ml.shap_values")
    check_refused(binary("e-1", orjson.dumps({hostile: 1})[:-1] + b"," + orjson.dumps({hostile: 1})[1:], key=b"p-1"))
