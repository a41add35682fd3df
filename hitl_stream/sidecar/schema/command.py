"""What people send, and what comes of it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from hitl_stream.sidecar.schema.body import Answer, ETag, Problem, Request, Time


class Approve(Request):
    """An approval. `break_glass` lifts the count, by right and for a reason."""

    comment: str | None = Field(None, max_length=10_000)
    break_glass: bool = False


class Reject(Request):
    """A rejection; presets return to the generator."""

    reason: str = Field(min_length=1, max_length=10_000)
    presets: list[str] = Field([], max_length=20)


class Reason(Request):
    """Why."""

    reason: str = Field(min_length=1, max_length=10_000)


class Say(Request):
    """A comment; or the review that breaking the glass needs afterwards, by somebody else."""

    comment: str = Field(min_length=1, max_length=10_000)
    reviews_glass: bool = False


class Approved(Answer):
    """What an approval led to: the decision, or with `decision` null nothing yet while more people are needed."""

    decision_id: str | None
    patch_id: str
    round: int
    decision: Literal["approved"] | None
    state: Literal["approved", "pending"]
    approvals: list[str]
    approvals_required: int
    decided_at: Time | None


class Decided(Answer):
    """A decision."""

    decision_id: str
    patch_id: str
    round: int
    decision: Literal["rejected", "revoked"]
    state: Literal["rejected", "revoked"]
    decided_at: Time


class Reopened(Answer):
    """A review that waits again."""

    patch_id: str
    decision: None
    state: Literal["pending"]
    expires_at: Time


class Said(Answer):
    """A comment as it was kept."""

    patch_id: str
    actor: str
    comment: str
    at: Time


class Held(Answer):
    """Who holds a review."""

    patch_id: str
    claimed_by: str | None
    claimed_until: Time | None


class BatchItem(Request):
    """One patch at the version that was seen."""

    patch_id: str = Field(min_length=1, max_length=255)
    version: ETag | None = None


class Batch(Request):
    """Many patches at once; `reason` is needed to reject."""

    action: Literal["approve", "reject"]
    items: list[BatchItem] = Field(min_length=1, max_length=500)
    dry_run: bool = False
    reason: str | None = Field(None, max_length=10_000)
    presets: list[str] = Field([], max_length=20)
    comment: str | None = Field(None, max_length=10_000)


class ItemAnswer(Answer):
    """What became of one item."""

    patch_id: str
    status: int
    outcome: Literal["approved", "rejected", "approval_given", "would_approve", "would_reject", "skipped"]
    problem: Problem | None = None


class BatchAnswer(Answer):
    """What became of each, in the order they were sent."""

    dry_run: bool
    results: list[ItemAnswer]


class Ticket(Answer):
    """Good for one connection."""

    ticket: str
    expires_at: Time


class Login(Request):
    """Who one wants to be in the demo."""

    name: str


class Token(Answer):
    """A bearer token of the demo."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int


class DemoPerson(Answer):
    """One of the demo's people."""

    name: str
    roles: list[str]


class KeySet(Answer):
    """The demo's public keys (RFC 7517)."""

    keys: list[dict[str, Any]]
