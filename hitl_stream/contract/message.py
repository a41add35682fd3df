"""The public contract of what we publish, as pydantic models: the source of its JSON Schemas, and of tests.

`encode` writes the bytes without them, because it is on the hot path; a test validates everything it writes.
"""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

DECISION_TYPE = "hitl.decision.v1"
AUTO_APPROVED_TYPE = "hitl.auto-approved.v1"
PENDING_REVIEW_TYPE = "hitl.pending-review.v1"

Moment = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$")]
Sha256 = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Text = Annotated[str, Field(min_length=1, max_length=255)]


class Outgoing(BaseModel):
    model_config = ConfigDict(strict=True)


class Reason(Outgoing):
    """A rule of the policy or a reason of the life cycle; `distance` (≥ 0) says how far a number is from passing."""

    rule: str
    outcome: Literal["passed", "failed", "unknown"]
    detail: str
    distance: Annotated[float | None, Field(ge=0)] = None


class DecisionData(Outgoing):
    """What was finally said of a patch. `seq` counts the decisions of a patch without a gap."""

    decision_id: Annotated[UUID, Field(strict=False)]
    patch_id: Text
    apv_id: Text
    cve_id: Text | None
    round: Count
    seq: Count
    decision: Literal["approved", "rejected", "expired", "revoked"]
    mode: Literal["policy", "human"]
    decided_by: str
    approvers: list[str]
    comment: str | None
    reasons: list[Reason]
    reject_reasons: list[str]
    policy_version: Count
    patch_digest: Sha256 | None
    evidence_digest: Sha256
    ml_confidence: Share | None
    ml_prediction: bool | None
    decided_at: Moment
    valid_until: Moment | None
    deployed: Literal["yes", "no", "unknown"] | None
    synthetic: bool


class PendingReviewData(Outgoing):
    """A patch that waits for a person. `seq` is the number that the next decision will get."""

    review_id: Annotated[UUID, Field(strict=False)]
    patch_id: Text
    apv_id: Text
    cve_id: Text | None
    round: Count
    severity: Literal["none", "low", "medium", "high", "critical"] | None
    risk: Literal["low", "medium", "high", "critical"] | None
    ml_confidence: Share | None
    ml_prediction: bool | None
    reasons: list[Reason]
    policy_version: Count
    patch_digest: Sha256 | None
    evidence_digest: Sha256
    expires_at: Moment
    opened_at: Moment
    seq: Count
    synthetic: bool


class OutgoingEvent(Outgoing):
    """CloudEvents 1.0, structured mode. The same event published twice is the same bytes."""

    specversion: Literal["1.0"]
    id: Annotated[UUID, Field(strict=False)]
    source: Literal["/hitl-stream"]
    subject: Annotated[Text, Field(description="The patch_id.")]
    time: Moment
    datacontenttype: Literal["application/json"]
    traceparent: str | None = None


class Decision(OutgoingEvent):
    """Authoritative. Ignore a known decision_id and any seq not above the last."""

    type: Literal["hitl.decision.v1"]
    data: DecisionData


class AutoApproved(OutgoingEvent):
    """Informs that policy approved; the decision itself is in hitl.decisions."""

    type: Literal["hitl.auto-approved.v1"]
    data: DecisionData


class PendingReview(OutgoingEvent):
    """Informs that a person is needed."""

    type: Literal["hitl.pending-review.v1"]
    data: PendingReviewData
