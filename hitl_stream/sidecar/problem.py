"""Errors as RFC 9457 problems: `{type, title, status, detail?, …}` with media type application/problem+json."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from hitl_stream.errors import Unavailable
from hitl_stream.sidecar import observing

RETRY_AFTER_S = 2


class Problem(Exception):
    """A request that is answered with a problem. `members` are further members of the body."""

    def __init__(
        self,
        status: int,
        kind: str,
        title: str,
        detail: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(title)
        self.status = status
        self.headers = dict(headers or {})
        self.body = {"type": f"/problems/{kind}", "title": title, "status": status}
        if detail is not None:
            self.body["detail"] = detail
        self.body |= members

    def response(self) -> Response:
        """The answer; never cached, because a problem can be gone a moment later."""
        headers = {"Cache-Control": "no-store", **self.headers}
        return Response(orjson.dumps(self.body), self.status, headers, media_type="application/problem+json")


def unavailable(dependency: str) -> Problem:
    """503: what is needed for an answer is away."""
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    return Problem(503, "unavailable", f"The {dependency} does not answer, try again", headers=headers)


def install(app: FastAPI) -> None:
    """Make every error of the app a problem."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Unavailable, _unavailable)
    app.add_exception_handler(Exception, _bug)


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - registered for this class only
    return error.response()


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    phrase = HTTPStatus(error.status_code).phrase
    kind = phrase.lower().replace(" ", "-")
    return Problem(error.status_code, kind, phrase, headers=error.headers).response()


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    told = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
    return Problem(422, "invalid-request", "The request is not valid", told).response()


async def _unavailable(request: Request, error: Exception) -> Response:
    return unavailable("database").response()


async def _bug(request: Request, error: Exception) -> Response:
    """Starlette answers this outside of all middleware: what they add to an answer is added here."""
    response = Problem(500, "internal-error", "This should not have happened; it was logged").response()
    response.raw_headers = observing.with_ours(response.raw_headers, request.state.request_id)
    return response
