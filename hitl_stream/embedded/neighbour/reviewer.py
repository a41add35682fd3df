"""Reviewers: one after the other looks at a patch that waits and says what is thought of it, until that decides it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hitl_stream.embedded.neighbour.sidecar import Sidecar
from hitl_stream.errors import Refused

TRIES = 3
WORDS: dict[str, dict[str, Any]] = {
    "approve": {"comment": "Read the diff, ran the tests: fine."},
    "reject": {"reason": "The hole is still open outside of production.", "presets": ["incomplete_fix"]},
}


def decide(reviewers: Sequence[Sidecar], patch_id: str, action: str) -> str:
    """Decide, with as many reviewers as it needs. Returns the decision. Raises Unavailable, Refused."""
    for sidecar in reviewers:
        decision = _say(sidecar, patch_id, action)
        if decision is not None:
            return decision
    raise Refused(f"{patch_id} needs more than {len(reviewers)} reviewers")


def _say(sidecar: Sidecar, patch_id: str, action: str) -> str | None:
    """One person's word, looking again when new evidence came meanwhile; None while others must say it too."""
    for attempt in range(1, TRIES + 1):
        _, version = sidecar.patch(patch_id)
        try:
            said: str | None = sidecar.decide(patch_id, action, version, WORDS[action])["decision"]
        except Refused as refusal:
            if attempt == TRIES or not str(refusal).startswith("412"):
                raise
        else:
            return said
    raise AssertionError("the last try returns or raises")
