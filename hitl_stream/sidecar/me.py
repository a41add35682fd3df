"""Who asks, as the sidecar knows them, and what others are called: so that a console offers and shows nothing else."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Final

from fastapi import APIRouter, Request, Response

from hitl_stream.sidecar import name, query, reply, shape
from hitl_stream.sidecar.asked import Asker
from hitl_stream.sidecar.raw_path import invalid_query
from hitl_stream.store import access, person

SUBJECTS_MAX: Final = 40  # of the 50 members that any query may have

router = APIRouter()


@router.get("/hitl/me")
async def show(asked: Asker) -> Response:
    """The person of the token, their roles, when they last showed who they are, and when the token ends.

    What the provider calls them is kept, so that others see a name.
    """
    who = asked.who
    async with asked.reading() as conn:
        roles = await access.roles_of(conn, who.groups)
        if who.name is not None:
            await person.keep_name(conn, who.subject, who.name, name.key(who.name))
    told = {
        "subject": who.subject,
        "name": who.name,
        "roles": sorted(roles),
        "authenticated_at": shape.at(asked.actor.authenticated_at),
        "expires_at": shape.at(datetime.fromtimestamp(who.expires_at, UTC)),
    }
    return reply.make(told).response()


@router.get("/hitl/people")
async def show_people(asked: Asker, request: Request) -> Response:
    """What these are called, of whom that is known."""
    subjects = [query.text("subject", one) for one in query.read(request, {"subject"}).given.get("subject", ())]
    if len(subjects) > SUBJECTS_MAX:
        raise invalid_query(f"subject: at most {SUBJECTS_MAX} of them")
    async with asked.reading() as conn:
        found = await person.names_of(conn, subjects)
    return reply.make([asdict(one) for one in found]).response()
