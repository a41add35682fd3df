"""An event as a neighbour publishes it: a CloudEvent by the package `cloudevents`, in binary or structured mode."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from cloudevents.core.bindings.kafka import to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from hitl_stream.broker.publisher import Outgoing


class Event(NamedTuple):
    """What is needed to publish an event, and to publish it again."""

    id: str
    source: str
    type: str
    patch_id: str
    data: Mapping[str, Any]


def encode(event: Event, *, structured: bool = False) -> Outgoing:
    """The record of an event; its key is the patch id."""
    attributes = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "subject": event.patch_id,
        "time": datetime.now(UTC),
        "datacontenttype": "application/json",
    }
    convert = to_structured if structured else to_binary
    message = convert(CloudEvent(attributes, dict(event.data)), JSONFormat(), lambda _: event.patch_id)
    return Outgoing(event.patch_id.encode(), message.value, message.headers)
