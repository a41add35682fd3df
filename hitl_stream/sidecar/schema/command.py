"""What people send, and what comes of it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter

from hitl_stream.sidecar.schema.body import NO_NUL, Answer, ETag, Preset, Problem, Request, Short, Text, Time, Words
from hitl_stream.sidecar.words import PRESETS_MAX


def _needs(name: str, **given: Any) -> dict[str, Any]:
    """A schema: where another member has this value, `name` must say something."""
    where = {"properties": {other: {"const": value} for other, value in given.items()}, "required": [*given]}
    return {"if": where, "then": {"properties": {name: TypeAdapter(Words).json_schema()}, "required": [name]}}


class Approve(Request):
    """An approval. `break_glass` lifts the count, by right and for a reason."""

    model_config = ConfigDict(json_schema_extra=_needs("comment", break_glass=True))

    comment: Text | None = None
    break_glass: bool = False


class Reject(Request):
    """A rejection; presets return to the generator."""

    reason: Words
    presets: list[Preset] = Field([], max_length=PRESETS_MAX)


class Reason(Request):
    """Why."""

    reason: Words


class Say(Request):
    """A comment; or the review that breaking the glass needs afterwards, by somebody else."""

    comment: Words
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

    patch_id: str = Field(min_length=1, max_length=255, pattern=NO_NUL)
    version: ETag | None = None


class Batch(Request):
    """Many patches, each once; `reason` is needed to reject."""

    model_config = ConfigDict(json_schema_extra=_needs("reason", action="reject"))

    action: Literal["approve", "reject"]
    items: list[BatchItem] = Field(min_length=1, max_length=500)
    dry_run: bool = False
    reason: Text | None = None
    presets: list[Preset] = Field([], max_length=PRESETS_MAX)
    comment: Text | None = None


class ItemAnswer(Answer):
    """What became of one item."""

    patch_id: str
    status: int
    outcome: Literal[
        "approved", "rejected", "approval_given", "would_approve", "would_reject", "would_give_approval", "skipped"
    ]
    problem: Problem | None = None


class BatchAnswer(Answer):
    """What became of each, in the order they were sent."""

    dry_run: bool
    results: list[ItemAnswer]


class Ticket(Answer):
    """Good for one connection."""

    ticket: str
    expires_at: Time


class Feedback(Request):
    """What somebody says about the console, at which page and build."""

    text: Words
    page: Short
    build: Short


class Kept(Answer):
    """It was kept."""

    kept: Literal[True]


class Login(Request):
    """Who one wants to be in the demo."""

    name: Words


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
