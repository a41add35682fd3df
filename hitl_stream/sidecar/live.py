"""What changes, told as it happens over a WebSocket: without a gap after a reconnect, never faster than a client follows.

One watcher per process reads what is new and hands it to every client's own short queue. Whoever does not keep up is let go and
comes again with a cursor; whoever would get more than fits gets one `queue_changed` instead.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from secrets import token_urlsafe
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from fastapi import APIRouter, Response, WebSocket, WebSocketDisconnect
from starlette.websockets import WebSocketState

from hitl_stream.errors import Unavailable
from hitl_stream.observe import log
from hitl_stream.sidecar import permission, reply, shape
from hitl_stream.sidecar.asked import Asker
from hitl_stream.sidecar.reply import Reply
from hitl_stream.store import access, live
from hitl_stream.store.database import Connection, Database
from hitl_stream.store.live import Change, Listener, UnknownCursor

POLL_S: Final = 0.2
ROLES_S: Final = 5.0
WAITING_MAX: Final = 20  # batches that a client may be behind
CHANGES_MAX: Final = 1_000
PER_SECOND_MAX: Final = 50
NOT_ALLOWED, TRY_AGAIN, GOING_AWAY = 1008, 1013, 1001

Batch = tuple[Sequence[Change], str]

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


@dataclass(eq=False, slots=True)
class Client:
    """One connection: what it still has to be told, and how much it was told in this second."""

    listener: Listener
    waiting: asyncio.Queue[Batch] = field(default_factory=lambda: asyncio.Queue(WAITING_MAX))
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    _second: int = 0
    _told: int = 0

    def offer(self, batch: Batch) -> None:
        """Let it have these; one that is too far behind is let go."""
        try:
            self.waiting.put_nowait(batch)
        except asyncio.QueueFull:
            self.gone.set()

    def messages(self, batch: Batch) -> list[dict[str, Any]]:
        """What it is told of these."""
        changes, cursor = batch
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._told = second, 0
        self._told += len(changes)
        if self._told > PER_SECOND_MAX or len(changes) == CHANGES_MAX:
            return [{"type": "queue_changed", "cursor": cursor, "count": len(changes)}]
        return [_message(change, cursor) for change in changes]


class Hub:
    """All clients of this process, and the one watcher that feeds them while there are any."""

    def __init__(self) -> None:
        self._clients: set[Client] = set()
        self._watching: asyncio.Task[None] | None = None
        self._begun = asyncio.Event()

    async def join(self, client: Client, database: Database) -> None:
        """When this returns the client gets everything that is committed from then on."""
        self._clients.add(client)
        if self._watching is None or self._watching.done():
            self._begun.clear()
            self._watching = asyncio.create_task(self._watch(database))
        await self._begun.wait()

    def leave(self, client: Client) -> None:
        """And no longer."""
        self._clients.discard(client)

    async def _watch(self, database: Database) -> None:
        cursor: str | None = None
        while self._clients:
            try:
                async with database.connection() as conn:
                    if cursor is None:
                        cursor = await live.present(conn)
                        self._begun.set()
                    changes, cursor = await live.read_after(conn, cursor, CHANGES_MAX)
            except Unavailable as failure:
                log.get().warning("live_paused", reason=str(failure))
                for client in self._clients:  # they come again with a cursor of their own
                    client.gone.set()
                self._begun.set()
                return
            if changes:
                for client in self._clients:
                    client.offer((changes, cursor))
            await asyncio.sleep(POLL_S)


@router.websocket("/hitl/live")
async def listen(socket: WebSocket) -> None:
    """Everything that happens from now on, or after `cursor`."""
    database: Database | None = socket.app.state.database
    if database is None or not _is_ours(socket):
        await socket.close(NOT_ALLOWED if database is not None else TRY_AGAIN)
        return
    try:
        async with database.connection() as conn:
            listener = await live.take_ticket(conn, socket.query_params.get("ticket", ""))
    except Unavailable:
        await socket.close(TRY_AGAIN)
        return
    if listener is None:
        await socket.close(NOT_ALLOWED)
        return
    await socket.accept()
    client, hub = Client(listener), socket.app.state.hub
    try:
        await hub.join(client, database)
        code = await _serve(socket, client, database, socket.query_params.get("cursor"))
        if socket.client_state is WebSocketState.CONNECTED:
            await socket.close(code)
    except WebSocketDisconnect:
        return  # it went while it was told something
    finally:
        hub.leave(client)


async def _serve(socket: WebSocket, client: Client, database: Database, cursor: str | None) -> int:
    """Tell it all until it goes, may no longer, or cannot keep up; returns why it ended."""
    try:
        await _catch_up(socket, client, database, cursor)
    except UnknownCursor:
        return NOT_ALLOWED
    except Unavailable:
        return TRY_AGAIN
    telling = asyncio.create_task(_tell(socket, client))
    ends = [
        telling,
        asyncio.create_task(_until_closed(socket)),
        asyncio.create_task(_until_not_allowed(client, database)),
        asyncio.create_task(client.gone.wait()),
    ]
    try:
        done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for end in ends:
            end.cancel()
        await asyncio.gather(*ends, return_exceptions=True)
    if ends[2] in done:
        return NOT_ALLOWED
    return TRY_AGAIN if ends[3] in done or telling in done else GOING_AWAY


async def _catch_up(socket: WebSocket, client: Client, database: Database, cursor: str | None) -> None:
    """What happened since the client was here last; then it gets its first cursor of now. Raises UnknownCursor."""
    async with database.connection() as conn:
        if cursor is not None:
            missed, cursor = await live.read_after(conn, cursor, CHANGES_MAX)
            for message in client.messages((missed, cursor)) if missed else ():
                await socket.send_text(orjson.dumps(message).decode())
        else:
            cursor = await live.present(conn)
    await socket.send_text(orjson.dumps({"type": "queue_changed", "cursor": cursor, "count": 0}).decode())


async def _tell(socket: WebSocket, client: Client) -> None:
    while True:
        for message in client.messages(await client.waiting.get()):
            await socket.send_text(orjson.dumps(message).decode())


async def _until_closed(socket: WebSocket) -> None:
    """What a client says is not listened to."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


async def _until_not_allowed(client: Client, database: Database) -> None:
    needed = permission.PERMISSIONS["WS", "/hitl/live"]
    while datetime.now(UTC) < client.listener.until:
        async with database.connection() as conn:
            if not needed & await access.roles_of(conn, client.listener.groups):
                return
        await asyncio.sleep(ROLES_S)


def _message(change: Change, cursor: str) -> dict[str, Any]:
    told: dict[str, Any] = {"type": change.kind, "cursor": cursor, "patch_id": change.patch_id}
    if change.kind == "claim_changed":
        return {**told, "claimed_by": change.claimed_by}
    told["version"] = shape.etag(change.version)
    if change.kind == "decision_made":
        told |= {"decision": change.decision, "decided_by": change.decided_by}
    return told


def _is_ours(socket: WebSocket) -> bool:
    """No page of another origin may listen with a ticket that it got hold of; what is no browser sends no origin."""
    origin = socket.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == socket.headers.get("host")
