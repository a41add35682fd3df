"""What a person does to a pending review: approve or reject, on exactly the version that was on the screen. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hitl_stream.contract import encode
from hitl_stream.errors import Refused
from hitl_stream.policy.document import PolicyDocument
from hitl_stream.review import ruling
from hitl_stream.review.state import Fate, Patch, State, Step


class Stale(Refused):
    """The patch changed since you looked."""


class Taken(Refused):
    """The patch is not waiting for a decision."""


class Unbound(Refused):
    """Without a diff there is nothing to bind an approval to."""


class Wish(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Command:
    """What a person wants. `reason` is the comment of an approval or the required text of a rejection."""

    wish: Wish
    actor: str
    version: int
    reason: str | None = None
    presets: tuple[str, ...] = ()


def decide(patch: Patch, command: Command, policy: PolicyDocument, now: datetime) -> Step:
    """Close the pending round by a person's word. Raises Stale, Taken or Unbound; nothing is changed then."""
    if patch.version != command.version:
        raise Stale(f"the patch is at version {patch.version}, not {command.version}")
    if patch.state is not State.PENDING:
        raise Taken(f"the patch is {patch.state}")
    approve = command.wish is Wish.APPROVE
    if approve and patch.patch_digest is None:
        raise Unbound()
    step = Step(patch, Fate.APPROVED if approve else Fate.FILED, patch.round)
    at = max(now, patch.changed_at)
    shown = encode.parse_reasons(patch.reasons)
    ruling.decide(
        step,
        patch,
        "approved" if approve else "rejected",
        shown,
        at,
        None,
        valid_until=at + policy.approval_valid if approve else None,
        person=ruling.Person(command.actor, command.reason, command.presets),
    )
    patch.state = State.APPROVED if approve else State.REJECTED
    patch.approved_by = "human" if approve else None
    patch.version += 1
    return step
