"""How things are said of a patch: the decision, the review that opens, the card. Pure building blocks of the life cycle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from hitl_stream.contract import encode
from hitl_stream.contract.encode import DecisionEvent, ReviewEvent
from hitl_stream.contract.fact import Evidence, Result
from hitl_stream.policy.document import PolicyDocument
from hitl_stream.policy.verdict import Rule, RuleOutcome, RuleResult, Verdict
from hitl_stream.review.state import Action, Patch, Reason, Review, State, Step

ReasonRow: TypeAlias = tuple[str, str, str, float | None]


@dataclass(frozen=True, slots=True)
class Person:
    """Who decided, and in what words. `presets` return to the generator as reject_reasons."""

    name: str
    comment: str | None
    presets: tuple[str, ...] = ()


def write_card(patch: Patch, evidence: Evidence, verdict: Verdict, now: datetime) -> None:
    """Put on the row what the evidence says now; the version moves because what a reviewer saw has changed."""
    patch.cve_id = patch.cve_id or evidence.cve_id
    patch.patch_digest = evidence.patch_digest
    patch.evidence_digest = evidence.digest
    patch.severity = evidence.severity
    patch.risk = evidence.risk
    patch.ml_confidence = evidence.confidence
    patch.ml_prediction = evidence.prediction
    patch.policy_version = verdict.policy_version
    patch.synthetic = patch.synthetic or evidence.synthetic
    patch.detected_at = evidence.detected_at
    patch.changed_at = max(now, patch.changed_at)
    patch.version += 1


def send_to_person(
    step: Step,
    patch: Patch,
    evidence: Evidence,
    verdict: Verdict,
    result: Result,
    policy: PolicyDocument,
    now: datetime,
    extra: list[ReasonRow],
) -> None:
    """Open a review: the row becomes pending, with its time limit and every reason why a person is needed."""
    write_card(patch, evidence, verdict, now)
    at = patch.changed_at
    rows = reasons_of(patch, evidence, verdict, extra)
    patch.state = State.PENDING
    patch.approved_by = None
    patch.reasons = encode.reasons_json(tuple(rows))
    patch.evidence_due_at = None
    patch.opened_at = at
    patch.expires_at = at + policy.time_limit(evidence.severity, evidence.risk)
    event = review_event(patch, rows, at, patch.expires_at, result.traceparent)
    step.opened.append(event)
    step.messages.append(encode.pending_review_message(event))
    step.reviews.append(
        Review(patch.patch_id, patch.round, patch.seq + 1, at, result.source, result.author, evidence.card)
    )
    step.actions.append(
        Action(
            at=at,
            actor="policy",
            action="review_opened",
            patch_id=patch.patch_id,
            round=patch.round,
            seq=patch.seq + 1,
            patch_digest=patch.patch_digest,
            evidence_digest=patch.evidence_digest,
            policy_version=patch.policy_version,
            detail=patch.reasons,
        )
    )


def review_event(
    patch: Patch, rows: Sequence[ReasonRow], opened_at: datetime, expires_at: datetime, traceparent: str | None
) -> ReviewEvent:
    """What is told of a review that opens on this row."""
    return ReviewEvent(
        patch_id=patch.patch_id,
        apv_id=patch.apv_id,
        cve_id=patch.cve_id,
        round=patch.round,
        seq=patch.seq + 1,
        severity=patch.severity,
        risk=patch.risk,
        ml_confidence=patch.ml_confidence,
        ml_prediction=patch.ml_prediction,
        reasons=tuple(rows),
        policy_version=patch.policy_version,
        patch_digest=patch.patch_digest,
        evidence_digest=patch.evidence_digest,
        opened_at=opened_at,
        expires_at=expires_at,
        synthetic=patch.synthetic,
        traceparent=traceparent,
    )


def rows_of(results: Sequence[RuleResult]) -> list[ReasonRow]:
    return [(r.rule, r.outcome, r.detail, r.distance) for r in results]


def reasons_of(patch: Patch, evidence: Evidence, verdict: Verdict, extra: list[ReasonRow]) -> list[ReasonRow]:
    rows = rows_of(verdict.reasons)
    if evidence.patch_digest is None:
        rows.append((Reason.ARTEFACT_UNKNOWN, "unknown", "without a diff there is nothing to decide on", None))
    if verdict.of(Rule.EVIDENCE_COMPLETE).outcome is RuleOutcome.UNKNOWN:
        rows.append((Reason.COMPLETENESS_UNKNOWN, "unknown", "nobody said how many results to expect", None))
    if patch.round > 1:
        rows.append((Reason.ARTEFACT_CHANGED, "failed", f"round {patch.round}: the diff is new", None))
    if patch.sampled:
        rows.append((Reason.SELECTED_FOR_REVIEW, "failed", "drawn for the blind sample", None))
    return [*rows, *extra]


def decide(
    step: Step,
    patch: Patch,
    decision: str,
    reasons: Sequence[ReasonRow],
    now: datetime,
    traceparent: str | None,
    *,
    valid_until: datetime | None = None,
    deployed: str | None = None,
    person: Person | None = None,
    approvers: Sequence[str] = (),
) -> DecisionEvent:
    """Say something final, by policy or by a person: the next seq, its row and its message."""
    patch.changed_at = max(now, patch.changed_at)
    patch.seq += 1
    patch.approved_by = None
    # By position and not by name: most events end here, and names cost as much as the rest of it.
    event = DecisionEvent(
        patch.patch_id,
        patch.apv_id,
        patch.cve_id,
        patch.round,
        patch.seq,
        decision,
        "human" if person else "policy",
        person.name if person else "policy",
        tuple(approvers),
        person.comment if person else None,
        tuple(reasons),
        person.presets if person else (),
        patch.policy_version,
        patch.patch_digest,
        patch.evidence_digest,
        patch.ml_confidence,
        patch.ml_prediction,
        patch.changed_at,
        valid_until,
        deployed,
        patch.synthetic,
        traceparent,
    )
    step.decisions.append(event)
    step.messages += encode.decision_messages(event)
    return event
