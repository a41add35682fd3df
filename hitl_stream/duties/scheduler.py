"""The scheduler: does the duties while it holds the lease, each in a task of its own with a deadline of its own.

A duty that fails is said, counted and tried again at its next time; it never stops the others. A database that is away is
waited for. Another scheduler may take over at any moment: every transaction holds the lease.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from hitl_stream.duties.duty import Duty
from hitl_stream.errors import Fatal, HitlError, Unavailable
from hitl_stream.observe import log, metrics, text
from hitl_stream.observe.breaker import Breaker
from hitl_stream.store import duty_run, lease, outbox, process
from hitl_stream.store.database import Database
from hitl_stream.store.lease import Lease, LeaseLost
from hitl_stream.store.process import Process

RENEW_S = 4.0
STANDBY_S = 1.0
FIGURES_S = 5.0
LEAVE_S = 2.0

Work = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class Scheduler:
    """One scheduler process, registered and connected."""

    database: Database
    registered: Process
    duties: Sequence[Duty]
    breaker: Breaker = field(default_factory=lambda: Breaker("postgres"))
    lease: Lease | None = None
    _held_until: float = 0.0

    async def run(self) -> None:
        """Until cancelled. Raises Fatal, or the bug that ended it."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._stay_active())
                tasks.create_task(self._repeat(FIGURES_S, self._figures))
                tasks.create_task(self._repeat(process.BEAT_S, self._beat))
                for duty in self.duties:
                    tasks.create_task(self._keep(duty))
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def leave(self) -> None:
        """Let another one take over at once, as far as the database answers."""
        with contextlib.suppress(HitlError, TimeoutError):
            async with asyncio.timeout(LEAVE_S), self.database.connection() as conn:
                if self.lease is not None:
                    await lease.release(conn, self.lease)
                await process.leave(conn, self.registered)

    async def _stay_active(self) -> None:
        while True:
            await self._attempt(self._renew)
            if self.lease is not None and time.monotonic() > self._held_until:
                self._become(None)  # the database does not answer; another one may be active by now
            await asyncio.sleep(STANDBY_S if self.lease is None else RENEW_S)

    async def _renew(self) -> None:
        asked_at = time.monotonic()
        async with self.database.connection() as conn:
            held = await lease.take(conn, str(self.registered.process_id))
        self._held_until = asked_at + lease.LEASE_S
        self._become(held)

    def _become(self, held: Lease | None) -> None:
        if held != self.lease:
            if held is not None:
                log.get().info("lease_taken", epoch=held.epoch)
            else:
                log.get().warning("lease_lost")
        self.lease = held
        metrics.SCHEDULER_ACTIVE.set(1 if held else 0)

    async def _figures(self) -> None:
        async with self.database.connection() as conn:
            metrics.set_oldest_ages(*await outbox.oldest_age(conn))

    async def _beat(self) -> None:
        async with self.database.connection() as conn:
            await process.beat(conn, self.registered)

    async def _repeat(self, every_s: float, work: Work) -> None:
        while True:
            await self._attempt(work)
            await asyncio.sleep(every_s)

    async def _attempt(self, work: Work) -> None:
        try:
            await work()
        except Unavailable as failure:
            self.breaker.failed(failure)
        else:
            self.breaker.worked()

    async def _keep(self, duty: Duty) -> None:
        while True:
            if self.lease is not None:
                await self._do(duty, self.lease)
            await asyncio.sleep(duty.every_s if self.lease else STANDBY_S)

    async def _do(self, duty: Duty, held: Lease) -> None:
        """All that is due of one duty, a transaction at a time."""
        try:
            async with asyncio.timeout(duty.deadline_s):
                while await self._share(duty, held):
                    continue
        except Unavailable as failure:
            self.breaker.failed(failure)
        except LeaseLost:
            if self.lease == held:
                self._become(None)
        except Fatal:
            raise
        except Exception as failure:  # noqa: BLE001 - a bug in one duty must not stop the others
            await self._failed(duty, failure)
        else:
            metrics.DUTY_LAST_SUCCESS.labels(duty.name).set_to_current_time()

    async def _share(self, duty: Duty, held: Lease) -> bool:
        async with self.database.transaction() as conn:
            await lease.hold(conn, held)
            more = await duty.work(conn)
            if not more:
                await duty_run.succeeded(conn, duty.name)
            return more

    async def _failed(self, duty: Duty, failure: Exception) -> None:
        metrics.DUTY_FAILURES.labels(duty.name).inc()
        reason = f"not done within {duty.deadline_s:g} s" if isinstance(failure, TimeoutError) else repr(failure)
        reason = text.clean(reason)
        log.get().error("duty_failed", duty=duty.name, reason=reason, exc_info=failure)
        with contextlib.suppress(Unavailable):
            async with self.database.connection() as conn:
                await duty_run.failed(conn, duty.name, reason)
