"""What people say about the console: kept with the page and the build, counted, and read by whoever builds it."""

from __future__ import annotations

from fastapi import APIRouter, Response

from hitl_stream.observe import metrics
from hitl_stream.sidecar import reply, words
from hitl_stream.sidecar.asked import Asker
from hitl_stream.sidecar.reply import Reply
from hitl_stream.store import feedback
from hitl_stream.store.database import Connection

router = APIRouter()


@router.post("/hitl/feedback")
async def say(asked: Asker) -> Response:
    """Keep it."""

    async def work(conn: Connection) -> Reply:
        body = words.members(asked.body)
        text, page, build = words.required(body, "text"), words.short(body, "page"), words.short(body, "build")
        await feedback.keep(conn, asked.who.subject, text, page, build)
        return reply.make({"kept": True}, status=201, then=metrics.FEEDBACK.inc)

    return await asked.once(work)
