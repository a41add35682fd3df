"""Records for tests: a wargaming result that the default policy approves, and every way to change it."""

from __future__ import annotations

import copy
from typing import Any

import orjson

from hitl_stream.contract.record import StoredRecord

DIFF = "--- a/app/search.py\n+++ b/app/search.py\n@@ -1 +1 @@\n-find(term)\n+find(quote(term))\n"

GOOD: dict[str, Any] = {
    "patch_id": "p-1",
    "apv_id": "APV-1",
    "cve_id": "CVE-2026-10001",
    "vulnerability": {"severity": "high", "cwe_ids": ["CWE-89"], "summary": "SQL injection", "package": "shop"},
    "patch": {"diff": DIFF, "strategy": "code_patch", "risk": "low", "author": "eureka", "flagged": False},
    "wargame": {
        "run_id": "run-1",
        "status": "passed",
        "method": "wargaming",
        "exploits": [
            {"exploit_id": "x-1", "phase1_exploit_worked": True, "phase2_exploit_worked": False, "duration_ms": 61}
        ],
        "expected_results": 1,
        "executed_at": "2026-11-23T08:15:03.990Z",
    },
    "ml": {"prediction": True, "confidence": 0.97, "model_version": "rf_v1"},
}


def data(**changes: Any) -> dict[str, Any]:
    """The good result, changed: `wargame__status="failed"` sets a nested member, `...=DROP` takes one away."""
    changed = copy.deepcopy(GOOD)
    for path, value in changes.items():
        *parents, last = path.split("__")
        target = changed
        for parent in parents:
            target = target.setdefault(parent, {})
        if value is DROP:
            target.pop(last, None)
        else:
            target[last] = value
    return changed


class _Drop:
    pass


DROP = _Drop()


def binary(
    event_id: str,
    content: dict[str, Any] | bytes,
    *,
    offset: int = 0,
    partition: int = 0,
    source: str = "/wargaming/crisol",
    type_: str = "wargaming.result.v1",
    topic: str = "wargaming.results",
    key: bytes | None = None,
) -> StoredRecord:
    """A CloudEvent in binary mode as a record."""
    value = content if isinstance(content, bytes) else orjson.dumps(content)
    if key is None:
        key = content["patch_id"].encode() if isinstance(content, dict) else b"key"
    headers = (
        ("ce_specversion", b"1.0"),
        ("ce_id", event_id.encode()),
        ("ce_source", source.encode()),
        ("ce_type", type_.encode()),
        ("content-type", b"application/json"),
    )
    return StoredRecord(topic, partition, offset, 1_790_000_000_000, key, value, headers)


def outcome(event_id: str, patch_id: str, *, offset: int = 0, partition: int = 0, **members: Any) -> StoredRecord:
    """What Eureka reports, as a record."""
    content = {"patch_id": patch_id, "outcome": "deployed", "observed_at": "2026-11-23T08:40:52Z", **members}
    return binary(
        event_id,
        content,
        offset=offset,
        partition=partition,
        source="/eureka",
        type_="eureka.outcome.v1",
        topic="eureka.outcomes",
    )
