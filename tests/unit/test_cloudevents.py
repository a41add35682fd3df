"""What the CloudEvents SDK writes to Kafka is what we read, and what we write is what it reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from cloudevents.core.bindings import kafka
from cloudevents.core.v1.event import CloudEvent

from hitl_stream.contract import content, encode
from hitl_stream.contract.decode import decode_outcome, decode_result
from hitl_stream.contract.record import Message, StoredRecord
from tests.event import data
from tests.unit.test_encode import DECISION, REVIEW, TRACE

WRITERS = (kafka.to_binary_event, kafka.to_structured_event)


def event(content: Any, **attributes: Any) -> CloudEvent:
    given = {
        "id": "wr-1",
        "source": "/wargaming/crisol",
        "type": "wargaming.result.v1",
        "subject": content["patch_id"],
        "time": datetime(2026, 11, 23, 8, 15, 4, 112_000, tzinfo=UTC),
        "datacontenttype": "application/json",
        **attributes,
    }
    return CloudEvent(attributes=given, data=content)


def as_record(message: kafka.KafkaMessage) -> StoredRecord:
    key = message.key.encode() if isinstance(message.key, str) else message.key
    return StoredRecord("wargaming.results", 0, 0, 0, key, message.value, tuple(message.headers.items()))


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize(
    "content",
    [
        data(),
        data(patch_id="PÄTCH/2 of 3 🔒"),
        data(vulnerability=None, patch=None, ml=None),
        data(note=[1.0, 1e-7, 10**30]),
    ],
)
def test_what_the_sdk_writes_is_read(write: Any, content: dict[str, Any]) -> None:
    result = decode_result(as_record(write(event(content, traceparent=TRACE, partitionkey=content["patch_id"]))))
    assert (result.source, result.event_id, result.patch_id) == ("/wargaming/crisol", "wr-1", content["patch_id"])
    assert (result.traceparent, result.key_differs) == (TRACE, False)


def test_both_modes_of_the_sdk_are_one_content() -> None:
    given = data(note=[1.0, 1e-7, "é", "\u2028"])
    binary, structured = [decode_result(as_record(write(event(given)))) for write in WRITERS]
    assert content.is_same(content.read(binary.payload), content.read(structured.payload))


@pytest.mark.parametrize("write", WRITERS)
def test_data_that_the_sdk_writes_as_bytes_is_read(write: Any) -> None:
    raw = orjson.dumps(data())
    given = event(data()).get_attributes()
    record = as_record(write(CloudEvent(attributes={**given, "datacontenttype": "application/json"}, data=raw)))
    usual = as_record(kafka.to_binary_event(event(data())))
    assert content.is_same(content.read(decode_result(record).payload), content.read(decode_result(usual).payload))


@pytest.mark.parametrize("write", WRITERS)
def test_outcomes_that_the_sdk_writes_are_read(write: Any) -> None:
    content = {"patch_id": "p-1", "outcome": "deployed", "observed_at": "2026-11-23T08:40:52"}
    at = datetime(2026, 11, 23, 9, 0, tzinfo=timezone(timedelta(hours=1)))
    found = decode_outcome(
        as_record(write(event(content, type="eureka.outcome.v1", source="/eureka", id="o-1", time=at)))
    )
    assert (found.event_id, found.outcome) == ("o-1", "deployed")


@pytest.mark.parametrize(
    "message",
    [*encode.decision_messages(DECISION), encode.pending_review_message(REVIEW)],
)
def test_what_we_write_is_read_by_the_sdk(message: Message) -> None:
    assert message.value is not None
    read = kafka.from_kafka_event(
        kafka.KafkaMessage(
            headers={name: value or b"" for name, value in message.headers}, key=message.key, value=message.value
        )
    )
    assert read.get_source() == "/hitl-stream"
    assert read.get_subject() == DECISION.patch_id
    content: Any = read.get_data()
    assert content["patch_id"] == DECISION.patch_id
    assert (
        str(read.get_id()) in {content.get("review_id"), content.get("decision_id")} or message.topic == "auto_approved"
    )
