"""What one result says, and what all results of a round say together.

Unknown is None, and None is worst for approval everywhere: a later known value never hides an earlier unknown one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

CWES_MAX = 50  # on a card, of one result and of all: for the eye only, and looked at again with each new result


class Severity(StrEnum):
    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Risk(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Wargame(StrEnum):
    """passed: every exploit worked before the patch and none after it, at least one ran, by a method that counts."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(slots=True)
class Card:
    """What a list of reviews shows; never read by the policy."""

    package: str | None
    ecosystem: str | None
    language: str | None
    strategy: str | None
    cwe_ids: tuple[str, ...]
    summary: str | None


@dataclass(slots=True)
class Result:
    """One decoded wargaming result.

    `payload_sha256` is over `payload`, the bytes that are stored; two payloads that differ may still say the same.
    `wargame_detail` says why it is not passed.
    `exploit_worked_after` is true when any exploit worked in phase 2: the one fact that contradicts a human approval
    together with a false prediction and a flag.
    """

    source: str
    event_id: str
    patch_id: str
    apv_id: str
    cve_id: str | None
    run_id: str
    patch_digest: bytes | None
    plain_text: bool | None
    severity: Severity | None
    risk: Risk | None
    flagged: bool | None
    wargame: Wargame
    wargame_detail: str
    exploit_worked_after: bool
    prediction: bool | None
    confidence: float | None
    expected_results: int | None
    author: str | None
    detected_at: datetime | None
    executed_at: datetime
    synthetic: bool
    card: Card
    payload: bytes
    payload_sha256: bytes
    traceparent: str | None
    key_differs: bool
    odd_time: bool


class OutcomeKind(StrEnum):
    DEPLOYED = "deployed"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"
    EXPLOITED = "exploited"
    SUPERSEDED = "superseded"


@dataclass(slots=True)
class Outcome:
    """What Eureka reports after a deployment. `patch_digest` is the raw sha256 (32 bytes), None when not given."""

    source: str
    event_id: str
    patch_id: str
    decision_id: str | None
    patch_digest: bytes | None
    outcome: OutcomeKind
    detail: str | None
    observed_at: datetime
    payload: bytes
    payload_sha256: bytes
    traceparent: str | None
    key_differs: bool
    odd_time: bool


@dataclass(slots=True)
class Evidence:
    """All results of one round, folded worst wins. Order of the results never matters.

    `runs` counts distinct run ids. `digest` is the evidence digest: sha256 over the sorted lines
    `source id sha256(payload)` (hex, one blank between, newline between lines, none at the end).
    `sources` holds every distinct source; `complete` is None when no result said how many are expected.
    """

    patch_id: str
    apv_id: str
    cve_id: str | None
    sources: tuple[str, ...]
    runs: int
    expected_results: int | None
    patch_digest: bytes | None
    plain_text: bool | None
    severity: Severity | None
    risk: Risk | None
    flagged: bool | None
    wargame: Wargame
    wargame_detail: str
    exploit_worked_after: bool
    prediction: bool | None
    confidence: float | None
    digest: bytes
    detected_at: datetime | None
    synthetic: bool
    card: Card
