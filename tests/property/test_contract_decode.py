"""Whatever arrives is an event or a BadRecord; which of both does not depend on how it is spelled."""

from __future__ import annotations

import json
import random
from collections import Counter
from contextlib import suppress
from typing import Any

import jiter
import orjson
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from hitl_stream.contract import model, strict_json
from hitl_stream.contract.content import is_same
from hitl_stream.contract.content import read as read_payload
from hitl_stream.contract.decode import decode_outcome, decode_result, result_from_payload
from hitl_stream.contract.fact import Result, Wargame
from hitl_stream.contract.record import StoredRecord
from hitl_stream.errors import BadRecord
from tests.event import data
from tests.harness.availability import scaled
from tests.property import contract_event
from tests.property.contract_event import ID, JSON, RESULT, TIME, binary, changed, compact, paths, respelled, structured

EXAMPLES = settings(max_examples=scaled(100, 3_000), deadline=None)
SEEDS = st.integers(0, 2**32)
HEADERS = st.lists(
    st.tuples(
        st.one_of(
            st.sampled_from(("ce_id", "ce_source", "ce_type", "ce_specversion", "ce_time", "content-type")), st.text()
        ),
        st.one_of(st.none(), st.binary(), st.sampled_from((b"1.0", b"a", b"wargaming.result.v1", b"application/json"))),
    ),
    max_size=8,
)


def read(record: StoredRecord) -> Result | BadRecord:
    """The event, or why not. Anything else that is raised fails the test."""
    try:
        return decode_result(record)
    except BadRecord as bad:
        refused = bad
    assert refused.reason
    assert refused.reason.isprintable()
    assert len(refused.reason) <= 500
    return refused


@EXAMPLES
@given(st.one_of(st.none(), st.binary(), JSON.map(compact)), HEADERS, st.one_of(st.none(), st.binary()))
def test_any_bytes_are_an_event_or_a_bad_record(value: bytes | None, headers: Any, key: bytes | None) -> None:
    record = StoredRecord("any", 0, 0, 0, key, value, headers)
    read(record)
    with suppress(BadRecord):
        decode_outcome(record)


@EXAMPLES
@given(RESULT)
def test_every_valid_result_is_read_and_agrees_with_its_payload(content: dict[str, Any]) -> None:
    record = binary(compact(content))
    result = decode_result(record)
    assert result.payload == record.value
    again = result_from_payload(result.source, result.event_id, result.payload)
    again.key_differs = result.key_differs
    assert again == result
    told = decode_result(structured(compact(content)))
    assert told.payload == compact(content)
    assert told == result


@EXAMPLES
@given(RESULT, st.data())
def test_a_spoiled_result_is_refused_exactly_when_the_model_refuses_it(
    content: dict[str, Any], draw: st.DataObject
) -> None:
    path = draw.draw(st.sampled_from(paths(content)))
    spoiled = changed(content, path, draw.draw(st.one_of(st.just(...), JSON, ID, TIME)))
    assume(isinstance(spoiled.get("patch_id", ""), str))
    try:
        model.WargamingResultData.model_validate(spoiled)
        accepted = True
    except ValidationError:
        accepted = False
    for record in (binary(compact(spoiled)), structured(compact(spoiled))):
        assert isinstance(read(record), Result) is accepted, read(record)


@EXAMPLES
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "specversion": st.one_of(st.just("1.0"), JSON),
            "id": st.one_of(ID, JSON),
            "source": st.one_of(st.just("/wargaming/crisol"), ID, JSON),
            "type": st.one_of(st.just("wargaming.result.v1"), JSON),
            "subject": st.one_of(st.none(), st.just("p-1")),
            "time": st.one_of(TIME, JSON),
            "datacontenttype": st.one_of(st.just("application/json"), JSON),
            "traceparent": st.one_of(st.just("x"), JSON),
        },
    )
)
def test_an_envelope_is_refused_exactly_when_the_model_refuses_it(attributes: dict[str, Any]) -> None:
    event = {
        "specversion": "1.0",
        "id": "i",
        "source": "/s",
        "type": "wargaming.result.v1",
        **attributes,
        "data": data(),
    }
    try:
        model.WargamingResult.model_validate(event)
        accepted = True
    except ValidationError:
        accepted = False
    record = StoredRecord("any", 0, 0, 0, b"p-1", compact(event), (("content-type", b"application/cloudevents+json"),))
    assert isinstance(read(record), Result) is accepted, read(record)


@EXAMPLES
@given(RESULT, SEEDS)
def test_the_same_content_spelled_otherwise_is_the_same_content(content: dict[str, Any], seed: int) -> None:
    rng = random.Random(seed)
    text = respelled(content, rng)
    assert json.loads(text) == content
    wanted = decode_result(binary(compact(content)))
    for record in (binary(text.encode()), structured(text.encode())):
        found = decode_result(record)
        assert is_same(read_payload(found.payload), read_payload(wanted.payload))
        found.payload, found.payload_sha256 = wanted.payload, wanted.payload_sha256
        assert found == wanted


@EXAMPLES
@given(JSON, JSON)
def test_contents_differ_when_values_do(one: Any, other: Any) -> None:
    assert is_same(one, other) is (comparable(one) == comparable(other))
    assert is_same(one, json.loads(respelled(one, random.Random(1))))


