"""Wargaming results as Hypothesis and a seeded generator make them: valid ones, spoiled ones, and other spellings of both."""

from __future__ import annotations

import json
import random
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from hitl_stream.contract.record import StoredRecord

TYPE = "wargaming.result.v1"
SOURCE = "/wargaming/crisol"

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
ID = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20).filter(
    lambda t: t not in {".", ".."}
)
NUMBER = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBER, TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=12,
)
DURATION = st.one_of(st.integers(0, 10**6), st.floats(0, 1e6), st.integers(0, 10**30))
TIME = st.sampled_from(
    (
        "2026-11-23T08:15:08", "2026-11-23T08:15:08.250Z", "2026-11-23 08:15:08+01:00", "2026-11-22", "1970-01-01T00:00:00Z",
        "9999-12-31T23:59:59-01:00",
    )
)  # fmt: skip
SHARE = st.one_of(st.floats(0, 1), st.integers(0, 1))


def _maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), strategy)


def _object(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """An object with its required members, some of its optional ones (also as null), and sometimes one nobody knows."""
    return st.fixed_dictionaries(
        required, optional={**{name: _maybe(kind) for name, kind in optional.items()}, "unheard of": JSON}
    )


VULNERABILITY = _object(
    {},
    {
        "severity": st.one_of(st.sampled_from(("none", "LOW", "Moderate", "high", "critical", "unknown")), TEXT),
        "cvss_score": st.floats(0, 10), "cvss_vector": TEXT, "cwe_ids": st.lists(TEXT, max_size=3), "summary": TEXT,
        "description": TEXT, "references": st.lists(TEXT, max_size=2), "package": TEXT, "ecosystem": TEXT, "language": TEXT,
        "current_version": TEXT, "target_version": TEXT, "affected_systems": st.lists(TEXT, max_size=2), "detected_at": TIME,
    },
)  # fmt: skip
PATCH = _object(
    {},
    {
        "diff": TEXT, "strategy": TEXT, "risk": st.one_of(st.sampled_from(("low", "MEDIUM", "high")), TEXT), "author": TEXT,
        "pr_url": TEXT, "commit_sha": TEXT, "flagged": st.booleans(), "flag_reason": TEXT,
    },
)  # fmt: skip
EXPLOIT = _object(
    {
        "exploit_id": ID, "phase1_exploit_worked": st.booleans(), "phase2_exploit_worked": st.booleans(),
        "duration_ms": DURATION,
    },
    {"category": TEXT, "error": TEXT},
)  # fmt: skip
GOOD_EXPLOIT = st.just(
    {"exploit_id": "x", "phase1_exploit_worked": True, "phase2_exploit_worked": False, "duration_ms": 61, "error": None}
)
WARGAME = _object(
    {
        "run_id": ID,
        "status": st.one_of(
            st.booleans(), st.sampled_from(("passed", "SUCCESS", "failed", "timeout", "partial")), TEXT
        ),
        "method": st.one_of(st.sampled_from(("wargaming", "ml", "ab_testing_error")), ID),
        "exploits": st.one_of(st.lists(EXPLOIT, max_size=3), st.lists(GOOD_EXPLOIT, max_size=2)),
        "executed_at": TIME,
    },
    {"expected_results": st.one_of(st.integers(1, 9), st.just(2.0)), "duration_ms": DURATION},
)
ML = _object(
    {"prediction": st.booleans(), "confidence": SHARE, "model_version": TEXT},
    {
        "probabilities": st.lists(NUMBER.filter(lambda n: abs(n) < 1e300), max_size=3),
        "shap_values": st.dictionaries(TEXT, st.floats(-5, 5), max_size=3), "shap_base_value": st.floats(-5, 5),
        "execution_time_ms": DURATION,
    },
)  # fmt: skip
RUNTIME = _object(
    {}, {"cache_hit": st.booleans(), "ab_arm": TEXT, "circuit_open": st.booleans(), "rate_limited": st.booleans()}
)
RESULT = _object(
    {"patch_id": ID, "apv_id": ID, "wargame": WARGAME},
    {
        "cve_id": ID, "vulnerability": VULNERABILITY, "patch": PATCH, "ml": ML, "runtime": RUNTIME, "synthetic": st.booleans(),
    },
)  # fmt: skip


def compact(value: Any) -> bytes:
    """JSON as most libraries write it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def binary(value: bytes | None, event_id: str = "e-1", source: str = SOURCE) -> StoredRecord:
    """A record in binary mode with this value."""
    headers = (
        ("ce_specversion", b"1.0"), ("ce_id", event_id.encode()), ("ce_source", source.encode()), ("ce_type", TYPE.encode()),
        ("content-type", b"application/json"),
    )  # fmt: skip
    return StoredRecord("wargaming.results", 0, 0, 0, b"key", value, headers)


def structured(data: bytes, event_id: str = "e-1", source: str = SOURCE) -> StoredRecord:
    """A record in structured mode whose `data` are these bytes."""
    attributes = json.dumps({"specversion": "1.0", "id": event_id, "source": source, "type": TYPE})
    value = b'{"data":' + data + b"," + attributes[1:].encode()
    return StoredRecord(
        "wargaming.results", 0, 0, 0, b"key", value, (("content-type", b"application/cloudevents+json"),)
    )


def respelled(value: Any, rng: random.Random) -> str:
    """The same JSON value as other text: order of members, blanks, escapes, and how numbers are written."""
    blank = rng.choice(("", "", " ", "\n\t"))
    match value:
        case dict():
            members = list(value.items())
            rng.shuffle(members)
            inner = f",{blank}".join(f"{respelled(k, rng)}{blank}:{respelled(v, rng)}" for k, v in members)
            return f"{{{blank}{inner}{blank}}}"
        case list():
            return f"[{blank}{f'{blank},'.join(respelled(item, rng) for item in value)}]"
        case str():
            return _respelled_text(value, rng)
        case bool() | None:
            return json.dumps(value)
        case int():
            return (
                rng.choice((str(value), f"{value}.0", f"{value}e0", f"{value}.00E+0"))
                if abs(value) < 2**53
                else str(value)
            )
    return _respelled_float(value, rng)


def _respelled_text(text: str, rng: random.Random) -> str:
    escaped = "".join(
        [f"\\u{ord(c):04X}" if rng.random() < 0.1 and ord(c) <= 0xFFFF else _literal(c, rng) for c in text]
    )
    return f'"{escaped}"'


def _literal(character: str, rng: random.Random) -> str:
    if character == "/":
        return rng.choice(("/", "\\/"))
    return json.dumps(character, ensure_ascii=rng.random() < 0.3)[1:-1]


def _respelled_float(number: float, rng: random.Random) -> str:
    mantissa, _, exponent = f"{number!r}".partition("e")
    if rng.random() < 0.5 and "." in mantissa:
        whole, fraction = mantissa.lstrip("-").split(".")
        sign = "-" if number < 0 or mantissa[0] == "-" else ""
        return f"{sign}{(whole + fraction).lstrip('0') or '0'}e{int(exponent or 0) - len(fraction)}"
    return f"{number!r}"


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything inside a JSON value."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in items:
        found += paths(inner, (*path, step))
    return found


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A copy with another value at a path; … takes it away."""
    copy = deepcopy(value)
    holder = copy
    for step in path[:-1]:
        holder = holder[step]
    if new is ...:
        del holder[path[-1]]
    else:
        holder[path[-1]] = new
    return copy
