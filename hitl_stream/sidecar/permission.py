"""Who may ask what: one row per route, read by the sidecar itself, by its tests and by the documentation.

A route without a row answers nobody. Which group has which role stands in the database (`hitl-stream access`); whether a person
may do this to that patch at this moment (own patches, second votes, logins that are too old) is settled there as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hitl_stream.review.role import Role

Route = tuple[str, str]

ANYBODY: Final[frozenset[Role]] = frozenset()
READERS: Final = frozenset((Role.VIEWER, Role.REVIEWER, Role.POLICY_ADMIN, Role.AUDITOR, Role.BREAK_GLASS, Role.SMOKE))
REVIEWERS: Final = frozenset((Role.REVIEWER,))

PERMISSIONS: Final[Mapping[Route, frozenset[Role]]] = {
    ("GET", "/livez"): ANYBODY,
    ("GET", "/readyz"): ANYBODY,
    ("GET", "/metrics"): ANYBODY,
    ("GET", "/openapi.json"): ANYBODY,
    ("GET", "/hitl/me"): READERS | {Role.GATE},
    ("GET", "/hitl/people"): READERS,
    ("GET", "/hitl/patches/pending"): READERS,
    ("GET", "/hitl/queue/facets"): READERS,
    ("GET", "/hitl/patches/{patch_id}"): READERS,
    ("GET", "/hitl/patches/{patch_id}/results"): READERS,
    ("GET", "/hitl/patches/{patch_id}/artefact"): READERS,
    ("GET", "/hitl/patches/{patch_id}/gate"): READERS | {Role.GATE},
    ("POST", "/hitl/patches/{patch_id}/approve"): REVIEWERS | {Role.BREAK_GLASS},
    ("POST", "/hitl/patches/{patch_id}/reject"): REVIEWERS,
    ("POST", "/hitl/patches/{patch_id}/revoke"): REVIEWERS,
    ("POST", "/hitl/patches/{patch_id}/reopen"): REVIEWERS,
    ("POST", "/hitl/patches/{patch_id}/comment"): REVIEWERS,
    ("POST", "/hitl/patches/{patch_id}/claim"): REVIEWERS,
    ("POST", "/hitl/patches/{patch_id}/release"): REVIEWERS,
    ("POST", "/hitl/patches/{patch_id}/takeover"): REVIEWERS,
    ("POST", "/hitl/patches/batch"): REVIEWERS,
    ("GET", "/hitl/analytics/summary"): READERS,
    ("GET", "/hitl/analytics/timeline"): READERS,
    ("POST", "/hitl/feedback"): READERS,
    ("POST", "/hitl/live/ticket"): READERS,
    ("WS", "/hitl/live"): READERS,
    ("GET", "/hitl/audit"): frozenset((Role.AUDITOR, Role.POLICY_ADMIN, Role.REVIEWER)),
    # The console: its pages are the same for everybody, and empty until somebody logs in.
    ("GET", "/"): ANYBODY,
    ("GET", "/patch"): ANYBODY,
    ("GET", "/audit"): ANYBODY,
    ("GET", "/numbers"): ANYBODY,
    ("GET", "/signed-in"): ANYBODY,
    ("GET", "/assets/{name}"): ANYBODY,
    ("GET", "/icon.svg"): ANYBODY,
    ("GET", "/console/config"): ANYBODY,
    # The demo's own issuer, which exists on this machine only.
    ("GET", "/demo/people"): ANYBODY,
    ("GET", "/demo/keys"): ANYBODY,
    ("POST", "/demo/token"): ANYBODY,
}


_INTRODUCTION: Final = """# Who may ask what

One row per route; a route without a row answers nobody. Which group has which role is said by `hitl-stream access grant`;
service accounts have `gate` and `smoke`. A reviewer still may not approve their own patch, nor alone what needs two (decision
0016).

"""


def to_markdown() -> str:
    """docs/permissions.md."""
    roles = [*Role]
    head = f"| | {' | '.join(roles)} |\n|---|{'---|' * len(roles)}\n"
    rows = []
    for (method, path), allowed in PERMISSIONS.items():
        cells = ["anybody" if allowed == ANYBODY else "yes" if role in allowed else "" for role in roles]
        rows.append(f"| `{method} {path}` | {' | '.join(cells)} |\n")
    return _INTRODUCTION + head + "".join(rows)


def needed(method: str, path: str) -> frozenset[Role] | None:
    """The roles of which one is needed; ANYBODY needs none, and None answers nobody."""
    return PERMISSIONS.get((method, path.rstrip("/")))
