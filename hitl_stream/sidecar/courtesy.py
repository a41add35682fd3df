"""What people say and hold without deciding: comments and claims. Neither moves the version, neither needs If-Match."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final

from fastapi import APIRouter, Response

from hitl_stream.errors import Refused
from hitl_stream.sidecar import decision, reply, shape, words
from hitl_stream.sidecar.asked import Asked, Asker
from hitl_stream.sidecar.raw_path import patch_id
from hitl_stream.sidecar.refusal import problem
from hitl_stream.sidecar.reply import Reply
from hitl_stream.store import command, review
from hitl_stream.store.database import Connection

_CLAIMABLE: Final = "pending"

Say = Callable[[Connection, str, dict[str, Any]], Awaitable[Reply]]

router = APIRouter()


@router.post("/hitl/patches/{patch_id}/comment")
async def comment(asked: Asker) -> Response:
    """Say something about a patch; with `reviews_glass` it is the review that breaking the glass needs afterwards."""

    async def say(conn: Connection, wanted: str, body: dict[str, Any]) -> Reply:
        said = words.required(body, "comment")
        at = await command.comment(conn, wanted, asked.actor, said, of_glass=words.flag(body, "reviews_glass"))
        told = {"patch_id": wanted, "actor": asked.who.subject, "comment": said, "at": shape.at(at)}
        return reply.make(told, status=201)

    return await _say(asked, say)


@router.post("/hitl/patches/{patch_id}/claim")
async def claim(asked: Asker) -> Response:
    """Hold a review for a quarter of an hour, or hold it on."""

    async def say(conn: Connection, wanted: str, body: dict[str, Any]) -> Reply:
        held = await command.claim(conn, wanted, asked.actor)
        return _held(wanted, held.person, held.until)

    return await _say(asked, say, _CLAIMABLE)


@router.post("/hitl/patches/{patch_id}/takeover")
async def take_over(asked: Asker) -> Response:
    """Hold a review that somebody else holds, for a reason."""

    async def say(conn: Connection, wanted: str, body: dict[str, Any]) -> Reply:
        held = await command.claim(conn, wanted, asked.actor, words.required(body, "reason"), take_over=True)
        return _held(wanted, held.person, held.until)

    return await _say(asked, say, _CLAIMABLE)


@router.post("/hitl/patches/{patch_id}/release")
async def release(asked: Asker) -> Response:
    """Let a review go."""

    async def say(conn: Connection, wanted: str, body: dict[str, Any]) -> Reply:
        await command.release(conn, wanted, asked.actor)
        return _held(wanted, None, None)

    return await _say(asked, say)


async def _say(asked: Asked, say: Say, state: str | None = None) -> Response:
    """Say it of the patch that the request names, where only a patch in that state is held, if that is its state."""

    async def work(conn: Connection) -> Reply:
        wanted = patch_id(asked.request)
        current = await review.read_standing(conn, wanted)
        if current is None:
            raise command.UnknownPatch()
        if state is not None and current.state != state:
            raise await decision.not_now(conn, wanted, current.state, state)
        return await say(conn, wanted, words.members(asked.body))

    try:
        return await asked.once(work)
    except command.NotPossible as late:
        raise await decision.too_late(asked, patch_id(asked.request), None, state, late) from late
    except Refused as refusal:
        raise problem(refusal) from refusal


def _held(wanted: str, person: str | None, until: datetime | None) -> Reply:
    return reply.make({"patch_id": wanted, "claimed_by": person, "claimed_until": shape.at(until)})
