"""Around every request: an id, headers that keep browsers from mischief, a line in the log, a measure of how long it took.

The log never holds a token, a query or a body: only which route was asked, by which id, and how it ended.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, MutableMapping
from typing import Any, Final
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hitl_stream.observe import log, metrics, tracing

NO_ROUTE: Final = "none"
_PROBES: Final = frozenset(("/livez", "/readyz", "/metrics"))
_ASKED_OF_US: Final = "/hitl/"
_REQUEST_ID: Final = re.compile(rb"[\x21-\x7e]{1,128}")
_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)


class Observing:
    """The middleware, outside of all others."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, began_ns, status = time.monotonic(), time.time_ns(), 500
        request_id = _request_id(scope)
        scope["state"] = {**scope.get("state", {}), "request_id": request_id}

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": with_ours(message["headers"], request_id)}
            await send(message)

        try:
            await self._app(scope, receive, observed)
        finally:
            _note(scope, status, time.monotonic() - started, request_id)
            _trace(scope, status, began_ns, request_id)


def with_ours(headers: Iterable[tuple[bytes, bytes]], request_id: str) -> list[tuple[bytes, bytes]]:
    """The headers of an answer, and those that every answer has."""
    said = [*headers]
    names = {name for name, _ in said}
    return [*said, *(header for header in _HEADERS if header[0] not in names), (b"x-request-id", request_id.encode())]


def _request_id(scope: MutableMapping[str, Any]) -> str:
    """The one that was sent, if it can stand in a log, else a new one."""
    sent = [value for name, value in scope["headers"] if name == b"x-request-id"]
    return sent[0].decode() if len(sent) == 1 and _REQUEST_ID.fullmatch(sent[0]) else uuid4().hex


def _note(scope: Scope, status: int, seconds: float, request_id: str) -> None:
    route = str(getattr(scope.get("route"), "path", NO_ROUTE))
    metrics.count_request(str(scope["method"]), route, status, seconds)
    if route not in _PROBES:
        log.get().info(
            "request_answered",
            method=scope["method"],
            route=route,
            status=status,
            seconds=round(seconds, 4),
            request=request_id,
        )


def _trace(scope: Scope, status: int, began_ns: int, request_id: str) -> None:
    """Only what a person or service that is known asked of us: anybody may send a header."""
    sent = [value for name, value in scope["headers"] if name == b"traceparent"]
    traceparent = sent[0].decode("ascii", "replace") if len(sent) == 1 else ""
    method, route = str(scope["method"]), str(getattr(scope.get("route"), "path", NO_ROUTE))
    if status == 401 or not route.startswith(_ASKED_OF_US) or not tracing.wanted(traceparent):
        return
    attributes: tracing.Attributes = {
        "http.request.method": method,
        "http.route": route,
        "http.response.status_code": status,
        "hitl.request_id": request_id,
    }
    tracing.end(f"{method} {route}", "server", traceparent, began_ns, attributes, failed=status >= 500)
