"""Opens a record: CloudEvents 1.0 over Kafka, binary mode (ce_ headers, the value is `data`) and structured mode.

The content type decides the mode; without one, ce_ headers mean binary. Names of headers are compared without regard to
case, and an attribute that is given twice with different content is refused: it would be two events in one.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic_core import PydanticCustomError

from hitl_stream.contract import complaint, model, strict_json
from hitl_stream.contract.record import Record
from hitl_stream.errors import BadRecord

ID_CHARACTERS_MAX = 255
_REQUIRED = ("specversion", "id", "source", "type")
_TEXTS = (*_REQUIRED, "subject", "time", "datacontenttype", "traceparent")
_STRUCTURED = b"application/cloudevents+json"
_CLOUDEVENTS = b"application/cloudevents"
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


class Envelope(NamedTuple):
    """An opened record. `data` is a JSON value, `payload` what is stored of it."""

    source: str
    event_id: str
    subject: str | None
    odd_time: bool
    traceparent: str | None
    data: Any
    payload: bytes


def read(record: Record, event_type: str) -> Envelope:
    """Open a record that must be an event of one type. Raises BadRecord."""
    value = record.value
    if value is None:
        raise BadRecord("value: null (a tombstone says nothing about a patch)")
    attributes = _usual_attributes(record.headers)
    trace = None
    if attributes is None:
        headers = _tidy(record.headers)
        trace = headers.get("traceparent")
        if _is_structured(headers):
            return _structured(value, event_type, trace)
        attributes = {name[3:]: _text(name, raw) for name, raw in headers.items() if name[:3] == "ce_"}
    odd_time = _check(attributes, "ce_", event_type)
    return Envelope(
        attributes["source"],
        attributes["id"],
        attributes.get("subject"),
        odd_time,
        _trace(attributes.get("traceparent"), trace),
        strict_json.parse(value, "data"),
        value,
    )


_CONTENT_TYPE = "content-type"
_USUAL = frozenset((_CONTENT_TYPE, *(f"ce_{name}" for name in (*_TEXTS, "tracestate", "partitionkey"))))
_KNOWN = _USUAL | {"traceparent"}


def _usual_attributes(headers: Sequence[tuple[str, bytes | None]]) -> dict[str, str] | None:
    """The attributes of binary mode as nearly every producer sends it, at half the cost; None if anything is unusual."""
    given = tuple([name for name, _ in headers])
    names = _attribute_names(given) if len(given) <= len(_USUAL) and _USUAL.issuperset(given) else None
    if names is None:
        return None
    try:
        attributes = dict(zip(names, [raw.decode() for _, raw in headers if raw is not None], strict=True))
    except ValueError:  # null, or not UTF-8
        return None
    return attributes if attributes.pop(_CONTENT_TYPE) == "application/json" else None


@lru_cache(256)  # a producer always sends the same names; others than ours never get here, so that it stays small
def _attribute_names(names: tuple[str, ...]) -> tuple[str, ...] | None:
    """The names without their prefix: each of them once, a content type and an id among them."""
    if len(set(names)) != len(names) or not {_CONTENT_TYPE, "ce_id"} <= set(names):
        return None
    return tuple(name.removeprefix("ce_") for name in names)


def _tidy(headers: Sequence[tuple[str, bytes | None]]) -> dict[str, bytes]:
    """Names in lower case, ours only, each once. A null header counts as missing."""
    tidied: dict[str, bytes] = {}
    for name, raw in headers:
        lowered = name.lower()
        if raw is None or not (lowered[:3] == "ce_" or lowered in _KNOWN):
            continue
        if lowered[:3] == "ce_" and tidied.get(lowered, raw) != raw:
            raise BadRecord(complaint.line(f"{lowered}: given twice with different content"))
        tidied[lowered] = raw
    return tidied


def _is_structured(headers: Mapping[str, bytes]) -> bool:
    content_type = headers.get(_CONTENT_TYPE, b"")
    if content_type != b"application/json":
        media_type = content_type.partition(b";")[0].strip().lower()
        if media_type == _STRUCTURED:
            return True
        if media_type.startswith(_CLOUDEVENTS):
            raise BadRecord(f"content-type: only {_STRUCTURED.decode()} is read (got {complaint.got(content_type)})")
    return not headers.keys() & _MEANS_BINARY


_MEANS_BINARY = frozenset(f"ce_{name}" for name in _REQUIRED)


def _text(name: str, raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise BadRecord(complaint.line(f"{name}: not UTF-8 (got {complaint.got(raw)})")) from error


def _structured(value: bytes, event_type: str, trace: bytes | None) -> Envelope:
    event = strict_json.parse(value, strict_json.WHOLE, strict_json.NESTING_MAX + 1)
    if type(event) is not dict or "specversion" not in event:
        raise BadRecord("no CloudEvent: neither ce_ headers nor a value with a specversion")
    attributes: dict[str, str] = {}
    for name in _TEXTS:
        text = event.get(name)
        if type(text) is str:
            attributes[name] = text
        elif text is not None:
            raise BadRecord(f"{name}: input should be a valid string (got {complaint.got(text)})")
    odd_time = _check(attributes, "", event_type)
    data = _data(event)
    return Envelope(
        attributes["source"],
        attributes["id"],
        attributes.get("subject"),
        odd_time,
        _trace(attributes.get("traceparent"), trace),
        data,
        strict_json.compact(data),
    )


def _data(event: Mapping[str, Any]) -> Any:
    """`data`, or what `data_base64` holds."""
    encoded = event.get("data_base64")
    if encoded is None:
        return event.get("data")
    if event.get("data") is not None:
        raise BadRecord("data_base64: not beside data")
    if type(encoded) is not str:
        raise BadRecord(f"data_base64: input should be a valid string (got {complaint.got(encoded)})")
    try:
        return strict_json.parse(b64decode(encoded, validate=True), "data_base64")
    except (Base64Error, ValueError) as error:
        raise BadRecord(complaint.line(f"data_base64: not base64: {error}")) from error


def _check(attributes: Mapping[str, str], prefix: str, event_type: str) -> bool:
    """Check what every event must say of itself; returns whether its time is odd."""
    get = attributes.get
    source, event_id, time = get("source"), get("id"), get("time")
    if not (
        get("specversion") == model.SPECVERSION
        and get("type") == event_type
        and source
        and event_id
        and len(source) <= ID_CHARACTERS_MAX
        and len(event_id) <= ID_CHARACTERS_MAX
        and source.split() == [source]
        and "".join(attributes.values()).isprintable()
    ):
        _refuse(attributes, prefix, event_type)
    if time is None:
        return False
    try:
        return model.is_odd(model.read_time(time))
    except PydanticCustomError as error:
        raise BadRecord(f"{prefix}time: {complaint.lowered(error.message())} (got {complaint.got(time)})") from error


def _refuse(attributes: Mapping[str, str], prefix: str, event_type: str) -> None:
    """Say what is wrong with the attributes, if after all something is: not everything unprintable is a control."""
    for name, text in attributes.items():
        if model.CONTROL.search(text):
            raise BadRecord(
                complaint.line(f"{prefix}{name}: control characters are not accepted (got {complaint.got(text)})")
            )
    for name in _REQUIRED:
        found = attributes.get(name)
        if not found:
            raise BadRecord(f"{prefix}{name}: {'field required' if found is None else 'must not be empty'}")
        if len(found) > ID_CHARACTERS_MAX:
            raise BadRecord(f"{prefix}{name}: {len(found)} characters, at most {ID_CHARACTERS_MAX}")
    version, kind, source = attributes["specversion"], attributes["type"], attributes["source"]
    if version != model.SPECVERSION:
        raise BadRecord(f"{prefix}specversion: only {model.SPECVERSION} is read (got {complaint.got(version)})")
    if kind != event_type:
        raise BadRecord(f"{prefix}type: this topic takes {event_type} (got {complaint.got(kind)})")
    if source.split() != [source]:
        raise BadRecord(f"{prefix}source: a URI reference has no blanks (got {complaint.got(source)})")


def _trace(attribute: str | None, header: bytes | None) -> str | None:
    """The event's own trace, else that of the last hop. One that nobody can read must never cost a decision."""
    text = attribute or (header.decode("ascii", "replace") if header else "")
    return text if _TRACEPARENT.fullmatch(text) else None