@EXAMPLES
@given(RESULT, st.data())
def test_another_value_anywhere_is_another_content(content: dict[str, Any], draw: st.DataObject) -> None:
    path = draw.draw(st.sampled_from(paths(content)))
    other = changed(content, path, draw.draw(JSON))
    assume(comparable(other) != comparable(content))
    assert not is_same(other, content)


def comparable(value: Any) -> Any:
    """JSON values so that Python's == compares them as JSON does: true is no number, order of members is nothing."""
    match value:
        case bool() | None:
            return "literal", value
        case list():
            return "array", [comparable(item) for item in value]
        case dict():
            return "object", {name: comparable(item) for name, item in value.items()}
    return "value", value


@EXAMPLES
@given(JSON, SEEDS, st.booleans())
def test_the_quick_parser_reads_what_the_strict_one_reads(value: Any, seed: int, damage: bool) -> None:
    rng = random.Random(seed)
    for raw in (compact(value), orjson.dumps(value) if orjson_can(value) else b"1", respelled(value, rng).encode()):
        text = damaged(raw, rng) if damage else raw
        try:
            wanted = jiter.from_json(text, catch_duplicate_keys=True, allow_inf_nan=False)
        except ValueError:
            with pytest.raises(BadRecord):
                strict_json.parse(text, "value")
            continue
        with suppress(BadRecord):  # too large a number, U+0000
            assert comparable(strict_json.parse(text, "value")) == comparable(wanted)


def orjson_can(value: Any) -> bool:
    """orjson writes integers of 64 bits only."""
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True


@EXAMPLES
@given(RESULT)
def test_nothing_unknown_ever_passes(content: dict[str, Any]) -> None:
    result = decode_result(binary(compact(content)))
    if result.wargame is Wargame.PASSED:
        exploits = content["wargame"]["exploits"]
        assert exploits
        for exploit in exploits:
            assert exploit["phase1_exploit_worked"] is True
            assert exploit["phase2_exploit_worked"] is False
            assert exploit.get("error") is None
        assert result.wargame_detail == ""
    else:
        assert result.wargame_detail
    patch, ml = content.get("patch") or {}, content.get("ml")
    assert (result.flagged is None) is (patch.get("flagged") is None)
    assert (result.patch_digest is None) is (not patch.get("diff"))
    assert (result.confidence is None) is (ml is None)


def test_a_great_many_spoiled_records_have_one_fate_each() -> None:
    """Bytes and members exchanged at random by a seeded generator; `HITL_TEST_SCALE=full` makes a million of them."""
    rng = random.Random(20261123)
    values: list[Any] = [
        None,
        True,
        False,
        0,
        1,
        -1,
        1.5,
        10**40,
        1e308,
        "",
        "x",
        "\0",
        "🔒",
        [],
        {},
        [[]],
        "2026-11-23",
        "\ud800",
        ...,
    ]
    contents = [data(note={"list": [1, 2.5, None]}), data(ml=None, vulnerability=None, patch=None)]
    places = [(content, path) for content in contents for path in paths(content)]
    fates: Counter[str] = Counter()
    for _ in range(scaled(20_000, 1_000_000)):
        content, path = rng.choice(places)
        raw = compact(changed(content, path, rng.choice(values)))
        if rng.random() < 0.5:
            raw = damaged(raw, rng)
        record = (binary if rng.random() < 0.7 else structured)(raw)
        fates[type(read(record)).__name__] += 1
    assert set(fates) == {"Result", "BadRecord"}
    assert min(fates.values()) > sum(fates.values()) / 20, fates


def damaged(raw: bytes, rng: random.Random) -> bytes:
    """A few bytes of JSON exchanged, lost or doubled."""
    content = bytearray(raw)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(content) + 1)
        piece = rng.choice(
            (b"", b'"', b"{", b"}", b"[", b",", b":", b"\\u0000", b"\\ud800", b"1e999", b"\xff", b"null", b" ")
        )
        content[at : at + rng.randint(0, 2)] = piece
    return bytes(content) or b"x"


@pytest.mark.parametrize("depth", [97, 98, 99, 100, 101, 150, 199, 201, 1_000, 100_000])
@pytest.mark.parametrize("shape", [("[", "]"), ('{"a":', "}")])
def test_nesting_ends_at_the_same_depth_in_both_modes(depth: int, shape: tuple[str, str]) -> None:
    opening, closing = shape
    inner = "" if opening == "[" else "1"
    note = opening * depth + inner + closing * depth
    raw = compact(data(note="MARK")).replace(b'"MARK"', note.encode())
    wanted = depth <= 99  # the object that holds the note is the first level
    assert isinstance(read(binary(raw)), Result) is wanted
    assert isinstance(read(structured(raw)), Result) is wanted


def test_the_strategies_reach_both_sides() -> None:
    """A guard for the tests above: results that pass exist among what they are given."""
    found: Counter[str] = Counter()

    @settings(max_examples=300, deadline=None, database=None)
    @given(contract_event.RESULT)
    def collect(content: dict[str, Any]) -> None:
        found[decode_result(binary(compact(content))).wargame] += 1

    collect()
    assert len(found) == 3
