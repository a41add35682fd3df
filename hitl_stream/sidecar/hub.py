"""All clients that listen in this process, and the one watcher that reads what is new and who may still listen.

A change becomes text once, however many clients hear of it. Each has a short queue of its own: whoever does not keep up is
let go and comes again with a cursor; whoever would get more than fits in a second gets one `queue_changed` instead.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from hitl_stream.errors import Unavailable
from hitl_stream.observe import log, metrics
from hitl_stream.sidecar import permission, shape
from hitl_stream.store import access, live
from hitl_stream.store.database import Connection, Database
from hitl_stream.store.live import Change, Listener

POLL_S: Final = 0.1
ROLES_S: Final = 5.0
WAITING_MAX: Final = 20  # batches that a client may be behind
CHANGES_MAX: Final = 1_000
PER_SECOND_MAX: Final = 50
NOT_ALLOWED, TRY_AGAIN = 1008, 1013  # RFC 6455


@dataclass(frozen=True, slots=True)
class Filter:
    """Which changes: of these kinds, and of reviews with one tag of each list. A change without tags concerns everybody."""

    kinds: frozenset[str] = frozenset()
    one_of: tuple[frozenset[str], ...] = ()

    def wants(self, change: Change) -> bool:
        """Whether it is one of them."""
        if self.kinds and change.kind not in self.kinds:
            return False
        return change.tags is None or all(not tags.isdisjoint(change.tags) for tags in self.one_of)


@dataclass(frozen=True, slots=True)
class Batch:
    """What happened between two looks, each as it is told, and the cursor that has seen it. Not `whole`: there was more."""

    changes: Sequence[Change]
    texts: Sequence[str]
    cursor: str
    whole: bool
    _wanted: dict[Filter, Sequence[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, changes: Sequence[Change], before: str, cursor: str) -> Batch:
        """With the texts. Only the last one brings the cursor: whoever comes again with an earlier one hears of the rest."""
        cursors = [*(before for _ in changes[1:]), cursor]
        texts = [_text(_message(change, at)) for change, at in zip(changes, cursors, strict=False)]
        return cls(changes, texts, cursor, len(changes) < CHANGES_MAX)

    def wanted(self, by: Filter) -> Sequence[str]:
        """What is told of it to whoever wants to hear of these; looked for once, however many that are."""
        if by == Filter():
            return self.texts
        if by not in self._wanted:
            told = zip(self.changes, self.texts, strict=True)
            self._wanted[by] = [text for change, text in told if by.wants(change)]
        return self._wanted[by]


@dataclass(eq=False, slots=True)
class Client:
    """One connection: what it still has to be told, how much it was told in this second, and why it ends (a close code)."""

    listener: Listener
    wanted: Filter = Filter()
    waiting: asyncio.Queue[Batch] = field(default_factory=lambda: asyncio.Queue(WAITING_MAX))
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    code: int = TRY_AGAIN
    _second: int = 0
    _told: int = 0

    def end(self, code: int) -> None:
        """Let it go."""
        if not self.ended.is_set():
            self.code = code
            metrics.LIVE_LET_GO.labels(str(code)).inc()
            self.ended.set()

    def offer(self, batch: Batch) -> None:
        """Let it have these; one that is too far behind is let go."""
        try:
            self.waiting.put_nowait(batch)
        except asyncio.QueueFull:
            self.end(TRY_AGAIN)

    def texts(self, batch: Batch) -> Sequence[str]:
        """What it is told of these."""
        told = batch.wanted(self.wanted)
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._told = second, 0
        self._told += len(told)
        if not batch.whole:  # what was left out can be for anybody
            return [queue_changed(batch.cursor, len(batch.changes))]
        if self._told > PER_SECOND_MAX and told:
            return [queue_changed(batch.cursor, len(told))]
        return told


class Hub:
    """All clients of this process, and the one watcher that feeds them while there are any."""

    def __init__(self) -> None:
        self._clients: set[Client] = set()
        self._watching: asyncio.Task[None] | None = None
        self._begun = asyncio.Event()

    async def join(self, client: Client, database: Database) -> None:
        """When this returns the client gets everything that is committed from then on, or is ended."""
        self._clients.add(client)
        metrics.LIVE_CLIENTS.set(len(self._clients))
        if self._watching is None or self._watching.done():
            self._begun.clear()
            self._watching = asyncio.create_task(self._watch(database))
        await self._begun.wait()

    def leave(self, client: Client) -> None:
        """And no longer."""
        self._clients.discard(client)
        metrics.LIVE_CLIENTS.set(len(self._clients))

    async def _watch(self, database: Database) -> None:
        """Never ends while somebody listens, or everybody is told to come again, with the cursor that they have."""
        try:
            await self._look(database)
        except Unavailable as failure:
            log.get().warning("live_paused", reason=str(failure))
        except Exception as failure:  # noqa: BLE001 - a watcher that is gone would leave them listening to nothing
            log.get().error("live_failed", reason=repr(failure))
        finally:
            for client in self._clients:
                client.end(TRY_AGAIN)
            self._begun.set()

    async def _look(self, database: Database) -> None:
        cursor: str | None = None
        asked_at = time.monotonic()
        while self._clients:
            async with database.connection() as conn:
                if cursor is None:
                    cursor = await live.present(conn)
                    self._begun.set()
                before = cursor
                changes, cursor = await live.read_after(conn, before, CHANGES_MAX)
                if time.monotonic() - asked_at >= ROLES_S:
                    await self._check(conn)
                    asked_at = time.monotonic()
            if changes:
                batch = Batch.of(changes, before, cursor)
                for client in self._clients:
                    client.offer(batch)
            await asyncio.sleep(POLL_S)

    async def _check(self, conn: Connection) -> None:
        """Let go whose token has ended, or whose groups may not listen any more."""
        now = datetime.now(UTC)
        groups = {client.listener.groups for client in self._clients}
        refused = {one for one in groups if not await _may_listen(conn, one)}
        for client in self._clients:
            if client.listener.groups in refused or now >= client.listener.until:
                client.end(NOT_ALLOWED)


async def may_listen(conn: Connection, listener: Listener) -> bool:
    """Whether who has asked for a ticket may use it by now."""
    return datetime.now(UTC) < listener.until and await _may_listen(conn, listener.groups)


async def _may_listen(conn: Connection, groups: Sequence[str]) -> bool:
    return bool(permission.PERMISSIONS["WS", "/hitl/live"] & await access.roles_of(conn, groups))


def queue_changed(cursor: str, count: int) -> str:
    """What is told instead of each of so many changes."""
    return _text({"type": "queue_changed", "cursor": cursor, "count": count})


def _message(change: Change, cursor: str) -> dict[str, Any]:
    told: dict[str, Any] = {"type": change.kind, "cursor": cursor, "patch_id": change.patch_id}
    if change.kind == "claim_changed":
        return {**told, "claimed_by": change.claimed_by}
    told["version"] = shape.etag(change.version)
    if change.kind == "decision_made":
        told |= {"decision": change.decision, "decided_by": change.decided_by}
    return told


def _text(message: dict[str, Any]) -> str:
    return orjson.dumps(message).decode()
