"""A person's word that moves a patch: approve, reject, revoke, reopen. On what was seen, once, and said who won if too late.

Refused in this order: 401, 403, Idempotency-Key, 404, 428, 412, 409, 422.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from fastapi import APIRouter, Response

from hitl_stream.contract.digest import decision_id
from hitl_stream.contract.encode import DecisionEvent
from hitl_stream.errors import Refused
from hitl_stream.observe import log, metrics
from hitl_stream.review.role import Role
from hitl_stream.sidecar import reply, shape, words
from hitl_stream.sidecar.asked import Asked, Asker
from hitl_stream.sidecar.problem import Problem
from hitl_stream.sidecar.raw_path import patch_id
from hitl_stream.sidecar.refusal import problem, stale, who_won
from hitl_stream.sidecar.reply import Reply
from hitl_stream.store import command, review
from hitl_stream.store.command import Approval
from hitl_stream.store.database import Connection
from hitl_stream.store.review import Standing

_ETAG = re.compile(r'"([1-9][0-9]{0,17})"')

Say = Callable[[Connection, str, Standing, dict[str, Any]], Awaitable[Reply]]

router = APIRouter()


@router.post("/hitl/patches/{patch_id}/approve")
async def approve(asked: Asker) -> Response:
    """Approve what was on the screen; the last approval that is needed decides. `break_glass` lifts the count."""
    breaking: list[str] = []

    async def say(conn: Connection, wanted: str, seen: Standing, body: dict[str, Any]) -> Reply:
        glass = words.flag(body, "break_glass")
        comment = words.required(body, "comment") if glass else words.text(body, "comment")
        approval = await command.approve(conn, wanted, seen.version, asked.actor, comment, break_glass=glass)
        breaking.extend([wanted] if glass else [])
        then = partial(count, seen, approval.event)
        return reply.make(_voted(wanted, approval), etag=shape.etag(approval.version), then=then)

    role = Role.BREAK_GLASS if _wants_glass(asked.body) else Role.REVIEWER
    try:
        return await _decide(asked, "pending", say, role)
    finally:
        # Also where nobody knows whether it was committed: better an alarm too many.
        for wanted in breaking:
            metrics.GLASS_BROKEN.inc()
            told = {"patch_id": wanted, "person": asked.who.subject, "request": asked.request_id}
            log.get().critical("glass_broken", **told)


@router.post("/hitl/patches/{patch_id}/reject")
async def reject(asked: Asker) -> Response:
    """Reject it, for a reason. Policy never approves it again."""

    async def say(conn: Connection, wanted: str, seen: Standing, body: dict[str, Any]) -> Reply:
        reason, presets = words.required(body, "reason"), words.presets(body)
        event = await command.reject(conn, wanted, seen.version, asked.actor, reason, presets)
        return reply.make(_decided(event), etag=shape.etag(seen.version + 1), then=partial(count, seen, event))

    return await _decide(asked, "pending", say)


@router.post("/hitl/patches/{patch_id}/revoke")
async def revoke(asked: Asker) -> Response:
    """End an approval, for a reason. The gate is closed when this answers."""

    async def say(conn: Connection, wanted: str, seen: Standing, body: dict[str, Any]) -> Reply:
        event = await command.revoke(conn, wanted, seen.version, asked.actor, words.required(body, "reason"))
        return reply.make(_decided(event), etag=shape.etag(seen.version + 1), then=partial(_alarm, event))

    return await _decide(asked, "approved", say)


@router.post("/hitl/patches/{patch_id}/reopen")
async def reopen(asked: Asker) -> Response:
    """Let an expired review wait again, for a reason and a whole time limit."""

    async def say(conn: Connection, wanted: str, seen: Standing, body: dict[str, Any]) -> Reply:
        until = await command.reopen(conn, wanted, seen.version, asked.actor, words.required(body, "reason"))
        told = {"patch_id": wanted, "decision": None, "state": "pending", "expires_at": shape.at(until)}
        return reply.make(told, etag=shape.etag(seen.version + 1))

    return await _decide(asked, "expired", say)


def _wants_glass(raw: bytes) -> bool:
    """Whether the glass is to be broken, which another role may do; what cannot be read is refused in its turn."""
    try:
        return words.members(raw).get("break_glass") is True
    except Problem:
        return False


async def _decide(asked: Asked, state: str, say: Say, role: Role | None = None) -> Response:
    """Say it of the patch that the request names, if that is in `state` at the version that the person saw."""
    checked: dict[str, Any] = {}

    async def work(conn: Connection) -> Reply:
        wanted = patch_id(asked.request)
        seen = await seen_standing(conn, asked, wanted, asked.request.headers.getlist("If-Match"), state)
        body = words.members(asked.body)
        checked.update(wanted=wanted, version=seen.version)
        return await say(conn, wanted, seen, body)

    try:
        return await asked.once(work, role)
    except (command.Stale, command.NotPossible) as late:
        raise await too_late(asked, checked["wanted"], checked["version"], state, late) from late
    except Refused as refusal:
        raise problem(refusal) from refusal


def _alarm(event: DecisionEvent) -> None:
    """Page somebody, as the worker does: what is deployed no longer stands approved."""
    if event.deployed == "yes":
        metrics.UNAPPROVED_DEPLOYMENTS.inc()
        log.get().error("revoked_after_deployment", patch_id=event.patch_id, seq=event.seq)


def count(seen: Standing, event: DecisionEvent | None) -> None:
    """Count how long it took until a person had decided; nothing while others are still needed."""
    if event is not None and seen.opened_at is not None:
        took = max(0.0, (event.decided_at - seen.opened_at).total_seconds())
        metrics.DECISION_SECONDS.labels(event.decision).observe(took)


async def seen_standing(conn: Connection, asked: Asked, wanted: str, sent: Sequence[str], state: str) -> Standing:
    """How the patch stands, if that is what the person saw and it is in this state. Raises Problem."""
    current = await review.read_standing(conn, wanted)
    if current is None:
        raise problem(command.UnknownPatch())
    if not sent:
        told = "Send the ETag of the patch as If-Match."
        raise Problem(428, "version-required", "Say which version you decide on", told)
    seen = version_of(sent[0]) if len(sent) == 1 else None
    if seen != current.version:
        raise await stale(conn, asked, wanted, seen)
    if current.state != state:
        raise await not_now(conn, wanted, current.state, state)
    return current


def version_of(etag: str | None) -> int | None:
    """The version that an entity tag names; None for what is no strong tag of ours."""
    match = None if etag is None else _ETAG.fullmatch(etag.strip())
    return int(match[1]) if match else None


async def too_late(asked: Asked, wanted: str, version: int | None, state: str | None, refusal: Refused) -> Problem:
    """What became of a patch that was as the person saw it when the request came, and not any more when its turn came."""
    async with asked.reading() as conn:
        return await lost(conn, asked, wanted, version, state, refusal)


async def lost(
    conn: Connection, asked: Asked, wanted: str, version: int | None, state: str | None, refusal: Refused
) -> Problem:
    """409 with who won if the patch is not in the state that was needed any more, else what the refusal is."""
    if not isinstance(refusal, command.Stale | command.NotPossible):
        return problem(refusal)
    current = await review.read_standing(conn, wanted)
    if current is not None and state is not None and current.state != state:
        return await not_now(conn, wanted, current.state, state)
    if isinstance(refusal, command.Stale):
        return await stale(conn, asked, wanted, version)
    return problem(refusal)


async def not_now(conn: Connection, wanted: str, stands: str, state: str) -> Problem:
    """409: the patch is in another state, and who saw to that."""
    won = await who_won(conn, wanted)
    told = f"The patch is {stands}, not {state}."
    if stands == won.get("decision"):
        told = f"{won['decided_by']} decided at {won['decided_at']}: {stands}."
    return Problem(409, f"not-{state}", f"The patch is not {state}", told, state=stands, **won)


def _decided(event: DecisionEvent) -> dict[str, Any]:
    return {
        "decision_id": decision_id(event.patch_id, event.round, event.seq),
        "patch_id": event.patch_id,
        "round": event.round,
        "decision": event.decision,
        "state": event.decision,
        "decided_at": shape.at(event.decided_at),
    }


def _voted(wanted: str, approval: Approval) -> dict[str, Any]:
    """What an approval leads to: the decision, or nothing yet while more people are needed."""
    event = approval.event
    return {
        "decision_id": None if event is None else decision_id(wanted, event.round, event.seq),
        "patch_id": wanted,
        "round": approval.round,
        "decision": None if event is None else event.decision,
        "state": "pending" if event is None else event.decision,
        "approvals": list(approval.approvers),
        "approvals_required": approval.needed,
        "decided_at": None if event is None else shape.at(event.decided_at),
    }
