"""The OpenAPI 3.1 document: one operation per route, made of the models. Committed under schemas/http; a test compares.

`python -m hitl_stream.sidecar.openapi --write .` writes it and docs/permissions.md below the folder.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from hitl_stream import __version__
from hitl_stream.contract.schema import WithoutTitles
from hitl_stream.sidecar import answer, asked
from hitl_stream.sidecar.operation import OPERATIONS, SHORT, TEXT, Operation
from hitl_stream.sidecar.permission import ANYBODY, PERMISSIONS, Route
from hitl_stream.sidecar.schema import command
from hitl_stream.sidecar.schema.body import Problem
from hitl_stream.sidecar.schema.header import HEADERS, OF_PROBLEMS

JSON, PROBLEM = "application/json", "application/problem+json"
_REF: Final = "#/components/schemas/{model}"
_SECURED: Final = (401, 403, 422, 429, 503)


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
        found.append(_parameter("patch_id", "path", {**SHORT, "minLength": 1}, told, required=True))
        found.append(_parameter("patch_id", "query", {"type": "string"}, "The patch, where the path says `_`."))
    found += [_parameter(name, "query", schema) for name, schema in operation.query]
    if operation.on_version:
        found.append(
            _parameter("If-Match", "header", TEXT, "The ETag of what was seen; without it 428.", required=False)
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
