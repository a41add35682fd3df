"""Every kind of bad input, by name, made from a result that would have been good. Some turn out to be usable after all.

Which are which is not written here: that is the oracle's business, and the product's.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from tests.faults.upstream.event import Event, Raw, binary, compact, structured

DIFF_BYTES_MAX = 786_432
BIG = frozenset(("deeply_nested", "diff_at_limit", "diff_over_limit", "inflated"))

Spoiler = Callable[[Event, random.Random], Raw]


def _with(path: str, value: Any) -> Spoiler:
    return lambda event, rng: rng.choice((binary, structured))(event.changed(path, value))


def _value(spoil: Callable[[bytes], bytes]) -> Spoiler:
    return lambda event, rng: binary(event, spoil(compact(event.data)))


def _swap(old: bytes, new: bytes) -> Spoiler:
    """Replace the marker text of a member by bytes that no JSON library would write."""

    def spoil(event: Event, rng: random.Random) -> Raw:
        marked = event.changed("wargame.note", "MARK")
        return rng.choice((binary(marked, compact(marked.data).replace(old, new)), _structured_swap(marked, old, new)))

    return spoil


def _structured_swap(event: Event, old: bytes, new: bytes) -> Raw:
    raw = structured(event)
    return raw._replace(value=(raw.value or b"").replace(old, new))


def _attributes(**changes: Any) -> Spoiler:
    return lambda event, rng: rng.choice((binary, structured))(event._replace(**changes))


def _header(name: str, content: bytes | None) -> Spoiler:
    def spoil(event: Event, rng: random.Random) -> Raw:
        raw = binary(event)
        headers = tuple((n, content if n == name else c) for n, c in raw.headers)
        return raw._replace(headers=headers if content is not None else tuple(h for h in headers if h[0] != name))

    return spoil


def _tombstone(event: Event, rng: random.Random) -> Raw:
    return binary(event)._replace(value=None)


def _bare_tombstone(event: Event, rng: random.Random) -> Raw:
    return Raw(None, None)


def _sized(extra: int) -> Spoiler:
    return lambda event, rng: binary(event.changed("patch.diff", "-" * (DIFF_BYTES_MAX + extra)))


def _nested(event: Event, rng: random.Random) -> Raw:
    return binary(event, b"[" * 500_000 + b"]" * 500_000)


def _levels(depth: int) -> Spoiler:
    return _swap(b'"MARK"', b"[" * depth + b"]" * depth)


def _repeated_headers(event: Event, rng: random.Random) -> Raw:
    raw = binary(event, b"not json either")
    return raw._replace(headers=(*raw.headers, ("hop", b"1"), ("hop", b"2"), ("nothing", None), ("bytes", b"\xff\x00")))


def _other_key(event: Event, rng: random.Random) -> Raw:
    return binary(event, key=b"another key")


def _no_key(event: Event, rng: random.Random) -> Raw:
    return binary(event)._replace(key=None)


KINDS: dict[str, Spoiler] = {
    "not_json": _value(lambda value: b"it works on my machine"),
    "truncated": _value(lambda value: value[:-20]),
    "trailing": _value(lambda value: value + b"{}"),
    "empty_value": _value(lambda value: b""),
    "array": _value(lambda value: b"[1,2,3]"),
    "json_null": _value(lambda value: b"null"),
    "tombstone": _tombstone,
    "bare_tombstone": _bare_tombstone,
    "invalid_utf8": _swap(b"MARK", b"\xc3\x28"),
    "nul_escaped": _swap(b"MARK", b"\\u0000"),
    "nul_spelled_out": _swap(b"MARK", b"\\\\u0000"),
    "lone_surrogate": _swap(b"MARK", b"\\ud800"),
    "surrogate_pair": _swap(b"MARK", b"\\ud83d\\udd12"),
    "nan": _swap(b'"MARK"', b"NaN"),
    "infinity": _swap(b'"MARK"', b"-Infinity"),
    "overflow": _swap(b'"MARK"', b"1e400"),
    "huge_integer": _swap(b'"MARK"', b"9" * 5000),
    "duplicate_member": _swap(b'"MARK"', b'1,"note":2'),
    "deeply_nested": _nested,
    "nested_120": _levels(120),
    "nested_80": _levels(80),
    "apv_id_number": _with("apv_id", 7),
    "apv_id_missing": _with("apv_id", ...),
    "apv_id_null": _with("apv_id", None),
    "apv_id_empty": _with("apv_id", ""),
    "apv_id_256": _with("apv_id", "a" * 256),
    "apv_id_255": lambda event, rng: binary(event.changed("apv_id", f"{event.id:x<255}")),
    "patch_id_dots": lambda event, rng: binary(event.changed("patch_id", "..")._replace(subject=None)),
    "wargame_missing": _with("wargame", ...),
    "wargame_null": _with("wargame", None),
    "exploits_missing": _with("wargame.exploits", ...),
    "exploits_object": _with("wargame.exploits", {}),
    "status_unknown": _with("wargame.status", "splendid"),
    "confidence_text": _with("ml.confidence", "0.97"),
    "confidence_too_high": _with("ml.confidence", 1.01),
    "confidence_negative": _with("ml.confidence", -0.01),
    "flagged_text": _with("patch.flagged", "no"),
    "expected_zero": _with("wargame.expected_results", 0),
    "time_unreadable": _with("wargame.executed_at", "yesterday"),
    "time_1970": _with("wargame.executed_at", "1970-01-01T00:00:00Z"),
    "time_9999": _with("wargame.executed_at", "9999-12-31T23:59:59Z"),
    "extra_member": _with("surprise", {"a": [1, None, True]}),
    "unknown_source": _attributes(source="/elsewhere/lab"),
    "type_unknown": _attributes(type="wargaming.result.v2"),
    "subject_differs": _attributes(subject="somebody-else"),
    "specversion": _header("ce_specversion", b"0.3"),
    "source_missing": _header("ce_source", None),
    "id_missing": _header("ce_id", None),
    "id_not_utf8": _header("ce_id", b"\xff\xfe"),
    "diff_at_limit": _sized(0),
    "diff_over_limit": _sized(1),
    "inflated": lambda event, rng: binary(event, b" " * 3_000_000 + b"x"),
    "repeated_headers": _repeated_headers,
    "key_differs": _other_key,
    "key_missing": _no_key,
    "bidi": lambda event, rng: binary(event.changed("patch.diff", "+ if (admin \u202e) {}\n")),
    "no_diff": _with("patch.diff", ...),
}

OUTCOME_KINDS: dict[str, Spoiler] = {
    name: KINDS[name]
    for name in ("not_json", "tombstone", "truncated", "source_missing", "subject_differs", "json_null")
} | {
    "outcome_unknown": _with("outcome", "exploded"),
    "outcome_missing": _with("outcome", ...),
    "observed_at_unreadable": _with("observed_at", "soon"),
    "digest_unreadable": _with("patch_digest", "md5:abc"),
}
