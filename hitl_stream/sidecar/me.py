"""Who asks, as the sidecar knows them: what their groups may do at this moment, so that a console offers nothing else."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Response

from hitl_stream.sidecar import reply, shape
from hitl_stream.sidecar.asked import Asker
from hitl_stream.store import access

router = APIRouter()


@router.get("/hitl/me")
async def show(asked: Asker) -> Response:
    """The person of the token, their roles, when they last showed who they are, and when the token ends."""
    async with asked.reading() as conn:
        roles = await access.roles_of(conn, asked.who.groups)
    told = {
        "subject": asked.who.subject,
        "roles": sorted(roles),
        "authenticated_at": shape.at(asked.actor.authenticated_at),
        "expires_at": shape.at(datetime.fromtimestamp(asked.who.expires_at, UTC)),
    }
    return reply.make(told).response()
