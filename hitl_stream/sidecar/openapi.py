"""The OpenAPI 3.1 document: one operation per route, made of the models. Committed under schemas/http; a test compares.

`python -m hitl_stream.sidecar.openapi --write .` writes it and docs/permissions.md below the folder.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from hitl_stream import __version__
from hitl_stream.contract.schema import WithoutTitles
from hitl_stream.sidecar import answer, asked, audit, query
from hitl_stream.sidecar.patch import ROUND_MAX
from hitl_stream.sidecar.permission import ANYBODY, PERMISSIONS, Route
from hitl_stream.sidecar.queue import AGE_S_MAX, OFFSET_MAX, TAGS
from hitl_stream.sidecar.schema import command, overview, patch
from hitl_stream.sidecar.schema.body import NO_NUL, Problem
from hitl_stream.sidecar.schema.header import HEADERS, OF_PROBLEMS
from hitl_stream.store.queue import Sort

JSON, PROBLEM = "application/json", "application/problem+json"
_REF: Final = "#/components/schemas/{model}"
_TEXT: Final = {"type": "string", "pattern": NO_NUL}
_SHORT: Final = {**_TEXT, "maxLength": query.TEXT_MAX}
_SECURED: Final = (401, 403, 422, 429, 503)
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
    ("cursor", {**_TEXT, "description": "From the Link header of the page before."}),
)
_DAYS = (
    ("since", {**_TEXT, "format": "date"}),
    ("until", {**_TEXT, "format": "date", "description": "Not included."}),
)
_FILTERS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    *((name, {"type": "array", "items": _SHORT, "description": "One of these."}) for name in TAGS),
    ("confidence_min", {"type": "number", "minimum": 0, "maximum": 1}),
    ("confidence_max", {"type": "number", "minimum": 0, "maximum": 1}),
    ("older_than_s", _whole(AGE_S_MAX)),
    ("claimed", {"enum": ["me", "nobody"]}),
    ("q", {**_SHORT, "description": "Begins an id, package or CVE, or words of the summary."}),
)
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
        query=(("round", {**_whole(ROUND_MAX, 1), "description": "By default the current one."}), *_PAGE),
        problems=(404,),
        headers=("Link",),
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
    ("GET", "/hitl/audit"): Operation(
        "What was said and done, newest first.",
        overview.AuditEntry,
        many=True,
        query=(
            ("patch_id", _TEXT),
            ("actor", _TEXT),
            ("action", _TEXT),
            ("policy_version", _whole(999_999_999)),
            ("since", {**_TEXT, "format": "date-time"}),
            ("until", {**_TEXT, "format": "date-time", "description": "Not included."}),
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
UNDESCRIBED: Final = frozenset((("GET", "/metrics"), ("WS", "/hitl/live")))


def document() -> dict[str, Any]:
    """The whole document."""
    models = {model for one in OPERATIONS.values() for model in (one.answer, one.sent) if model is not None} | {Problem}
    _, schemas = models_json_schema(
        [(model, "validation") for model in sorted(models, key=lambda model: model.__name__)],
        ref_template=_REF,
        schema_generator=WithoutTitles,
    )
    paths: dict[str, dict[str, Any]] = {}
    for (method, path), operation in OPERATIONS.items():
        paths.setdefault(path, {})[method.lower()] = _operation((method, path), operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "hitl-stream",
            "version": __version__,
            "summary": "May this automatically generated security patch be deployed?",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "headers": HEADERS,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


@cache
def document_text() -> str:
    """The document as it is committed."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def _operation(route: Route, operation: Operation) -> dict[str, Any]:
    method, path = route
    secured = PERMISSIONS[route] != ANYBODY
    one: Mapping[str, Any] = {"$ref": _REF.format(model=operation.answer.__name__)}
    body = {"type": "array", "items": one} if operation.many else one
    statuses = sorted({*operation.problems, *(_SECURED if secured else ())})
    described: dict[str, Any] = {
        "operationId": _operation_id(method, path),
        "summary": operation.summary,
        "parameters": _parameters(route, operation, secured=secured),
        "responses": {
            str(operation.status): _answer(route, operation, body, secured=secured),
            **{str(status): _problem(status) for status in statuses},
        },
    }
    if secured:
        described["security"] = [{"bearer": []}]
        described["description"] = f"Needs one of these roles: {', '.join(sorted(PERMISSIONS[route]))}."
    if operation.sent is not None:
        schema = {"$ref": _REF.format(model=operation.sent.__name__)}
        described["requestBody"] = {
            "required": operation.sent is not command.Approve,
            "content": {JSON: {"schema": schema}},
        }
    return described


def _answer(route: Route, operation: Operation, body: Mapping[str, Any], *, secured: bool) -> dict[str, Any]:
    headers = (*operation.headers, *(("ETag",) if operation.on_version else ()))
    if secured and route[0] == "POST":
        headers += ("Idempotent-Replayed",)
    files = {media: {"schema": {"type": "string"}} for media in operation.files}
    return {"description": operation.summary, **_headers(*headers), "content": {JSON: {"schema": body}, **files}}


def _problem(status: int) -> dict[str, Any]:
    named = OF_PROBLEMS.get(status)
    content = {PROBLEM: {"schema": {"$ref": _REF.format(model=Problem.__name__)}}}
    return {"description": f"Refused: {status}.", **_headers(*([named] if named else [])), "content": content}


def _headers(*names: str) -> dict[str, Any]:
    return {"headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names}} if names else {}


def _parameters(route: Route, operation: Operation, *, secured: bool) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if "{patch_id}" in route[1]:
        told = "Percent-encoded; `_` stands for the query parameter of the same name."
        found.append(_parameter("patch_id", "path", {**_SHORT, "minLength": 1}, told, required=True))
        found.append(_parameter("patch_id", "query", {"type": "string"}, "The patch, where the path says `_`."))
    found += [_parameter(name, "query", schema) for name, schema in operation.query]
    if operation.on_version:
        found.append(
            _parameter("If-Match", "header", _TEXT, "The ETag of what was seen; without it 428.", required=False)
        )
    if secured and route[0] == "POST":
        told = "The same request again gets the same answer for 24 hours."
        key = {"type": "string", "minLength": 1, "maxLength": asked.KEY_MAX, "pattern": "^[ -~]*$"}
        found.append(_parameter("Idempotency-Key", "header", key, told))
    return found


def _parameter(
    name: str, place: str, schema: Mapping[str, Any], description: str | None = None, *, required: bool = False
) -> dict[str, Any]:
    told = schema.get("description", description)
    shown = {key: value for key, value in schema.items() if key != "description"}
    parameter = {"name": name, "in": place, "required": required, "schema": shown}
    return parameter if told is None else {**parameter, "description": told}


def _operation_id(method: str, path: str) -> str:
    words = [word.strip("{}") for word in path.split("/") if word and word != "hitl"]
    return "_".join((method.lower(), *words)).replace("-", "_")


def main(arguments: list[str]) -> None:
    """Write the generated files."""
    parser = argparse.ArgumentParser(description="Write the OpenAPI document and the table of permissions.")
    parser.add_argument("--write", type=Path, required=True, metavar="FOLDER", help="the root of the repository")
    root: Path = parser.parse_args(arguments).write
    (root / "schemas" / "http" / "openapi.json").write_text(document_text(), encoding="utf-8")
    (root / "docs" / "permissions.md").write_text(answer.to_markdown(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
