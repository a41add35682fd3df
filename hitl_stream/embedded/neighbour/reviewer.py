"""A reviewer: looks at a patch that waits, and approves or rejects exactly what was seen."""

from __future__ import annotations

from typing import Any

from hitl_stream.embedded.neighbour.sidecar import Sidecar
from hitl_stream.errors import Refused

TRIES = 3
WORDS: dict[str, dict[str, Any]] = {
    "approve": {"comment": "Read the diff, ran the tests: fine."},
    "reject": {"reason": "The hole is still open outside of production.", "presets": ["incomplete_fix"]},
}


def decide(sidecar: Sidecar, patch_id: str, action: str) -> str:
    """Decide, looking again when new evidence came meanwhile. Returns the decision. Raises Unavailable, Refused."""
    for attempt in range(1, TRIES + 1):
        _, version = sidecar.patch(patch_id)
        try:
            return str(sidecar.decide(patch_id, action, version, WORDS[action])["decision"])
        except Refused as refusal:
            if attempt == TRIES or not str(refusal).startswith("412"):
                raise
    raise AssertionError("the last try returns or raises")
