"""What is accepted from upstream, what it means, and what is refused with which words. One row, one case."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import orjson
import pytest

from hitl_stream.contract.decode import decode_outcome, decode_result, result_from_payload
from hitl_stream.contract.fact import OutcomeKind, Result, Risk, Severity, Wargame
from hitl_stream.contract.record import StoredRecord
from hitl_stream.errors import BadRecord
from tests.event import DIFF, DROP, binary, data, outcome

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
        ("9999-12-31T23:59:59-01:00", datetime.max.replace(tzinfo=UTC), True),
        ("0001-01-01T00:00:00+01:00", datetime.min.replace(tzinfo=UTC), True),
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


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", ["data: not JSON"]),
        (b"it works on my machine", ["data: not JSON"]),
        (b"\xef\xbb\xbf{}", ["data: not JSON"]),
        (b"null", ["data: input should be an object (got null)"]),
        (b"[1]", ["data: input should be an object (got an array of 1)"]),
        (b'"text"', ["data: input should be an object"]),
        (b"1e999", ["the number is too large"]),
        (b"[" * 1_000_000, ["data: not JSON", "recursion limit"]),
        (b" " * (8 * 1024 * 1024 + 1), ["8388609 bytes"]),
    ],
)
def test_a_value_that_is_no_object_is_refused(raw: bytes, words: list[str]) -> None:
    check_refused(binary("e-1", raw), *words)


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (b'"\\u0000"', ["data.note: U+0000"]),
        (b'"\\ud800"', ["data: not JSON"]),
        (b'"\\ud83dx"', ["data: not JSON"]),
        (b'"\\udc00"', ["data: not JSON"]),
        (b'"\xc3\x28"', ["data: not JSON"]),
        (b'"\xed\xa0\x80"', ["data: not JSON"]),
        (b'"\x00"', ["data: not JSON"]),
        (b"NaN", ["data: not JSON"]),
        (b"Infinity", ["data: not JSON"]),
        (b"-Infinity", ["data: not JSON"]),
        (b"1e400", ["data.note: the number is too large"]),
        (b"[-1e400]", ["data.note[0]: the number is too large"]),
        (b"1" * 400 + b".0", ["data.note: the number is too large"]),
        (b"9" * 5_000, ["data: not JSON"]),
        (b'1,"note":1', ["data: not JSON", "note"]),
        (b'{"a":1,"a":1}', ["data: not JSON"]),
        (b"01", ["data: not JSON"]),
        (b"'a'", ["data: not JSON"]),
        (b"[" * 100 + b"]" * 100, ["data: nested more than 100 deep"]),
    ],
)
def test_json_is_read_strictly(new: bytes, words: list[str]) -> None:
    check_refused(replaced(b'"MARK"', new, note="MARK"), *words)
    envelope = orjson.dumps({**ENVELOPE, "data": data(note="MARK")})
    check_refused(structured(envelope.replace(b'"MARK"', new)))


@pytest.mark.parametrize(
    "new",
    [
        b'"\\\\u0000"',
        b'"\\ud83d\\udd12"',
        b"9" * 4_000,
        b"-" + b"9" * 30,
        b"1e308",
        b"-0",
        b"[" * 99 + b"]" * 99,
    ],
)
def test_what_is_only_unusual_is_read(new: bytes) -> None:
    in_binary = decode_result(replaced(b'"MARK"', new, note="MARK"))
    envelope = orjson.dumps({**ENVELOPE, "data": data(note="MARK")})
    in_structured = decode_result(structured(envelope.replace(b'"MARK"', new)))
    assert in_binary.data_sha256 == in_structured.data_sha256


def test_a_diff_may_have_768_kib_of_utf_8_and_not_a_byte_more() -> None:
    for unit in ("-", "é", "🔒"):
        diff = unit * (LIMIT // len(unit.encode()))
        assert decoded(patch__diff=diff).patch_digest == sha256(diff.encode()).digest()
        check_refused(binary("e-1", data(patch__diff=diff + "-"), key=b"p-1"), "data.patch.diff", "786432", "786433")


def test_identities_that_no_index_can_hold_are_refused() -> None:
    wide = "🔒" * 255
    record = binary(wide, data(patch_id=wide), source=wide)
    check_refused(record, "3060 bytes", "at most 2560")
    assert decode_result(binary(wide, data(patch_id=wide))).patch_id == wide


def test_a_tombstone_is_refused() -> None:
    check_refused(binary("e-1", data())._replace(value=None), "value: null", "tombstone")
    check_refused(StoredRecord("wargaming.results", 0, 0, 0, None, None, ()), "value: null")


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (with_header("ce_specversion", b"0.3"), ["ce_specversion", 'got "0.3"']),
        (with_header("ce_specversion", None), ["ce_specversion: field required"]),
        (
            with_header("ce_type", b"wargaming.result.v2"),
            ["ce_type", "wargaming.result.v1", 'got "wargaming.result.v2"'],
        ),
        (with_header("ce_type", b"eureka.outcome.v1"), ["ce_type"]),
        (with_header("ce_id", None), ["ce_id: field required"]),
        (with_header("ce_id", b""), ["ce_id: must not be empty"]),
        (with_header("ce_id", b"i" * 256), ["ce_id: 256 characters"]),
        (with_header("ce_id", b"\xff\xfe"), ["ce_id: not UTF-8"]),
        (with_header("ce_id", b"a\x00b"), ["ce_id: control characters", "\\u0000"]),
        (with_header("ce_id", b"a\nb"), ["ce_id: control characters"]),
        (with_header("ce_source", None), ["ce_source: field required"]),
        (with_header("ce_source", b"/war gaming"), ["ce_source", "blank"]),
        (with_header("ce_subject", b"p-2"), ["subject", '"p-1"', 'got "p-2"']),
        (with_header("ce_subject", b""), ["subject"]),
        (with_header("ce_time", b"soon"), ["ce_time", 'got "soon"']),
        (with_header("ce_extension", b"\xff"), ["ce_extension: not UTF-8"]),
        (with_header("ce_id", b"a", ("ce_id", b"b")), ["ce_id: given twice"]),
        (with_header("content-type", b"application/cloudevents-batch+json"), ["content-type"]),
        (with_header("content-type", b"application/cloudevents+avro; x=1"), ["content-type"]),
        (with_header("content-type", b"application/cloudevents+json"), ["no CloudEvent"]),
        (binary("e-1", data())._replace(headers=()), ["no CloudEvent"]),
        (structured(b"[]"), ["no CloudEvent"]),
        (structured({**ENVELOPE, "specversion": "2.0", "data": data()}), ["specversion", 'got "2.0"']),
        (structured({**ENVELOPE, "specversion": 1.0, "data": data()}), ["specversion", "got 1.0"]),
        (structured({**ENVELOPE, "type": "other", "data": data()}), ["type", 'got "other"']),
        (structured({**ENVELOPE, "id": "", "data": data()}), ["id: must not be empty"]),
        (structured({**ENVELOPE, "id": None, "data": data()}), ["id: field required"]),
        (structured({**ENVELOPE, "id": 7, "data": data()}), ["id:", "got 7"]),
        (structured({**ENVELOPE, "subject": "p-2", "data": data()}), ["subject"]),
        (structured({**ENVELOPE, "time": "soon", "data": data()}), ["time"]),
        (structured({**ENVELOPE}), ["data: input should be an object (got null)"]),
        (structured({**ENVELOPE, "data": orjson.dumps(data()).decode()}), ["data: input should be an object"]),
        (structured({**ENVELOPE, "data": data(), "data_base64": "e30="}), ["data_base64: not beside data"]),
        (structured({**ENVELOPE, "data_base64": "%%"}), ["data_base64: not base64"]),
        (structured({**ENVELOPE, "data_base64": "ä"}), ["data_base64: not base64"]),
        (structured({**ENVELOPE, "data_base64": 7}), ["data_base64"]),
        (structured({**ENVELOPE, "data_base64": "e30="}), ["data.patch_id: field required"]),
    ],
)
def test_an_envelope_must_say_what_it_is(record: StoredRecord, words: list[str]) -> None:
    check_refused(record, *words)


@pytest.mark.parametrize(
    "record",
    [
        structured({**ENVELOPE, "data": data()}),
        structured({**ENVELOPE, "data": data()}, b"Application/CloudEvents+JSON; charset=UTF-8"),
        structured({**ENVELOPE, "data": data()}, None),
        structured({**ENVELOPE, "data": data()}, b"application/json"),
        structured({"data": data(), **ENVELOPE, "comexampleextension": 7}),
        structured({**ENVELOPE, "subject": None, "time": None, "data": data(), "data_base64": None}),
        structured({**ENVELOPE, "data_base64": base64.b64encode(orjson.dumps(data())).decode()}),
        structured(orjson.dumps({**ENVELOPE, "data": data()}, option=orjson.OPT_INDENT_2)),
    ],
)
def test_structured_mode_says_the_same_as_binary_mode(record: StoredRecord) -> None:
    in_binary = decode_result(binary("e-1", data()))
    in_structured = decode_result(record)
    assert in_structured == in_binary


def test_headers_are_read_without_regard_to_case_and_others_are_ignored() -> None:
    record = binary("e-1", data())
    shouted = tuple((name.upper(), value) for name, value in record.headers)
    more: Any = (("hop", b"\xff"), ("hop", b"\x00"), ("nothing", None), ("ce_subject", None), ("ce_id", b"e-1"))
    assert decode_result(record._replace(headers=(*shouted, *more))) == decode_result(record)


def test_the_content_type_decides_the_mode() -> None:
    """An event on its way through a gateway may carry headers of an outer one."""
    record = structured({**ENVELOPE, "id": "inner", "data": data()})
    both = record._replace(headers=(*record.headers, ("ce_id", b"outer"), ("ce_specversion", b"1.0")))
    assert decode_result(both).event_id == "inner"


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        ([("ce_traceparent", TRACE.encode())], TRACE),
        ([("traceparent", TRACE.encode())], TRACE),
        ([("traceparent", b"00-" + b"1" * 32 + b"-" + b"2" * 16 + b"-00"), ("ce_traceparent", TRACE.encode())], TRACE),
        ([("ce_traceparent", b"nonsense")], None),
        ([("traceparent", b"\xff\xfe")], None),
        ([("traceparent", b"00-" + b"0" * 32 + b"-" + b"2" * 16 + b"-00")], None),
        ([], None),
    ],
)
def test_a_trace_is_followed_if_it_can_be_read(headers: list[tuple[str, bytes]], wanted: str | None) -> None:
    record = binary("e-1", data())
    assert decode_result(record._replace(headers=(*record.headers, *headers))).traceparent == wanted
    if wanted:
        assert decode_result(structured({**ENVELOPE, "traceparent": TRACE, "data": data()})).traceparent == TRACE


def test_a_key_that_differs_is_accepted_and_counted() -> None:
    for key, differs in ((b"p-1", False), (b"other", True), (b"", True)):
        assert decode_result(binary("e-1", data(), key=key)).key_differs is differs
    assert decode_result(binary("e-1", data())._replace(key=None)).key_differs is True


def test_a_stored_payload_is_the_same_result_again() -> None:
    for record in (binary("e-1", data()), structured({**ENVELOPE, "data": data()})):
        first = decode_result(record)
        again = result_from_payload(first.source, first.event_id, first.payload)
        again.key_differs = False
        assert again == first


def test_the_payload_of_structured_mode_is_compact_and_keeps_its_order() -> None:
    text = b'{"z": 1.50, "a": "\\u00e9\\/", "big": 123456789012345678901234567890, "e": 1E-7, "f": 1e22, "n": null}'
    record = structured({**ENVELOPE, "data": data(note="MARK")})
    assert record.value is not None
    result = decode_result(record._replace(value=record.value.replace(b'"MARK"', text)))
    assert (
        '"note":{"z":1.5,"a":"é/","big":123456789012345678901234567890,"e":1e-07,"f":1e+22,"n":null}'
    ).encode() in result.payload


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
