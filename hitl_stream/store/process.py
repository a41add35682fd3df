"""Which processes are there: each says so every few seconds, so that a migration down knows who still needs the schema.

Times are the database's. A process that stops saying so counts as gone after a minute; it is not told.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

from asyncpg import Connection

from hitl_stream.errors import Fatal
from hitl_stream.store import revision, statement

BEAT_S = 15.0
ALIVE_S = 60.0


@dataclass(frozen=True, slots=True)
class Process:
    """This process, as the others see it. `kind` is worker, scheduler or sidecar."""

    kind: str
    process_id: UUID = field(default_factory=uuid4)
    host: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}")


@dataclass(frozen=True, slots=True)
class Seen:
    """A process that is alive."""

    kind: str
    host: str
    schema_revision: str
    started_at: datetime
    seen_at: datetime


async def register(conn: Connection, kind: str) -> Process:
    """Say that this process is there and needs the schema this program knows. Raises SchemaTooOld while it is not there."""
    await revision.require(conn)
    process = Process(kind)
    await _insert(conn, process)
    return process


async def beat(conn: Connection, process: Process) -> None:
    """Say it again; call it every BEAT_S. Registers anew when the row was swept away during a long pause."""
    if await conn.execute(statement.get("beat"), process.process_id) == "UPDATE 0":
        await _insert(conn, process)


async def leave(conn: Connection, process: Process) -> None:
    """Say goodbye, so that nobody waits for this process."""
    await conn.execute(statement.get("leave"), process.process_id)


async def sweep(conn: Connection) -> int:
    """Take away what has been gone for a day; returns how many rows went."""
    status = await conn.execute(statement.get("sweep_processes"))
    return int(status.rpartition(" ")[2])


async def alive(conn: Connection, within_s: float = ALIVE_S) -> Sequence[Seen]:
    """Who said so lately."""
    rows = await conn.fetch(statement.get("alive_processes"), within_s)
    return [Seen(*row) for row in rows]


async def _insert(conn: Connection, process: Process) -> None:
    if process.kind not in ("worker", "scheduler", "sidecar"):
        raise Fatal(f"no such kind of process: {process.kind}")
    await conn.execute(
        statement.get("register_process"), process.process_id, process.kind, revision.head(), process.host
    )
