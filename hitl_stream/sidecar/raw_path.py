"""Routes patches on the path as it was sent, because a patch id may hold `/`, a blank or `%`.

Starlette decodes the path before it routes; below `/hitl/` this middleware gives it the undecoded one, and `patch_id` decodes
the one segment that is the id. A prefix that is itself encoded leads nowhere, so that nothing is decoded twice.
`/hitl/patches/_/…?patch_id=` does without any escaping.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote_to_bytes

from fastapi import Request
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from hitl_stream.sidecar.problem import Problem

PREFIX = "/hitl/"
LENGTH_MAX = 255


class RawPath:
    """The middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(PREFIX) and (raw := scope.get("raw_path")):
            scope["path"] = raw.decode("latin-1")  # in place: what is outside looks up the route in it afterwards
        await self._app(scope, receive, send)


def patch_id(request: Request) -> str:
    """The patch id that a request names. Raises Problem 404 for one that no patch can have."""
    segment = request.path_params.get("patch_id", "_")
    if segment == "_":
        named = query_values(request, "patch_id")
        if len(named) != 1:
            raise Problem(422, "patch-id-required", "Name the patch once", "`_` stands for ?patch_id=")
        wanted = named[0]
    else:
        wanted = _decode(unquote_to_bytes(segment.encode("latin-1")))
    if not 0 < len(wanted) <= LENGTH_MAX or "\0" in wanted:
        raise unknown_patch()
    return wanted


def query_values(request: HTTPConnection, name: str) -> list[str]:
    """Every value of a query parameter."""
    return [value for key, value in query_pairs(request) if key == name]


def query_pairs(request: HTTPConnection) -> list[tuple[str, str]]:
    """The query; bytes that are not UTF-8 name nothing, instead of something similar. Raises Problem 422."""
    try:
        query = request.scope["query_string"].decode("ascii")
        return parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=50)
    except (UnicodeDecodeError, ValueError) as error:
        raise invalid_query(str(error)) from error


def invalid_query(detail: str) -> Problem:
    """422: the query means nothing."""
    return Problem(422, "invalid-query", "The query cannot be read", detail)


def unknown_patch() -> Problem:
    """404: there is no such patch."""
    return Problem(404, "unknown-patch", "There is no such patch")


def _decode(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise unknown_patch() from error
