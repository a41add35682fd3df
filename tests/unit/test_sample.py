"""schemas/samples: every good one is understood as its index says, every bad one refused with a reason to act on."""

from __future__ import annotations

import json
from enum import Enum

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from hitl_stream.contract import content, schema, topics
from hitl_stream.contract.compatibility import Direction
from hitl_stream.contract.decode import decode_outcome, decode_result
from hitl_stream.contract.fact import Outcome, Result
from hitl_stream.errors import BadRecord
from tests.harness import sample
from tests.harness.sample import FOLDER, Sample

CONSUMED = {name for name, event in schema.TYPES.items() if event.direction is Direction.CONSUMED}
SCHEMA_OF = {topic.logical: topic.schema for topic in topics.load()}
GOOD = {name: item for name, item in sample.read("good").items() if SCHEMA_OF[item.topic] in CONSUMED}
PUBLISHED = {name: item for name, item in sample.read("good").items() if SCHEMA_OF[item.topic] not in CONSUMED}
BAD = sample.read("bad")


def decode(item: Sample) -> Result | Outcome:
    """Decode a sample as its topic's agent would."""
    return decode_outcome(item.record()) if item.topic == "eureka_outcomes" else decode_result(item.record())


def validator(item: Sample) -> Draft202012Validator:
    """Checks whole events of the type that the sample's topic holds."""
    name = SCHEMA_OF[item.topic]
    assert name is not None
    return Draft202012Validator(schema.generate()[name], format_checker=FormatChecker())


@pytest.mark.parametrize("item", GOOD.values(), ids=GOOD)
def test_a_good_sample_is_understood(item: Sample) -> None:
    event = decode(item)
    for name, expected in item.about.get("expect", {}).items():
        actual = getattr(event, name)
        assert (actual.value if isinstance(actual, Enum) else actual) == expected, name


@pytest.mark.parametrize("item", BAD.values(), ids=BAD)
def test_a_bad_sample_is_refused_with_a_reason_to_act_on(item: Sample) -> None:
    with pytest.raises(BadRecord) as refused:
        decode(item)
    assert item.about["reason"] in refused.value.reason
    assert "\n" not in refused.value.reason


def test_the_same_content_is_recognised_however_it_is_spelt() -> None:
    pairs = [(item, GOOD[item.about["same_as"]]) for item in GOOD.values() if "same_as" in item.about]
    assert pairs
    for one, other in pairs:
        first, second = decode(one), decode(other)
        assert (first.source, first.event_id) == (second.source, second.event_id)
        assert content.is_same(content.read(first.payload), content.read(second.payload)), one.name


def test_other_content_under_the_same_identity_is_recognised() -> None:
    pairs = [(item, GOOD[item.about["conflicts_with"]]) for item in GOOD.values() if "conflicts_with" in item.about]
    assert pairs
    for one, other in pairs:
        first, second = decode(one), decode(other)
        assert (first.source, first.event_id) == (second.source, second.event_id)
        assert not content.is_same(content.read(first.payload), content.read(second.payload)), one.name


@pytest.mark.parametrize(
    "item", [i for i in GOOD.values() if i.structured], ids=[n for n, i in GOOD.items() if i.structured]
)
def test_a_good_sample_fits_the_schema(item: Sample) -> None:
    validator(item).validate(json.loads(item.value or b""))


# What is wrong with these, a schema cannot say.
ONLY_DECODING_REFUSES = {
    "lone-surrogate.json",
    "nul-character.json",
    "nul-character-in-a-name.json",
    "nul-character-in-the-patch-id.json",
    "duplicate-member.json",
    "duplicate-member-of-the-envelope.json",
    "diff-over-the-limit.json",
    "diff-over-the-limit-in-bytes.json",
    "a-day-that-does-not-exist.json",
    "subject-of-another-patch.json",
}


def test_a_producer_finds_every_other_mistake_by_the_schema() -> None:
    whole = [item for item in BAD.values() if item.structured and item.name.endswith(".json")]
    accepted = {item.name for item in whole if validator(item).is_valid(json.loads(item.value or b""))}
    assert accepted == ONLY_DECODING_REFUSES


@pytest.mark.parametrize("item", PUBLISHED.values(), ids=PUBLISHED)
def test_a_published_sample_fits_schema_and_model(item: Sample) -> None:
    validator(item).validate(json.loads(item.value or b""))
    name = SCHEMA_OF[item.topic]
    assert name is not None
    schema.TYPES[name].model.model_validate_json(item.value or b"")


def test_there_is_a_sample_of_everything_that_is_published() -> None:
    assert {SCHEMA_OF[item.topic] for item in PUBLISHED.values()} == schema.TYPES.keys() - CONSUMED


@pytest.mark.parametrize("kind", ["good", "bad"])
def test_every_file_is_in_the_index(kind: str) -> None:
    files = {path.name for path in (FOLDER / kind).iterdir()}
    assert files == {name for name, item in sample.read(kind).items() if item.value is not None}
