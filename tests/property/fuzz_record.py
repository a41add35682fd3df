"""Records spoiled by a seeded generator: every seed is one record, the same one each time.

It starts from a valid CloudEvent (a result or an outcome, in binary or structured mode) and does one to three things to it
that some producer, proxy or attacker could do: to bytes, to JSON values, to texts, to numbers, to headers.
"""

from __future__ import annotations

import random
import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import orjson

from hitl_stream.contract.record import StoredRecord
from tests.event import DIFF, data

Headers = list[tuple[Any, Any]]  # also names in the wrong case, values that are null
Place = tuple[Any, Any]  # a container and the name or index in it

RESULT_TYPE, OUTCOME_TYPE = "wargaming.result.v1", "eureka.outcome.v1"
FULL = {
    "vulnerability__detected_at": "2026-11-20T06:00:00+01:00",
    "vulnerability__references": ["https://example.org/a", "https://example.org/b"],
    "vulnerability__cvss_score": 7.5,
    "ml__shap_values": {"lines_added": 0.25, "cwe_CWE-89": -1e-7},
    "runtime": {"cache_hit": False, "ab_arm": None},
    "synthetic": False,
    "unheard of": [{"a": [1, 2.5, {}]}, None],
}
OUTCOME = {
    "patch_id": "p-1",
    "decision_id": "d-1",
    "patch_digest": f"sha256:{'0a' * 32}",
    "outcome": "deployed",
    "detail": "rolled out",
    "observed_at": "2026-11-23T08:40:52Z",
}
EVENTS = (
    (RESULT_TYPE, orjson.dumps(data())),
    (RESULT_TYPE, orjson.dumps(data(**FULL))),
    (RESULT_TYPE, orjson.dumps(data(ml=None, vulnerability=None, patch={"diff": DIFF}))),
    (OUTCOME_TYPE, orjson.dumps(OUTCOME)),
)

# Texts that JSON can carry and something behind it cannot, or shows as something else.
HOSTILE = (
    "\0", "\x01", "\x1b[31m", "\x7f", "\x85", "\u2028", "\u202e", "\u200b", "\ufeff", "\ufffe", "\ud800", "\udfff", "\ud83d",
    "\U0001f512", "e\u0301", "\u0130", "\u1e9e", "\U000e0041", "\U0010ffff", "\\u0000", "\r\n", "\t", " ", "", "%00", "${x}",
    "<script>alert(1)</script>", "'; DROP TABLE patch; --", "../../etc/passwd", ".", "..", "a" * 256, "\u4e00" * 900,
)  # fmt: skip
# Numbers as text: some are none in JSON, some are none in a double, some are the same number written otherwise.
NUMBERS = (
    "0", "-0", "-0.0", "1", "-1", "1.0", "1e0", "10E-1", "0.95", "0.9500000000000000001", "0.94999999999999999", "1e-400",
    "5e-324", "1e308", "1e309", "-1e999", "9007199254740993", "2147483647", "2147483648", "9223372036854775808",
    "18446744073709551616", "1" + "0" * 400, "0." + "3" * 400, "NaN", "Infinity", "-Infinity", "01", "+1", ".5", "1.",
    "0x10", "1_000", "1e", "--1", "\u0661",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, "", "true", "0.97", "null", "passed", "ml", "2026-11-23", "9999-12-31T23:59:59-14:00", "0000-01-01",
    "2026-02-30T00:00:00Z", "0001-01-01T00:00:00+14:00", [], {}, [[]], [None], {"": None}, [{}], "x" * 300,
)  # fmt: skip
# Words that mean something somewhere.
WORDS = (
    "critical", "HIGH", "Moderate", "none", "low", "unknown", "success", "failed", "timeout", "partial", "PATCH_EFFECTIVE",
    "ml", "wargaming_error_fallback", "ab_testing", "waf_rule", "deployed", "ROLLED_BACK", "1970-01-01T00:00:00Z",
    "2026-11-23 08:15",
)  # fmt: skip
PIECES = (
    b"", b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"null", b"\x00", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\\u0000",
    b"\\ud800", b"\\ud83d\\ude00", b"\\x41", b"/*x*/", b"\xef\xbb\xbf", b" ", b"\n", b"1e999", b"'",
)  # fmt: skip
MEDIA = (
    b"application/json", b"application/cloudevents+json", b"Application/CloudEvents+JSON; charset=utf-8", b"text/plain", b"",
    b"application/cloudevents-batch+json", b"application/cloudevents+avro", b"\xff", None,
)  # fmt: skip

# Stand in texts for what no JSON library writes, until the bytes are there.
_RAW = "fuzz raw "
_AGAIN = " fuzz again"
_RAW_BYTES = re.compile(rb'"fuzz raw ([^"]*)"')


