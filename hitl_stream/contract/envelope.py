"""Opens a record: CloudEvents 1.0 over Kafka, binary mode (ce_ headers, the value is `data`) and structured mode.

The content type decides the mode; without one, ce_ headers mean binary. Names of headers are compared without regard to
case, and an attribute that is given twice with different content is refused: it would be two events in one.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pydantic_core import PydanticCustomError

from hitl_stream.contract import complaint, model, strict_json
from hitl_stream.contract.record import Record
from hitl_stream.contract.strict_json import Document
from hitl_stream.errors import BadRecord

ID_CHARACTERS_MAX = 255
_REQUIRED = ("specversion", "id", "source", "type")
_TEXTS = (*_REQUIRED, "subject", "time", "datacontenttype", "traceparent")
_STRUCTURED = b"application/cloudevents+json"
_CLOUDEVENTS = b"application/cloudevents"
_BLANK = re.compile(r"\s")
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


class Envelope(NamedTuple):
    """An opened record. `payload` is what is stored of it; `time_year` is None when it says no time."""

    source: str
    event_id: str
    subject: str | None
    time_year: int | None
    traceparent: str | None
    document: Document
    payload: bytes


def read(record: Record, event_type: str) -> Envelope:
    """Open a record that must be an event of one type. Raises BadRecord."""
    value = record.value
    if value is None:
        raise BadRecord("value: null (a tombstone says nothing about a patch)")
    attributes, content_type, trace = _headers(record.headers)
    media_type = content_type.partition(b";")[0].strip().lower()
    if media_type == _STRUCTURED:
        return _structured(value, event_type, trace)
    if media_type.startswith(_CLOUDEVENTS):
        raise BadRecord(f"content-type: only {_STRUCTURED.decode()} is read (got {complaint.got(content_type)})")
    if not any(name in attributes for name in _REQUIRED):
        return _structured(value, event_type, trace)
    year = _check(attributes, "ce_", event_type)
    return Envelope(
        attributes["source"],
        attributes["id"],
        attributes.get("subject"),
        year,
        _trace(attributes.get("traceparent") or trace),
        strict_json.parse(value, "data"),
        value,
    )


def _headers(headers: Sequence[tuple[str, bytes]]) -> tuple[dict[str, str], bytes, str | None]:
    """The ce_ attributes, the content type, and the trace of the last hop. A null header counts as missing."""
    attributes: dict[str, str] = {}
    content_type, trace = b"", None
    for name, raw in headers:
        lowered = name.lower()
        if lowered[:3] == "ce_":
            if raw is not None:
                text = _utf8(lowered, raw)
                if attributes.setdefault(lowered[3:], text) != text:
                    raise BadRecord(complaint.line(f"{lowered}: given twice with different content"))
        elif lowered == "content-type":
            content_type = raw or b""
        elif lowered == "traceparent" and raw is not None:
            trace = raw.decode("ascii", "replace")
    return attributes, content_type, trace


def _utf8(name: str, raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise BadRecord(complaint.line(f"{name}: not UTF-8 (got {complaint.got(raw)})")) from error


def _structured(value: bytes, event_type: str, trace: str | None) -> Envelope:
    whole = strict_json.parse(value, strict_json.WHOLE, strict_json.NESTING_MAX + 1)
    event = whole.value
    if type(event) is not dict or "specversion" not in event:
        raise BadRecord("no CloudEvent: neither ce_ headers nor a value with a specversion")
    attributes: dict[str, str] = {}
    for name in _TEXTS:
        text = event.get(name)
        if type(text) is str:
            attributes[name] = text
        elif text is not None:
            raise BadRecord(f"{name}: input should be a valid string (got {complaint.got(text)})")
    year = _check(attributes, "", event_type)
    document = _data(event, whole.plain)
    return Envelope(
        attributes["source"],
        attributes["id"],
        attributes.get("subject"),
        year,
        _trace(attributes.get("traceparent") or trace),
        document,
        strict_json.compact(document),
    )


def _data(event: Mapping[str, Any], plain: bool) -> Document:
    """`data`, or what `data_base64` holds."""
    encoded = event.get("data_base64")
    if encoded is None:
        return Document(event.get("data"), plain)
    if event.get("data") is not None:
        raise BadRecord("data_base64: not beside data")
    if type(encoded) is not str:
        raise BadRecord(f"data_base64: input should be a valid string (got {complaint.got(encoded)})")
    try:
        return strict_json.parse(b64decode(encoded, validate=True), "data_base64")
    except (Base64Error, ValueError) as error:
        raise BadRecord(complaint.line(f"data_base64: not base64: {error}")) from error


def _check(attributes: Mapping[str, str], prefix: str, event_type: str) -> int | None:
    """Check what every event must say of itself; returns the year of its time."""
    for name, text in attributes.items():
        if not text.isprintable() and model.CONTROL.search(text):
            raise BadRecord(
                complaint.line(f"{prefix}{name}: control characters are not accepted (got {complaint.got(text)})")
            )
    for name in _REQUIRED:
        _check_length(prefix + name, attributes.get(name))
    version, kind, source = attributes["specversion"], attributes["type"], attributes["source"]
    if version != model.SPECVERSION:
        raise BadRecord(f"{prefix}specversion: only {model.SPECVERSION} is read (got {complaint.got(version)})")
    if kind != event_type:
        raise BadRecord(f"{prefix}type: this topic takes {event_type} (got {complaint.got(kind)})")
    if _BLANK.search(source):
        raise BadRecord(f"{prefix}source: a URI reference has no blanks (got {complaint.got(source)})")
    return _year(prefix, attributes.get("time"))


def _check_length(name: str, text: str | None) -> None:
    if not text:
        raise BadRecord(f"{name}: {'field required' if text is None else 'must not be empty'}")
    if len(text) > ID_CHARACTERS_MAX:
        raise BadRecord(f"{name}: {len(text)} characters, at most {ID_CHARACTERS_MAX}")


def _year(prefix: str, time: str | None) -> int | None:
    try:
        return None if time is None else model.read_time(time).year
    except PydanticCustomError as error:
        raise BadRecord(f"{prefix}time: {complaint.lowered(error.message())} (got {complaint.got(time)})") from error


def _trace(text: str | None) -> str | None:
    """A trace that nobody can read is dropped: it must never cost a decision."""
    return text if text is not None and _TRACEPARENT.fullmatch(text) else None
