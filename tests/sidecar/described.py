"""Holds every answer that a test gets to the OpenAPI document: status, media type, headers and body are described there."""

from __future__ import annotations

from functools import cache
from typing import Any

import httpx2
from jsonschema import Draft202012Validator

from hitl_stream.sidecar import openapi
from hitl_stream.sidecar.schema.header import HEADERS

DOCUMENT = openapi.document()
_PROVOKED = (405, 500)  # no such method, or what a test brought about


async def check(response: httpx2.Response) -> None:
    """Raise AssertionError for an answer that is not described."""
    path = response.request.url.raw_path.decode().partition("?")[0]
    found = _operation(response.request.method, path)
    if found is None or response.status_code in _PROVOKED:
        return
    await response.aread()
    told = found["responses"].get(str(response.status_code))
    assert told is not None, f"{response.request.method} {path}: {response.status_code} is not described"
    media = response.headers["content-type"].partition(";")[0]
    assert media in told["content"], f"{response.status_code} {media} is not described"
    for name in told.get("headers", ()):
        assert name in response.headers or not HEADERS[name]["required"], f"{response.status_code} without {name}"
    if media not in (openapi.JSON, openapi.PROBLEM):
        return
    errors = _validator(_key(told["content"][media]["schema"])).iter_errors(response.json())
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def _operation(method: str, path: str) -> dict[str, Any] | None:
    """The operation that answers this path; `{patch_id}` is any one segment."""
    asked = path.rstrip("/").split("/")
    found: list[tuple[int, dict[str, Any]]] = []
    for template, operations in DOCUMENT["paths"].items():
        parts = template.split("/")
        same = len(parts) == len(asked) and all(p in (a, "{patch_id}") for p, a in zip(parts, asked, strict=True))
        if same and method.lower() in operations:
            found.append((template.count("{"), operations[method.lower()]))
    return min(found, key=lambda one: one[0])[1] if found else None


def _key(schema: dict[str, Any]) -> str:
    return str(schema["$ref"]) if "$ref" in schema else f"{schema['items']['$ref']}[]"


@cache
def _validator(key: str) -> Draft202012Validator:
    one = {"$ref": key.removesuffix("[]")}
    schema = {"type": "array", "items": one} if key.endswith("[]") else one
    return Draft202012Validator({**schema, "components": DOCUMENT["components"]})
