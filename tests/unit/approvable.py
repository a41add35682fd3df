"""What the conservative default just approves, and every way to change it: evidence, policy and context.

The members of the three have different names, so that a case is one mapping of what differs.
"""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple

from hitl_stream.contract.fact import Card, Evidence, Result, Risk, Severity, Wargame
from hitl_stream.policy import document
from hitl_stream.policy.document import PolicyDocument
from hitl_stream.policy.evaluate import evaluate
from hitl_stream.policy.verdict import Context, Verdict

VERSION = 7
MEMBERS: dict[str, Any] = {
    "name": "conservative",
    "enabled": True,
    "allowed_sources": ["/wargaming/*"],
    "single_result_sources": [],
    "confidence_min": 0.95,
    "severity_max": "high",
    "risk_max": "medium",
    "sample_rate": 0,
    "evidence_deadline_s": 1800,
    "approval_valid_s": 2_592_000,
    "review_time_limit_s": {"critical": 86_400, "high": 259_200, "medium": 604_800, "low": 1_209_600},
}
DIGEST = sha256(b"diff").digest()
CARD = Card("shop", "PyPI", "Python", "code_patch", ("CWE-89",), "SQL injection")
EVIDENCE = Evidence(
    patch_id="p-1",
    apv_id="APV-1",
    cve_id="CVE-2026-1",
    sources=("/wargaming/crisol",),
    runs=1,
    expected_results=1,
    patch_digest=DIGEST,
    plain_text=True,
    severity=Severity.HIGH,
    risk=Risk.MEDIUM,
    flagged=False,
    wargame=Wargame.PASSED,
    wargame_detail="",
    exploit_worked_after=False,
    prediction=True,
    confidence=0.97,
    digest=sha256(b"evidence").digest(),
    detected_at=None,
    synthetic=False,
    card=CARD,
)
RESULT = Result(
    source="/wargaming/crisol",
    event_id="e-1",
    patch_id="p-1",
    apv_id="APV-1",
    cve_id="CVE-2026-1",
    run_id="run-1",
    patch_digest=DIGEST,
    plain_text=True,
    severity=Severity.HIGH,
    risk=Risk.MEDIUM,
    flagged=False,
    wargame=Wargame.PASSED,
    wargame_detail="",
    exploit_worked_after=False,
    prediction=True,
    confidence=0.97,
    expected_results=1,
    author="eureka",
    detected_at=None,
    executed_at=datetime(2026, 11, 24, 12, 0, tzinfo=UTC),
    synthetic=False,
    card=CARD,
    payload=b"{}",
    payload_sha256=sha256(b"{}").digest(),
    traceparent=None,
    key_differs=False,
    odd_time=False,
)


def policy(**changes: Any) -> PolicyDocument:
    """The conservative default, changed."""
    return document.parse(VERSION, {**MEMBERS, **changes})


DEFAULT = policy()
CONTEXT = Context()


class Situation(NamedTuple):
    """All that `evaluate` is asked with."""

    evidence: Evidence = EVIDENCE
    policy: PolicyDocument = DEFAULT
    context: Context = CONTEXT

    @property
    def verdict(self) -> Verdict:
        """What the policy says."""
        return evaluate(self.evidence, self.policy, self.context)


def situation(differs: dict[str, Any]) -> Situation:
    """What is approvable, but for what differs; every name says by itself whether evidence, policy or context is meant."""
    evidence, members, context = (_of(names, differs) for names in (_EVIDENCE, _MEMBERS, _CONTEXT))
    assert len(evidence) + len(members) + len(context) == len(differs), f"no such member among {list(differs)}"
    return Situation(
        replace(EVIDENCE, **evidence), policy(**members) if members else DEFAULT, replace(CONTEXT, **context)
    )


_EVIDENCE = frozenset(field.name for field in fields(Evidence))
_MEMBERS = frozenset(MEMBERS)
_CONTEXT = frozenset(field.name for field in fields(Context))


def _of(names: frozenset[str], differs: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in differs.items() if name in names}
