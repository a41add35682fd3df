"""One scheduler process: connects, serves health and metrics, does the duties, and ends when it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable
from typing import TypeVar

from hitl_stream.contract.topics import Topics
from hitl_stream.duties import evidence, expiry, retention, tallies
from hitl_stream.duties.scheduler import Scheduler
from hitl_stream.errors import Unavailable
from hitl_stream.observe import log, memory
from hitl_stream.observe.breaker import Breaker
from hitl_stream.observe.grace import expire_after
from hitl_stream.observe.health import Health
from hitl_stream.settings import Settings
from hitl_stream.store import process
from hitl_stream.store.database import Database
from hitl_stream.store.process import Process

RECONNECT_S = 1.0
COMMAND_TIMEOUT_S = 20.0
GRACE_S = 8.0  # less than the 10 s after which container engines kill
CLOSE_S = 2.0

Answer = TypeVar("Answer")


class SchedulerProcess:
    """Make it on a running loop."""

    def __init__(self, settings: Settings, topics: Topics) -> None:
        self._settings = settings
        self._duties = [
            evidence.duty(auto_approve=settings.auto_approve_enabled),
            expiry.duty(),
            tallies.duty(),
            *retention.duties(topics),
        ]
        self._breaker = Breaker("postgres")
        self._connected = False

    async def run(self) -> None:
        """Work until SIGTERM or SIGINT. Raises Fatal."""
        over = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, over.set)
        health = Health(self._unready, lambda: None)
        await health.serve(self._settings.metrics_host, self._settings.metrics_port)
        watching = asyncio.create_task(health.watch())
        working = asyncio.create_task(self._work())
        ending = asyncio.create_task(over.wait())
        try:
            await asyncio.wait({working, ending}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            expire_after(GRACE_S)
            for task in (working, ending, watching):
                task.cancel()
            await asyncio.wait({working, ending, watching})
            await health.close()
        if not working.cancelled():
            working.result()

    async def _work(self) -> None:
        database = await self._until(
            lambda: Database.open(
                self._settings.database,
                "hitl_scheduler",
                size=len(self._duties) + 3,
                name="hitl-scheduler",
                command_timeout_s=COMMAND_TIMEOUT_S,
            )
        )
        try:
            registered = await self._until(lambda: _register(database))
            scheduler = Scheduler(database, registered, self._duties, self._breaker)
            self._connected = True
            memory.settle()
            log.get().info("scheduler_started", duties=[duty.name for duty in self._duties])
            try:
                await scheduler.run()
            finally:
                await scheduler.leave()
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await database.close()

    async def _until(self, attempt: Callable[[], Awaitable[Answer]]) -> Answer:
        while True:
            try:
                answer = await attempt()
            except Unavailable as failure:
                self._breaker.failed(failure)
                await asyncio.sleep(RECONNECT_S)
            else:
                self._breaker.worked()
                return answer

    def _unready(self) -> list[str]:
        return [*([] if self._connected else ["preparation"]), *(["postgres"] if self._breaker.is_open else [])]


async def _register(database: Database) -> Process:
    async with database.connection() as conn:
        return await process.register(conn, "scheduler")
