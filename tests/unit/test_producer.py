"""What a message looks like on the wire: events say that they are whole CloudEvents, dead letters what their originals said."""

from __future__ import annotations

from typing import Any, cast

import pytest
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from hitl_stream.contract.record import Message
from hitl_stream.stream import producer


class Batches:
    """What makes batches."""

    def create_batch(self) -> BatchBuilder:
        return BatchBuilder(producer.BATCH_BYTES, 0)


STRUCTURED = [("content-type", b"application/cloudevents+json")]
ORIGINAL = (("content-type", b"text/plain"), ("hop", None), ("hitl_error", b"bad_record"))


@pytest.mark.parametrize(
    ("message", "headers"),
    [
        (Message("decisions", b"p", b"{}"), STRUCTURED),
        (Message("pending_review", b"p", b"{}"), STRUCTURED),
        (Message("auto_approved", b"p", b"{}"), STRUCTURED),
        (Message("dead_letters", None, None, ORIGINAL), list(ORIGINAL)),
        (Message("dead_letters", None, b"{}"), []),
    ],
)
def test_events_have_a_content_type_and_dead_letters_the_headers_of_their_original(
    message: Message, headers: list[tuple[str, bytes | None]]
) -> None:
    filling = producer._Filling()
    for _ in range(2):
        producer._append(cast(Any, Batches()), filling, message)
    written = list(MemoryRecords(bytes(filling.current._build())).next_batch())
    assert [(record.key, record.value, list(record.headers)) for record in written] == [
        (message.key, message.value, headers)
    ] * 2
