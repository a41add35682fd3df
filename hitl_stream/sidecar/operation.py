"""What the API answers to: one operation per route, from which the OpenAPI document is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from hitl_stream.sidecar import audit, console, query
from hitl_stream.sidecar.me import SUBJECTS_MAX
from hitl_stream.sidecar.patch import ROUND_MAX
from hitl_stream.sidecar.permission import Route
from hitl_stream.sidecar.queue import AGE_S_MAX, OFFSET_MAX, TAGS
from hitl_stream.sidecar.schema import command, overview, patch
from hitl_stream.sidecar.schema.body import NO_NUL
from hitl_stream.store.queue import Sort

TEXT: Final = {"type": "string", "pattern": NO_NUL}
SHORT: Final = {**TEXT, "maxLength": query.TEXT_MAX}
_DECISION: Final = (404, 408, 409, 412, 413, 428)
_COURTESY: Final = (404, 408, 409, 413)


def _whole(most: int, least: int = 0) -> Mapping[str, Any]:
    return {"type": "integer", "minimum": least, "maximum": most}


@dataclass(frozen=True, slots=True)
class Operation:
    """One route: what it is for, what is sent, what is answered. `many` says that the answer is a list of it.

    `files` are the other media types that it can be had in.
    """

    summary: str
    answer: type[BaseModel]
    sent: type[BaseModel] | None = None
    status: int = 200
    many: bool = False
    query: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    problems: tuple[int, ...] = ()
    on_version: bool = False
    headers: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


_PAGE = (
    ("limit", {**_whole(query.LIMIT_MAX, 1), "default": query.LIMIT_DEFAULT}),
    ("cursor", {**TEXT, "description": "From the Link header of the page before."}),
)
_DAYS = (
    ("since", {**TEXT, "format": "date"}),
    ("until", {**TEXT, "format": "date", "description": "Not included."}),
)
_FILTERS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    *((name, {"type": "array", "items": SHORT, "description": "One of these."}) for name in TAGS),
    ("confidence_min", {"type": "number", "minimum": 0, "maximum": 1}),
    ("confidence_max", {"type": "number", "minimum": 0, "maximum": 1}),
    ("older_than_s", _whole(AGE_S_MAX)),
    ("claimed", {"enum": ["me", "nobody"]}),
    (
        "needs",
        {"enum": ["me"], "description": "Somebody approved it, and one approval more that may be mine is needed."},
    ),
    ("turn", {"enum": ["me"], "description": "Nobody else holds it, and I have not approved it yet."}),
    ("q", {**SHORT, "description": "Begins an id, package or CVE, or words of the summary."}),
)
_ROUND = ("round", {**_whole(ROUND_MAX, 1), "description": "By default the current one."})
_ONE = "/hitl/patches/{patch_id}"

OPERATIONS: Final[Mapping[Route, Operation]] = {
    ("GET", "/livez"): Operation("The process answers.", overview.Health),
    ("GET", "/readyz"): Operation("The database answers.", overview.Health, problems=(503,)),
    ("GET", "/openapi.json"): Operation("This document.", overview.Document),
    ("GET", "/hitl/patches/pending"): Operation(
        "What waits for a person.",
        patch.Review,
        many=True,
        query=(
            *_FILTERS,
            ("sort", {"enum": [*Sort]}),
            *_PAGE,
            ("offset", _whole(OFFSET_MAX)),
        ),
        headers=("Link", "X-Total-Count"),
    ),
    ("GET", "/hitl/queue/facets"): Operation("How many of what wait.", overview.Facets, query=_FILTERS),
    ("GET", _ONE): Operation(
        "One patch with everything a decision needs.", patch.Detail, problems=(404,), headers=("ETag", "Link")
    ),
    ("GET", f"{_ONE}/results"): Operation(
        "The results of one round, in the order of arrival.",
        patch.Result,
        many=True,
        query=(_ROUND, *_PAGE),
        problems=(404,),
        headers=("Link",),
    ),
    ("GET", f"{_ONE}/artefact"): Operation(
        "What one round was about.",
        patch.RoundArtefact,
        query=(_ROUND,),
        problems=(404,),
    ),
    ("GET", f"{_ONE}/gate"): Operation(
        "May exactly this artefact be deployed, at this moment?",
        patch.Gate,
        query=(("digest", {"type": "string"}),),  # what is no digest is none, and not deployable
        problems=(404,),
    ),
    ("POST", f"{_ONE}/approve"): Operation(
        "Approve what was on the screen.", command.Approved, command.Approve, problems=_DECISION, on_version=True
    ),
    ("POST", f"{_ONE}/reject"): Operation(
        "Reject it, for a reason.", command.Decided, command.Reject, problems=_DECISION, on_version=True
    ),
    ("POST", f"{_ONE}/revoke"): Operation(
        "End an approval, for a reason.", command.Decided, command.Reason, problems=_DECISION, on_version=True
    ),
    ("POST", f"{_ONE}/reopen"): Operation(
        "Let an expired review wait again.", command.Reopened, command.Reason, problems=_DECISION, on_version=True
    ),
    ("POST", f"{_ONE}/comment"): Operation(
        "Say something about it.", command.Said, command.Say, status=201, problems=_COURTESY
    ),
    ("POST", f"{_ONE}/claim"): Operation("Hold a review.", command.Held, problems=_COURTESY),
    ("POST", f"{_ONE}/release"): Operation("Let it go.", command.Held, problems=_COURTESY),
    ("POST", f"{_ONE}/takeover"): Operation(
        "Hold a review that somebody else holds.", command.Held, command.Reason, problems=_COURTESY
    ),
    ("POST", "/hitl/patches/batch"): Operation(
        "Approve or reject many.", command.BatchAnswer, command.Batch, problems=(408, 409, 413)
    ),
    ("GET", "/hitl/analytics/summary"): Operation("How it goes.", overview.Summary, query=_DAYS),
    ("GET", "/hitl/analytics/timeline"): Operation(
        "How it went, day by day, a year at most.", overview.Timeline, query=_DAYS
    ),
    ("POST", "/hitl/feedback"): Operation(
        "Say something about the console.", command.Kept, command.Feedback, status=201, problems=(408, 409, 413)
    ),
    ("GET", "/hitl/me"): Operation("Who asks, and what they may do.", overview.Me),
    ("GET", "/hitl/people"): Operation(
        "What people are called, of whom that is known.",
        overview.Person,
        many=True,
        query=(
            ("subject", {"type": "array", "items": SHORT, "maxItems": SUBJECTS_MAX, "description": "Each of these."}),
        ),
    ),
    ("GET", "/console/config"): Operation("What the console has to know before a login.", overview.ConsoleConfig),
    ("GET", "/hitl/audit"): Operation(
        "What was said and done, newest first.",
        overview.AuditEntry,
        many=True,
        query=(
            ("patch_id", TEXT),
            ("actor", TEXT),
            ("action", TEXT),
            ("policy_version", _whole(999_999_999)),
            ("since", {**TEXT, "format": "date-time"}),
            ("until", {**TEXT, "format": "date-time", "description": "Not included."}),
            *_PAGE,
            ("format", {"enum": [*audit.FORMATS], "description": "All that the filters let through, as a file."}),
        ),
        headers=("Link",),
        files=tuple(audit.FORMATS.values()),
    ),
    ("POST", "/hitl/live/ticket"): Operation(
        "A ticket for one connection to WS /hitl/live, good for 30 s.",
        command.Ticket,
        status=201,
        problems=(408, 409, 413),
    ),
    ("GET", "/demo/people"): Operation("Who one can be in the demo.", command.DemoPerson, many=True),
    ("GET", "/demo/keys"): Operation("The demo's public keys.", command.KeySet),
    ("POST", "/demo/token"): Operation(
        "A token of one of the demo's people.", command.Token, command.Login, problems=(404, 408, 413, 415, 422)
    ),
}
# What OpenAPI has no words for: another format, another protocol.
UNDESCRIBED: Final = frozenset(
    (
        ("GET", "/metrics"),
        ("WS", "/hitl/live"),
        ("GET", "/assets/{name}"),
        ("GET", "/icon.svg"),
        *(("GET", page) for page in console.PAGES),
    )
)