def record(seed: int) -> StoredRecord:
    """The record of this seed."""
    rng = random.Random(seed)
    if rng.random() < 0.04:
        return _noise(rng)
    kind, raw = rng.choice(EVENTS)
    content = orjson.loads(raw)
    inside = rng.random() < 0.85
    if inside:
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            rng.choice(_IN_JSON)(content, rng)
    headers: Headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", f"e-{seed}".encode()),
        ("ce_source", b"/wargaming/crisol"),
        ("ce_type", kind.encode()),
        ("content-type", b"application/json"),
    ]
    value: bytes | None = (
        _written(content) if rng.random() < 0.6 else _enveloped(content, kind, f"e-{seed}", headers, rng)
    )
    if not inside or rng.random() < 0.05:
        value = rng.choice(_IN_BYTES)(value or b"", rng)
    if rng.random() < 0.1:
        rng.choice(_IN_HEADERS)(headers, rng)
    if rng.random() < 0.005:
        value = None
    key = rng.choice((b"p-1", b"p-1", b"p-1", None, b"", b"\xff", "p\u20111".encode()))
    return StoredRecord("any", 0, seed, 1_790_000_000_000, key, value, tuple(headers))


def _noise(rng: random.Random) -> StoredRecord:
    """Nothing anybody meant: random bytes everywhere, or bytes that look like JSON."""
    value = rng.randbytes(rng.choice((0, 1, 2, 16, 400)))
    if rng.random() < 0.5:
        value = b"".join(rng.choices(PIECES, k=rng.randint(1, 30)))
    headers = [
        (rng.choice(("ce_id", "ce_type", "x", "content-type")), rng.randbytes(rng.randint(0, 20))) for _ in "123"
    ]
    return StoredRecord("any", 0, 0, 0, rng.randbytes(4), value, tuple(headers[: rng.randint(0, 3)]))


def _enveloped(content: Any, kind: str, event_id: str, headers: Headers, rng: random.Random) -> bytes:
    """The content in structured mode; sometimes the envelope is spoiled too, or the data are in base64."""
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": event_id,
        "source": "/wargaming/crisol",
        "type": kind,
        "subject": "p-1",
        "time": "2026-11-23T08:15:04.112Z",
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    }
    if rng.random() < 0.1:
        event["data_base64"] = b64encode(_written(content)).decode()
    else:
        event["data"] = content
    if rng.random() < 0.15:
        rng.choice(_IN_JSON)(event, rng)
    headers[:] = [("content-type", b"application/cloudevents+json")]
    return _written(event)


def _written(content: Any) -> bytes:
    """JSON bytes with the stand-ins exchanged for what they stand for."""
    text = _dumps(content)
    if b"fuzz" not in text:
        return text
    text = text.replace(_AGAIN.encode(), b"")
    return _RAW_BYTES.sub(lambda found: found[1].replace(b"'", b'"'), text)


def _dumps(content: Any) -> bytes:
    match content:
        case dict():
            return b"{" + b",".join([_text(name) + b":" + _dumps(inner) for name, inner in content.items()]) + b"}"
        case list():
            return b"[" + b",".join([_dumps(inner) for inner in content]) + b"]"
        case str():
            return _text(content)
        case _:
            return orjson.dumps(content)


def _text(text: str) -> bytes:
    """As UTF-8; what UTF-8 cannot say is escaped."""
    try:
        return orjson.dumps(text)
    except TypeError:
        return b'"' + b"".join([_character(c) for c in text]) + b'"'


def _character(c: str) -> bytes:
    return f"\\u{ord(c):04x}".encode() if "\ud800" <= c <= "\udfff" else orjson.dumps(c)[1:-1]


def _places(value: Any) -> Iterator[Place]:
    """Everything inside a value."""
    for name, inner in list(value.items()) if isinstance(value, dict) else enumerate(value):
        yield value, name
        if isinstance(inner, dict | list):
            yield from _places(inner)


def _place(content: Any, rng: random.Random) -> Place:
    """Any place; a content with nothing left in it gets a member first."""
    if not content:
        content["again"] = None
    return rng.choice(list(_places(content)))


def _remove(content: Any, rng: random.Random) -> None:
    holder, name = _place(content, rng)
    del holder[name]


def _rename(content: Any, rng: random.Random) -> None:
    holder, name = _place(content, rng)
    if isinstance(holder, dict):
        new = rng.choice((name.upper(), name + "s", rng.choice(HOSTILE), name + rng.choice(HOSTILE)))
        holder[new] = holder.pop(name)


def _duplicate(content: Any, rng: random.Random) -> None:
    """The same name a second time, with the same value or another; an item of an array simply twice."""
    holder, name = _place(content, rng)
    if isinstance(holder, dict):
        holder[name + _AGAIN] = holder[name] if rng.random() < 0.5 else deepcopy(rng.choice(VALUES))
    else:
        holder.append(holder[name])


def _swap(content: Any, rng: random.Random) -> None:
    """A value of another type, or one from elsewhere in the event."""
    holder, name = _place(content, rng)
    if rng.random() < 0.7:
        holder[name] = deepcopy(rng.choice(VALUES))
    else:
        other, there = _place(content, rng)
        holder[name] = orjson.loads(_plain(other[there]))


