"""Seeded traffic: results of one size, each for a patch of its own, nine of ten approvable. The same seed is the same bytes.

Binary CloudEvents, as a producer of ours would send them. Nothing is repeated and nothing is broken: every contestant can
do exactly the same work on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

import orjson

SIZES = (1_250, 4_300)  # bytes of a record's value
REVIEW_SHARE = 0.1
SOURCE = "/wargaming/crisol"
WARM_UP_START = 9_000_000  # numbers that nothing measured reaches
POOL_LINES = 4_000
LONG = 2_000  # from here on a result has the texts and lists that short ones leave out

_START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
_WORDS = (
    "cursor", "execute", "params", "request", "session", "user_id", "query", "escape", "html", "token", "return", "self",
    "raise", "ValueError", "quote", "path", "open", "read", "subprocess", "shell", "False", "None", "response", "headers",
)  # fmt: skip


class Sent(NamedTuple):
    """One record as it goes to the broker."""

    patch_id: str
    value: bytes
    headers: list[tuple[str, bytes]]
    approvable: bool

    def arguments(self) -> dict[str, Any]:
        """How librdkafka's `produce` is told."""
        return {"value": self.value, "key": self.patch_id.encode(), "headers": self.headers}


@dataclass(frozen=True, slots=True)
class Work:
    """What one run does: some events to get warm on, then those that are measured."""

    size: int
    events: int
    warm_up: int
    seed: int

    def first(self) -> Iterator[Sent]:
        """Those to get warm on."""
        return events(self.size, self.warm_up, self.seed, start=WARM_UP_START)

    def measured(self) -> Iterator[Sent]:
        """Those that are measured."""
        return events(self.size, self.events, self.seed)


def events(
    size: int, count: int, seed: int = 1, *, start: int = 0, review_share: float = REVIEW_SHARE
) -> Iterator[Sent]:
    """`count` records whose values have about `size` bytes, numbered from `start`."""
    rng = Random(seed)
    pool = _source_code(Random(seed))
    for number in range(start, start + count):
        approvable = rng.random() >= review_share
        yield _event(number, size, approvable, rng, pool)


def label(size: int) -> str:
    """A size as people say it."""
    return f"{size / 1000:g} KB"


def _event(number: int, size: int, approvable: bool, rng: Random, pool: str) -> Sent:
    at = (_START + timedelta(milliseconds=number)).isoformat(timespec="milliseconds")[:-6] + "Z"
    patch_id = f"patch-CVE-2026-{number:07d}-20261123"
    data = _data(number, patch_id, at, approvable, rng)
    if size >= LONG:
        _lengthen(data, rng, pool)
    data["patch"]["diff"] = _diff(size - len(orjson.dumps(data)), rng, pool)
    trace = f"00-{rng.getrandbits(128) | 1:032x}-{rng.getrandbits(64) | 1:016x}-01"
    headers = {
        "ce_specversion": "1.0",
        "ce_id": f"wr-20261123-{number:07d}",
        "ce_source": SOURCE,
        "ce_type": "wargaming.result.v1",
        "ce_subject": patch_id,
        "ce_time": at,
        "ce_traceparent": trace,
        "content-type": "application/json",
    }
    return Sent(patch_id, orjson.dumps(data), [(name, value.encode()) for name, value in headers.items()], approvable)


def _data(number: int, patch_id: str, at: str, approvable: bool, rng: Random) -> dict[str, Any]:
    confidence = rng.uniform(0.951, 0.999) if approvable else rng.uniform(0.6, 0.949)
    return {
        "patch_id": patch_id,
        "apv_id": f"APV-20261123-{number:07d}",
        "cve_id": f"CVE-2026-{number:07d}",
        "vulnerability": {
            "severity": rng.choice(("low", "medium", "high")),
            "cwe_ids": [rng.choice(("CWE-89", "CWE-79", "CWE-78"))],
            "summary": "SQL injection in the item search",
            "package": f"shop-{rng.randrange(500)}",
            "ecosystem": "PyPI",
            "detected_at": "2026-11-23T07:52:10Z",
        },
        "patch": {
            "diff": "",
            "strategy": "code_patch",
            "risk": rng.choice(("low", "medium")),
            "author": "eureka",
            "flagged": False,
        },
        "wargame": {
            "run_id": f"WAR-20261123-{number:07d}",
            "status": "passed",
            "method": "wargaming",
            "exploits": [_exploit("cwe_89_sql_injection", rng)],
            "expected_results": 1,
            "executed_at": at,
        },
        "ml": {
            "prediction": True,
            "confidence": round(confidence, 3),
            "model_version": "rf_v1",
            "shap_values": {"lines_added": round(rng.uniform(-0.1, 0.1), 3), "has_parameterization": round(rng.random(), 3)},
        },
    }  # fmt: skip


def _exploit(name: str, rng: Random) -> dict[str, Any]:
    return {
        "exploit_id": name,
        "category": "injection",
        "phase1_exploit_worked": True,
        "phase2_exploit_worked": False,
        "duration_ms": rng.randrange(20, 900),
    }


def _lengthen(data: dict[str, Any], rng: Random, pool: str) -> None:
    data["vulnerability"] |= {
        "cvss_score": round(rng.uniform(1, 10), 1),
        "cvss_vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:L/A:N",
        "description": _cut(pool, 500, rng),
        "references": ["https://example.org/advisories/10001", "https://example.org/advisories/10001/patch"],
        "language": "Python",
        "current_version": "3.2.0",
        "target_version": "3.2.1",
        "affected_systems": [f"shop-web-{rng.randrange(99):02d}" for _ in range(6)],
    }
    data["wargame"]["exploits"] += [_exploit(f"variant_{i}", rng) for i in range(3)]
    data["ml"]["probabilities"] = [0.03, 0.97]
    data["ml"]["shap_values"] |= {f"cwe_CWE-{cwe}": round(rng.uniform(-0.3, 0.3), 3) for cwe in (78, 79, 89)}
    data["runtime"] = {"cache_hit": False, "circuit_open": False, "rate_limited": False}


def _diff(room: int, rng: Random, pool: str) -> str:
    """A diff that fills `room` bytes of JSON, to a few bytes: a line break takes two."""
    head = "--- a/app/search.py\n+++ b/app/search.py\n@@ -12,30 +12,30 @@\n"
    length = room - len(head) - head.count("\n")
    body = _cut(pool, length, rng)
    return head + body[: max(1, length - body.count("\n"))]


def _cut(pool: str, length: int, rng: Random) -> str:
    start = rng.randrange(len(pool) - length)
    return pool[start : start + length]


def _source_code(rng: Random) -> str:
    lines = (
        f"{rng.choice('+- ')}    {' '.join(rng.choices(_WORDS, k=rng.randrange(3, 8)))}\n" for _ in range(POOL_LINES)
    )
    return "".join(lines)


def endless(size: int, seed: int = 1, distinct: int = 2_000) -> Iterator[Sent]:
    """Records without end, cheaply: `distinct` ones told over and over under new ids."""
    known = list(events(size, distinct, seed, review_share=REVIEW_SHARE))
    number = 0
    while True:
        for place, sent in enumerate(known):
            old, new = f"{place:07d}", f"{number:07d}"
            was, now = old.encode(), new.encode()
            headers = [(name, value.replace(b"-" + was, b"-" + now)) for name, value in sent.headers]
            value = sent.value.replace(b"-" + was, b"-" + now)
            yield Sent(sent.patch_id.replace(old, new), value, headers, sent.approvable)
            number += 1
