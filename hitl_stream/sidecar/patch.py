"""What is asked about patches, and what a person says of one. Ids are opaque, see `raw_path`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote

import orjson
from fastapi import APIRouter, Depends, Request, Response

from hitl_stream.errors import Unavailable
from hitl_stream.sidecar import cursor, shape
from hitl_stream.sidecar.problem import Problem
from hitl_stream.sidecar.raw_path import patch_id, query_values, unknown_patch
from hitl_stream.store import review
from hitl_stream.store.database import Database

LIMIT_DEFAULT, LIMIT_MAX = 50, 500

_DIGEST = re.compile(r"sha256:([0-9a-fA-F]{64})")

router = APIRouter()
PatchId = Annotated[str, Depends(patch_id)]


def database(request: Request) -> Database:
    """The app's way to Postgres. Raises Unavailable while there was none since the start."""
    found: Database | None = request.app.state.database
    if found is None:
        raise Unavailable("not connected yet")
    return found


Store = Annotated[Database, Depends(database)]


def answer(body: Any, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer that no cache may keep: a version, or a yes of the gate, can be over in a moment."""
    fresh = {"Cache-Control": "no-store", **(headers or {})}
    return Response(_json(body), 200, fresh, media_type="application/json")


def _json(body: Any) -> bytes:
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError:  # upstream may send integers of any length; orjson writes 64 bits
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


@router.get("/hitl/patches/pending")
async def list_pending(request: Request, store: Store) -> Response:
    """What waits for a person, the nearest time limit first."""
    limit = _limit(query_values(request, "limit"))
    cursors = query_values(request, "cursor")
    after = cursor.decode(cursors[-1]) if cursors else review.START
    async with store.connection() as conn:
        page = await review.read_pending(conn, after, limit)
    headers = {"X-Total-Count": str(page.total) if page.total <= review.COUNT_MAX else f"{review.COUNT_MAX}+"}
    if page.following is not None:
        following = f"/hitl/patches/pending?limit={limit}&cursor={quote(cursor.encode(page.following))}"
        headers["Link"] = f'<{following}>; rel="next"'
    return answer([shape.waiting(row) for row in page.rows], headers)


@router.get("/hitl/patches/{patch_id}/gate")
async def ask_gate(request: Request, wanted: PatchId, store: Store) -> Response:
    """May exactly this artefact be deployed, at this moment?"""
    digest = _digest(query_values(request, "digest"))
    async with store.connection() as conn:
        said = await review.ask_gate(conn, wanted, digest)
    return answer(shape.gate(wanted, digest or None, said))


@router.get("/hitl/patches/{patch_id}")
@router.get("/hitl/patches/{patch_id}/")
async def show(wanted: PatchId, store: Store) -> Response:
    """One patch with everything a decision needs."""
    async with store.connection() as conn:
        found = await review.read_detail(conn, wanted)
    if found is None:
        raise unknown_patch()
    return answer(shape.detail(found), {"ETag": shape.etag(found.patch["version"])})


def _limit(values: list[str]) -> int:
    text = values[-1] if values else str(LIMIT_DEFAULT)
    if not re.fullmatch("[0-9]{1,4}", text) or not 1 <= int(text) <= LIMIT_MAX:
        raise Problem(422, "invalid-limit", "The limit is not valid", f"A whole number from 1 to {LIMIT_MAX}.")
    return int(text)


def _digest(values: list[str]) -> bytes | None:
    """The digest asked for: None when it is missing, empty bytes (equal to no digest) when it cannot be read."""
    if not values or values == [""]:
        return None
    found = _DIGEST.fullmatch(values[0]) if len(values) == 1 else None
    return bytes.fromhex(found[1]) if found else b""
