"""Runs the app on a port and keeps it connected. Starts without a database and answers 503 until there is one."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import uvicorn
from fastapi import FastAPI

from hitl_stream.errors import Fatal, Unavailable
from hitl_stream.observe import log, memory
from hitl_stream.settings import LOOPBACK, Settings
from hitl_stream.sidecar import app, issuer
from hitl_stream.sidecar.console import Console, Login
from hitl_stream.sidecar.demo_login import DemoIssuer
from hitl_stream.sidecar.rate import Rates
from hitl_stream.sidecar.token import Keys, Verifier
from hitl_stream.store import process
from hitl_stream.store.database import Database
from hitl_stream.store.process import Process

POOL_SIZE = 8
RESERVED_SIZE = 2  # for the gate and the probes
COMMAND_TIMEOUT_S = 5.0
RECONNECT_S = 1.0
GRACE_S = 5


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The quicker event loop, where there is one."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def vouching(chosen: Settings) -> Verifier | DemoIssuer:
    """Who vouches for people: the configured issuer, or on this machine and nowhere else the demo's own. Raises Fatal."""
    told = (chosen.auth_issuer, chosen.auth_audience, chosen.auth_jwks_url)
    if told != (None, None, None):
        if chosen.auth_issuer is None or chosen.auth_audience is None:
            raise Fatal("set both HITL_AUTH_ISSUER and HITL_AUTH_AUDIENCE")
        keys = Keys(issuer.keys_of(chosen.auth_issuer, chosen.auth_jwks_url))
        groups, name = chosen.auth_groups_claim, chosen.auth_name_claim
        return Verifier(chosen.auth_issuer, chosen.auth_audience, keys, groups, name)
    if chosen.environment != "local" or chosen.http_host not in LOOPBACK:
        raise Fatal(
            "nobody vouches for people: set HITL_AUTH_ISSUER and HITL_AUTH_AUDIENCE. The demo's own login is there in"
            f" environment local on loopback only, not in {chosen.environment} on {chosen.http_host}"
        )
    return DemoIssuer(f"http://{chosen.http_host}:{chosen.http_port}/demo")


class _Server(uvicorn.Server):
    """Ends by a signal as by anything else. uvicorn's own raises the signal again, and then nothing that comes after it is
    done: the process would not take its leave."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGINT and SIGTERM, as long as it serves."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)


async def serve(chosen: Settings) -> None:
    """Serve until a signal says stop. Raises Fatal."""
    who = vouching(chosen)
    hosts = [*LOOPBACK, "[::1]"] if chosen.http_host in LOOPBACK else None
    login = Login() if isinstance(who, DemoIssuer) else Login(who.issuer, chosen.auth_client_id, chosen.auth_scope)
    served = Console(chosen.environment, login)
    made = app.create(None, who, hosts=hosts, origins=chosen.http_origins, rates=Rates(), served=served)
    if isinstance(who, DemoIssuer):
        log.get().warning(
            "demo_login", issuer=who.issuer, reason="whoever is on this machine may be anybody of the demo"
        )
    server = _Server(
        uvicorn.Config(
            made,
            host=chosen.http_host,
            port=chosen.http_port,
            log_config=None,
            access_log=False,
            server_header=False,
            ws="websockets-sansio",
            ws_max_size=4_096,  # nothing that a client says is listened to
            ws_per_message_deflate=False,  # messages are short, and each connection would cost 300 KB
            ws_ping_interval=20.0,
            ws_ping_timeout=20.0,
            timeout_graceful_shutdown=GRACE_S,
        )
    )
    memory.settle()
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
        database, reserved = await _connect(url, POOL_SIZE), await _connect(url, RESERVED_SIZE)
        try:
            registered = await _register(database)
            app.connect(made, database, reserved)
            log.get().info("database_connected")
            try:
                while True:
                    await asyncio.sleep(process.BEAT_S)
                    await _say(database, registered, process.beat)
            finally:
                await _say(database, registered, process.leave)
        finally:
            await reserved.close()
            await database.close()
    except Fatal:
        server.should_exit = True
        raise


async def _connect(url: str, size: int) -> Database:
    while True:
        try:
            return await Database.open(
                url,
                "hitl_sidecar",
                size=size,
                name="hitl-sidecar",
                command_timeout_s=COMMAND_TIMEOUT_S,
                held=True,  # the first use of a connection takes 50 ms: never because somebody was away for a while
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
