"""A JSON answer: made once, kept under its Idempotency-Key, sent. No cache may keep it: a version can be over in a moment."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import Response


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, JSON body and entity tag; `replayed` says that nothing was done this time. `then` is for when it is committed."""

    status: int
    body: bytes
    etag: str | None = None
    replayed: bool = False
    then: Callable[[], None] | None = None

    def response(self, headers: Mapping[str, str] | None = None) -> Response:
        """What is sent."""
        told = {"Cache-Control": "no-store", **(headers or {})}
        if self.etag is not None:
            told["ETag"] = self.etag
        if self.replayed:
            told["Idempotent-Replayed"] = "true"
        return Response(self.body, self.status, told, media_type="application/json")


def make(body: Any, *, status: int = 200, etag: str | None = None, then: Callable[[], None] | None = None) -> Reply:
    """An answer with this body."""
    return Reply(status, to_json(body), etag, then=then)


def to_json(body: Any) -> bytes:
    """The body as JSON."""
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError:  # upstream may send integers of any length; orjson writes 64 bits
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
