"""Runs the app on a port and keeps it connected. Starts without a database and answers 503 until there is one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import uvicorn
from fastapi import FastAPI

from hitl_stream.errors import Fatal, Unavailable
from hitl_stream.observe import log
from hitl_stream.settings import Settings
from hitl_stream.sidecar import app
from hitl_stream.store import process
from hitl_stream.store.database import Database
from hitl_stream.store.process import Process

POOL_SIZE = 8
COMMAND_TIMEOUT_S = 5.0
RECONNECT_S = 1.0
GRACE_S = 5


def check_host(chosen: Settings) -> None:
    """Without a login nobody else may ask. Environment local may: there the container's port is bound to loopback outside.

    Raises Fatal.
    """
    if chosen.http_host not in app.LOOPBACK and chosen.environment != "local":
        raise Fatal(
            f"the sidecar has no login yet and serves loopback only: HITL_HTTP_HOST={chosen.http_host} is refused in"
            f" environment {chosen.environment}"
        )


async def serve(chosen: Settings) -> None:
    """Serve until a signal says stop. Raises Fatal."""
    check_host(chosen)
    loopback = chosen.http_host in app.LOOPBACK
    local = chosen.environment == "local"
    made = app.create(decisions=local, hosts=[*app.LOOPBACK, "[::1]"] if loopback else None)
    if not loopback:
        log.get().warning(
            "sidecar_exposed", host=chosen.http_host, reason="no login: whoever reaches the port may decide"
        )
    server = uvicorn.Server(
        uvicorn.Config(
            made,
            host=chosen.http_host,
            port=chosen.http_port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_S,
        )
    )
    connected = asyncio.create_task(_stay_connected(made, server, chosen.database))
    try:
        await server.serve()
    finally:
        connected.cancel()
        with suppress(asyncio.CancelledError):
            await connected


async def _stay_connected(made: FastAPI, server: uvicorn.Server, url: str) -> None:
    """Connect, however long that takes, then say every few seconds that we are there and need the schema.

    What cannot be mended by waiting ends the server.
    """
    try:
        database = await _connect(url)
        try:
            registered = await _register(database)
            made.state.database = database
            log.get().info("database_connected")
            try:
                while True:
                    await asyncio.sleep(process.BEAT_S)
                    await _say(database, registered, process.beat)
            finally:
                await _say(database, registered, process.leave)
        finally:
            await database.close()
    except Fatal:
        server.should_exit = True
        raise


async def _connect(url: str) -> Database:
    while True:
        try:
            return await Database.open(
                url, "hitl_sidecar", size=POOL_SIZE, name="hitl-sidecar", command_timeout_s=COMMAND_TIMEOUT_S
            )
        except Unavailable as failure:
            log.get().warning("database_unavailable", reason=str(failure))
            await asyncio.sleep(RECONNECT_S)


async def _register(database: Database) -> Process:
    while True:
        try:
            async with database.connection() as conn:
                return await process.register(conn, "sidecar")
        except Unavailable as failure:
            log.get().warning("database_unavailable", reason=str(failure))
            await asyncio.sleep(RECONNECT_S)


async def _say(database: Database, registered: Process, what: Callable[[Any, Process], Awaitable[None]]) -> None:
    try:
        async with database.connection() as conn:
            await what(conn, registered)
    except Unavailable as failure:
        log.get().warning("database_unavailable", reason=str(failure))
