"""What a person's word leads to: the decision and its message. Pure; who may say it is settled in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from hitl_stream.contract import encode
from hitl_stream.contract.encode import DecisionEvent, ReviewEvent
from hitl_stream.contract.record import Message
from hitl_stream.policy.document import PolicyDocument
from hitl_stream.review import ruling
from hitl_stream.review.ruling import Person, ReasonRow
from hitl_stream.review.state import Fate, Patch, Step

Concluded = tuple[DecisionEvent, Message]


def approve(patch: Patch, person: Person, approvers: Sequence[str], valid_for: timedelta, at: datetime) -> Concluded:
    """The approval that the last vote completes; `approvers` are all who voted, in their order."""
    return _decide(patch, "approved", person, at, _shown(patch), approvers=approvers, valid_until=at + valid_for)


def reject(patch: Patch, person: Person, at: datetime) -> Concluded:
    """A rejection ends the round: policy never approves this patch again."""
    return _decide(patch, "rejected", person, at, _shown(patch))


def revoke(patch: Patch, person: Person, deployed: str, at: datetime) -> Concluded:
    """The end of an approval; `deployed` is what outcomes say of the artefact: yes, no or unknown."""
    return _decide(patch, "revoked", person, at, (), deployed=deployed)


def reopen(patch: Patch, policy: PolicyDocument, at: datetime) -> ReviewEvent:
    """An expired review waits again, for a whole time limit of its class."""
    limit = at + policy.time_limit(patch.severity, patch.risk)
    return ruling.review_event(patch, _shown(patch), at, limit, None)


def _shown(patch: Patch) -> Sequence[ReasonRow]:
    """Why a person was asked."""
    return encode.parse_reasons(patch.reasons)


def _decide(
    patch: Patch,
    decision: str,
    person: Person,
    at: datetime,
    reasons: Sequence[ReasonRow],
    *,
    approvers: Sequence[str] = (),
    valid_until: datetime | None = None,
    deployed: str | None = None,
) -> Concluded:
    step = Step(patch, Fate.FILED, patch.round)
    event = ruling.decide(
        step,
        patch,
        decision,
        reasons,
        at,
        None,
        valid_until=valid_until,
        deployed=deployed,
        person=person,
        approvers=approvers,
    )
    (message,) = step.messages
    return event, message
