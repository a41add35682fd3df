"""What is known of a patch beside the event that arrives: the life cycle looks at nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hitl_stream.contract.fact import Result
from hitl_stream.policy.document import PolicyDocument


@dataclass(slots=True)
class Standing:
    """What stands in the way of this patch elsewhere: whose rejection, which approved sibling of its apv_id."""

    rejection: str | None = None
    approved_sibling: str | None = None


@dataclass(slots=True)
class Situation:
    """All that is known beside the new event. `results` are those of the current round, without the new one.

    `results_bytes` is how long their payloads are. `older_digests` maps the digest of every closed round to its number.
    `deployed` is what outcomes say of the current artefact: yes, no or unknown.
    """

    policy: PolicyDocument
    now: datetime
    auto_approve: bool
    home: int
    results: Sequence[Result] = ()
    results_bytes: int = 0
    older_digests: Mapping[bytes, int] | None = None
    standing: Standing | None = None
    deployed: str = "unknown"
