"""A person's word on a pending review. Refused in this order: 404, 428, 412, 409, 422.

There is no login yet, so every word is that of the one local reviewer; the routes exist in environment `local` only.
"""

from __future__ import annotations

import re
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from hitl_stream.contract.digest import decision_id
from hitl_stream.contract.encode import DecisionEvent
from hitl_stream.review.command import Command, Stale, Taken, Unbound, Wish
from hitl_stream.sidecar import shape
from hitl_stream.sidecar.patch import PatchId, Store, answer
from hitl_stream.sidecar.problem import Problem
from hitl_stream.sidecar.raw_path import unknown_patch
from hitl_stream.store import command, review

LOCAL_REVIEWER = "local-reviewer"
BODY_BYTES_MAX = 65_536
TEXT_MAX = 10_000
PRESETS_MAX = 20

_ETAG = re.compile(r'"([1-9][0-9]{0,17})"')

router = APIRouter()


@router.post("/hitl/patches/{patch_id}/approve")
async def approve(request: Request, wanted: PatchId, store: Store) -> Response:
    """Approve what was on the screen."""
    return await _decide(request, wanted, store, Wish.APPROVE)


@router.post("/hitl/patches/{patch_id}/reject")
async def reject(request: Request, wanted: PatchId, store: Store) -> Response:
    """Reject it, for a reason."""
    return await _decide(request, wanted, store, Wish.REJECT)


async def _decide(request: Request, wanted: str, store: Store, wish: Wish) -> Response:
    raw = await _body(request)
    async with store.connection() as conn:
        current = await review.read_version(conn, wanted)
        if current is None:
            raise unknown_patch()
        version = _seen_version(request, *current)
        if current[1] != "pending":
            raise _taken(f"The patch is {current[1]}.")
        wish_of_person = _command(wish, version, raw)
        try:
            event = await command.decide(conn, wanted, wish_of_person, request.headers.get("X-Request-Id"))
        except command.UnknownPatch as error:
            raise unknown_patch() from error
        except Stale as error:
            raise _stale(await review.read_version(conn, wanted)) from error
        except Taken as error:
            raise _taken(str(error)) from error
        except Unbound as error:
            raise Problem(409, "artefact-unknown", "There is no diff to approve", str(error)) from error
    return answer(_decided(event), {"ETag": shape.etag(version + 1)})


def _seen_version(request: Request, version: int, state: str) -> int:
    seen = request.headers.get("If-Match")
    if seen is None:
        raise Problem(
            428, "version-required", "Say which version you decide on", "Send the ETag of the patch as If-Match."
        )
    match = _ETAG.fullmatch(seen.strip())
    if match is None or int(match[1]) != version:
        raise _stale((version, state))
    return version


def _stale(current: tuple[int, str] | None) -> Problem:
    if current is None:
        return unknown_patch()
    version, state = current
    changed = "evidence" if state in ("collecting", "pending") else "decision"
    return Problem(
        412,
        "stale-version",
        "The patch changed since you looked",
        f"It is {state} at version {version} now.",
        changed=[changed],
        version=shape.etag(version),
    )


def _taken(detail: str) -> Problem:
    return Problem(409, "not-pending", "The patch is not waiting for a decision", detail)


async def _body(request: Request) -> bytes:
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > BODY_BYTES_MAX:
            raise Problem(413, "too-large", "The request is too large", f"At most {BODY_BYTES_MAX} bytes.")
    return bytes(raw)


def _command(wish: Wish, version: int, raw: bytes) -> Command:
    """What the person wants. Raises Problem 422."""
    try:
        body = orjson.loads(raw or b"{}")
    except orjson.JSONDecodeError as error:
        raise _invalid(str(error)) from error
    if not isinstance(body, dict):
        raise _invalid("an object is expected")
    reason = _text(body, "reason" if wish is Wish.REJECT else "comment")
    if wish is Wish.REJECT and not (reason or "").strip():
        raise _invalid("reason: a rejection needs one")
    return Command(wish, LOCAL_REVIEWER, version, reason, _presets(body) if wish is Wish.REJECT else ())


def _text(body: dict[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and (not isinstance(value, str) or len(value) > TEXT_MAX or "\0" in value):
        raise _invalid(f"{name}: a text of at most {TEXT_MAX} characters is expected, without U+0000")
    return value


def _presets(body: dict[str, Any]) -> tuple[str, ...]:
    value = body.get("presets", [])
    if (
        not isinstance(value, list)
        or len(value) > PRESETS_MAX
        or not all(isinstance(p, str) and re.fullmatch("[a-z0-9_]{1,64}", p) for p in value)
    ):
        raise _invalid(f"presets: at most {PRESETS_MAX} names in lower case are expected")
    return tuple(value)


def _invalid(detail: str) -> Problem:
    return Problem(422, "invalid-request", "The request is not valid", detail)


def _decided(event: DecisionEvent) -> dict[str, Any]:
    return {
        "decision_id": decision_id(event.patch_id, event.round, event.seq),
        "patch_id": event.patch_id,
        "round": event.round,
        "decision": event.decision,
        "state": event.decision,
        "approvals": list(event.approvers),
        "approvals_required": shape.APPROVALS_REQUIRED,
        "decided_at": shape.at(event.decided_at),
    }
