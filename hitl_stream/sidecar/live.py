"""What changes, told as it happens over a WebSocket: without a gap after a reconnect, never faster than a client follows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from secrets import token_urlsafe
from typing import Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Response, WebSocket, WebSocketDisconnect
from starlette.websockets import WebSocketState

from hitl_stream.errors import Unavailable
from hitl_stream.sidecar import hub, query, reply, shape
from hitl_stream.sidecar.asked import Asker
from hitl_stream.sidecar.hub import NOT_ALLOWED, TRY_AGAIN, Batch, Client, Filter
from hitl_stream.sidecar.problem import Problem
from hitl_stream.sidecar.queue import TAGS
from hitl_stream.sidecar.raw_path import invalid_query
from hitl_stream.sidecar.reply import Reply
from hitl_stream.store import live
from hitl_stream.store.database import Connection, Database
from hitl_stream.store.live import KINDS, Listener, UnknownCursor

GOING_AWAY: Final = 1001  # RFC 6455
REASON_BYTES_MAX: Final = 123
QUIET_S: Final = 60.0
_KNOWN: Final = frozenset((*TAGS, "type", "ticket", "cursor"))

router = APIRouter()


@router.post("/hitl/live/ticket")
async def give_ticket(asked: Asker) -> Response:
    """A ticket for one connection: a browser cannot send a token with a WebSocket."""

    async def work(conn: Connection) -> Reply:
        ticket = token_urlsafe(32)
        until = datetime.fromtimestamp(asked.who.expires_at, UTC)
        expires_at = await live.give_ticket(conn, ticket, Listener(asked.who.subject, asked.who.groups, until))
        return reply.make({"ticket": ticket, "expires_at": shape.at(expires_at)}, status=201)

    return await asked.once(work)


@router.websocket("/hitl/live")
async def listen(socket: WebSocket) -> None:
    """Everything that happens from now on, or after `cursor`; with filters as the list has them only what they let through."""
    database: Database | None = socket.app.state.database
    if database is None or not _is_ours(socket):
        await socket.close(NOT_ALLOWED if database is not None else TRY_AGAIN)
        return
    try:
        async with database.connection() as conn:
            listener = await live.take_ticket(conn, socket.query_params.get("ticket", ""))
            if listener is not None and not await hub.may_listen(conn, listener):
                listener = None
            wanted = None if listener is None else await _filter(conn, socket)
    except Unavailable:
        await socket.close(TRY_AGAIN)
        return
    except Problem as refused:
        await socket.accept()
        await socket.close(NOT_ALLOWED, _short(str(refused.body["detail"])))
        return
    if listener is None or wanted is None:
        await socket.close(NOT_ALLOWED)
        return
    await socket.accept()
    client = Client(listener, wanted)
    try:
        await socket.app.state.hub.join(client, database)
        code = await _serve(socket, client, database, socket.query_params.get("cursor"))
        if socket.client_state is WebSocketState.CONNECTED:
            await socket.close(code)
    except WebSocketDisconnect:
        return  # it went while it was told something
    finally:
        socket.app.state.hub.leave(client)


async def _filter(conn: Connection, socket: WebSocket) -> Filter:
    """What the client wants to hear of. Raises Problem."""
    given = query.read(socket, _KNOWN).given
    kinds = frozenset(given.get("type", ()))
    if not kinds <= KINDS:
        raise invalid_query(f"type: one of {', '.join(sorted(KINDS))}")
    said = [[f"{name}:{query.text(name, value)}" for value in given[name]] for name in TAGS if name in given]
    return Filter(kinds, tuple([frozenset(await live.tags(conn, tags)) for tags in said]))


async def _serve(socket: WebSocket, client: Client, database: Database, cursor: str | None) -> int:
    """Tell it all until it goes, may no longer, or cannot keep up; returns why it ended."""
    try:
        now = await _catch_up(socket, client, database, cursor)
    except UnknownCursor:
        return NOT_ALLOWED
    except Unavailable:
        return TRY_AGAIN
    telling, closed = asyncio.create_task(_tell(socket, client, now)), asyncio.create_task(_until_closed(socket))
    ends = [telling, closed, asyncio.create_task(client.ended.wait())]
    try:
        done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for end in ends:
            end.cancel()
        await asyncio.gather(*ends, return_exceptions=True)
    if telling in done:
        telling.result()  # it ends only by what went wrong
    return GOING_AWAY if closed in done else client.code


async def _catch_up(socket: WebSocket, client: Client, database: Database, cursor: str | None) -> str:
    """What happened since the client was here last; then it gets, and this returns, the cursor of now. Raises UnknownCursor."""
    async with database.connection() as conn:
        before = await live.present(conn) if cursor is None else cursor
        missed, now = ((), before) if cursor is None else await live.read_missed(conn, before, hub.CHANGES_MAX)
    for text in client.texts(Batch.of(missed, before, now)):
        await socket.send_text(text)
    await socket.send_text(hub.queue_changed(now, 0))
    return now


async def _tell(socket: WebSocket, client: Client, cursor: str) -> None:
    """What happens; after a minute without any of it only the cursor: a page sees no ping, and cannot tell quiet from gone."""
    clock = asyncio.get_running_loop().time
    told_at = clock()
    while True:
        try:
            async with asyncio.timeout_at(told_at + QUIET_S):
                batch = await client.waiting.get()
        except TimeoutError:
            texts: Sequence[str] = [hub.queue_changed(cursor, 0)]
        else:
            cursor, texts = batch.cursor, client.texts(batch)
        for text in texts:
            await socket.send_text(text)
        if texts:
            told_at = clock()


async def _until_closed(socket: WebSocket) -> None:
    """What a client says is not listened to."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


def _short(reason: str) -> str:
    """As much of it as a close frame holds: 123 bytes (RFC 6455, 5.5)."""
    return reason.encode()[:REASON_BYTES_MAX].decode(errors="ignore")


def _is_ours(socket: WebSocket) -> bool:
    """No page of another origin may listen with a ticket that it got hold of; what is no browser sends no origin."""
    origin = socket.headers.get("origin")
    known: frozenset[str] = socket.app.state.origins
    try:
        return origin is None or urlsplit(origin).netloc == socket.headers.get("host") or origin.lower() in known
    except ValueError:
        return False
