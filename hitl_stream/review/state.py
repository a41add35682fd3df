"""The states of a patch's round, its row, and what a step of its life leaves behind. Plain data, no rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from hitl_stream.contract.encode import DecisionEvent, ReviewEvent
from hitl_stream.contract.fact import Card
from hitl_stream.contract.record import Message


class State(StrEnum):
    COLLECTING = "collecting"
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    REVOKED = "revoked"


OPEN = frozenset((State.COLLECTING, State.PENDING))


class Reason(StrEnum):
    """Reasons of the life cycle, beside the policy's rules; public names."""

    COMPLETENESS_UNKNOWN = "completeness_unknown"
    EVIDENCE_INCOMPLETE = "evidence_incomplete"
    ARTEFACT_UNKNOWN = "artefact_unknown"
    ARTEFACT_CHANGED = "artefact_changed"
    EVIDENCE_CONTRADICTS = "evidence_contradicts"
    SELECTED_FOR_REVIEW = "selected_for_review"
    EXPIRED = "expired"


class Fate(StrEnum):
    """What became of a record that could be used."""

    APPROVED = "approved"
    PENDING = "pending"
    COLLECTING = "collecting"
    REVOKED = "revoked"
    CONFIRMED = "confirmed"
    FILED = "filed"
    OUTCOME = "outcome"


@dataclass(slots=True)
class Patch:
    """The row of table `patch`: a patch and its current round. Digests are raw bytes, times aware."""

    patch_id: str
    apv_id: str
    cve_id: str | None
    home: int
    round: int
    state: State
    approved_by: str | None
    seq: int
    version: int
    patch_digest: bytes | None
    evidence_digest: bytes
    severity: str | None
    risk: str | None
    ml_confidence: float | None
    ml_prediction: bool | None
    policy_version: int
    reasons: str | None
    received_at: datetime
    changed_at: datetime
    evidence_due_at: datetime | None = None
    opened_at: datetime | None = None
    expires_at: datetime | None = None
    detected_at: datetime | None = None
    synthetic: bool = False
    sampled: bool = False
    id: int | None = None


@dataclass(slots=True)
class Review:
    """The row of table `review`: what a list of reviews shows of one round."""

    patch_id: str
    round: int
    seq: int
    opened_at: datetime
    source: str
    author: str | None
    card: Card


@dataclass(slots=True)
class Action:
    """The row of table `action`; `detail` is a JSON text."""

    at: datetime
    actor: str
    action: str
    patch_id: str | None
    round: int | None = None
    seq: int | None = None
    patch_digest: bytes | None = None
    evidence_digest: bytes | None = None
    policy_version: int | None = None
    justification: str | None = None
    detail: str | None = None
    role: str | None = None
    token_id: str | None = None
    request_id: str | None = None


@dataclass(slots=True)
class Closed:
    """A round that a newer artefact replaced, as it stood when it ended."""

    patch: Patch
    closed_at: datetime


@dataclass(slots=True)
class Step:
    """What one event, duty or person did to a patch: everything here commits together or not at all.

    `patch` is the row afterwards, None where there is none (an outcome for an unknown patch). `round` is where the
    evidence is filed. `messages` are in the order they must be published, all to the patch's home shard.
    """

    patch: Patch | None
    fate: Fate
    round: int
    changed: bool = True
    decisions: list[DecisionEvent] = field(default_factory=list)
    opened: list[ReviewEvent] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    closed: list[Closed] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    alarm: str | None = None
