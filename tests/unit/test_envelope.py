"""How a record is opened: JSON, envelope, headers, keys, limits. One row, one case."""

from __future__ import annotations

import base64
from hashlib import sha256
from typing import Any

import orjson
import pytest

from hitl_stream.contract import content
from hitl_stream.contract.decode import decode_result, result_from_payload
from hitl_stream.contract.record import StoredRecord
from tests.event import binary, data
from tests.unit.decoding import (
    ENVELOPE,
    LIMIT,
    TRACE,
    check_refused,
    decoded,
    replaced,
    structured,
    with_header,
)


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
    assert content.is_same(content.read(in_binary.payload), content.read(in_structured.payload))


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