def _plain(value: Any) -> bytes:
    """A copy that has no part in the original; what cannot be written is left out."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return b"null"


def _reword(content: Any, rng: random.Random) -> None:
    """Another value of the same type: the record stays an event, but says something else."""
    holder, name = _place(content, rng)
    match holder[name]:
        case bool() as said:
            holder[name] = not said
        case int() | float():
            holder[name] = rng.choice((0, 1, 0.5, 0.9499999, 2, 3))
        case str() as said if not said.startswith(_RAW):
            holder[name] = rng.choice((*WORDS, said.upper(), said + "\u200b"))
        case list() as said:
            holder[name] = said[:-1]


def _renumber(content: Any, rng: random.Random) -> None:
    """A number in place of a number if there is one, else of anything."""
    places = list(_places(content)) or [_place(content, rng)]
    numbers = [(holder, name) for holder, name in places if isinstance(holder[name], int | float)]
    holder, name = rng.choice(numbers or places)
    holder[name] = _RAW + rng.choice(NUMBERS)


def _poison(content: Any, rng: random.Random) -> None:
    """A hostile text before, after, within or instead of a text."""
    texts = [(holder, name) for holder, name in _places(content) if isinstance(holder[name], str)]
    holder, name = rng.choice(texts) if texts else _place(content, rng)
    bad, good = rng.choice(HOSTILE), str(holder[name])
    if not good.startswith(_RAW):
        at = rng.randint(0, len(good))
        holder[name] = rng.choice((bad, good + bad, bad + good, good[:at] + bad + good[at:]))


def _nest(content: Any, rng: random.Random) -> None:
    """A value deep inside arrays or objects, around the limit of 100 or far beyond."""
    holder, name = _place(content, rng)
    depth = rng.choice((1, 90, 97, 98, 99, 100, 101, 102, 150, 500 if rng.random() < 0.9 else 20_000))
    opening, closing = rng.choice((("[", "]"), ("{'a':", "}")))
    inner = "1" if opening == "{'a':" or rng.random() < 0.5 else ""
    holder[name] = _RAW + opening * depth + inner + closing * depth


def _flip(value: bytes, rng: random.Random) -> bytes:
    flipped = bytearray(value or b"\0")
    for _ in range(rng.choice((1, 1, 2, 8))):
        flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
    return bytes(flipped)


def _cut(value: bytes, rng: random.Random) -> bytes:
    start, end = sorted((rng.randint(0, len(value)), rng.randint(0, len(value))))
    return rng.choice((value[:end], value[start:], value[:start] + value[end:]))


def _repeat(value: bytes, rng: random.Random) -> bytes:
    start, end = sorted((rng.randint(0, len(value)), rng.randint(0, len(value))))
    return value[:end] + value[start:]


def _insert(value: bytes, rng: random.Random) -> bytes:
    spoiled = bytearray(value)
    for _ in range(rng.randint(1, 3)):
        at = rng.randint(0, len(spoiled))
        spoiled[at : at + rng.randint(0, 2)] = rng.choice(PIECES)
    return bytes(spoiled)


def _recode(value: bytes, rng: random.Random) -> bytes:
    return value.decode("utf-8", "replace").encode(rng.choice(("utf-16", "utf-16-le", "utf-8-sig", "utf-7")))


def _drop_header(headers: Headers, rng: random.Random) -> None:
    if headers:
        del headers[rng.randrange(len(headers))]


def _repeat_header(headers: Headers, rng: random.Random) -> None:
    name, value = rng.choice(headers or [("ce_id", b"e")])
    headers.append(rng.choice(((name, value), (name.upper(), value), (name, b"other"), (name, None))))


def _spoil_header(headers: Headers, rng: random.Random) -> None:
    name, value = rng.choice(headers or [("ce_id", b"e")])
    bad = rng.choice(HOSTILE).encode("utf-8", "surrogatepass")
    headers[:] = [pair for pair in headers if pair[0] != name]
    headers.append((name, rng.choice((bad, value + bad, bad + value, b"\xff", b"", None))))


def _add_header(headers: Headers, rng: random.Random) -> None:
    """An attribute that was not there, or a mode that does not fit the value."""
    name = rng.choice(
        ("ce_subject", "ce_time", "ce_traceparent", "traceparent", "content-type", "ce_data", "\u202ex", "")
    )
    if name == "content-type":
        headers[:] = [pair for pair in headers if pair[0] != name]
        headers.append((name, rng.choice(MEDIA)))
    else:
        headers.append((name, rng.choice((b"p-1", b"2026-11-23T08:15:04Z", b"1970-01-01", b"\xff", b"00-x", None))))


_IN_JSON: tuple[Callable[[Any, random.Random], None], ...] = (
    _remove, _rename, _duplicate, _swap, _reword, _reword, _renumber, _poison, _nest,
)  # fmt: skip
_IN_BYTES: tuple[Callable[[bytes, random.Random], bytes], ...] = (_flip, _cut, _repeat, _insert, _recode)
_IN_HEADERS: tuple[Callable[[Headers, random.Random], None], ...] = (
    _drop_header, _repeat_header, _spoil_header, _add_header,
)  # fmt: skip
