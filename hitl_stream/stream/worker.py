"""One worker process, from preparation to the end: within its grace period, whatever hangs.

The engine's application is started from here and never by its own command line. Everything that is under way is safe to lose
at any moment, so the end waits only for what answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from hitl_stream.contract.topics import Topics
from hitl_stream.errors import HitlError
from hitl_stream.observe import log, memory
from hitl_stream.observe.grace import expire_after
from hitl_stream.observe.health import Health
from hitl_stream.settings import Settings
from hitl_stream.store import process
from hitl_stream.store.batch import Recorded, Span
from hitl_stream.store.database import Database
from hitl_stream.store.process import Process
from hitl_stream.stream import preparation
from hitl_stream.stream.app import check_build
from hitl_stream.stream.breaker import Breaker, Breakers
from hitl_stream.stream.pipeline import Pipeline
from hitl_stream.stream.transport import Membership
from hitl_stream.stream.watchdog import STUCK_S, Watchdog

POOL_SIZE = 6  # two transactions, two publishers, a claim, figures
LEAVE_S = 2.0


class Recorder(Protocol):
    """What records: one transaction for all spans. Raises PositionLost, Unavailable, Fatal."""

    async def record_results(self, spans: Sequence[Span]) -> Recorded: ...

    async def record_outcomes(self, spans: Sequence[Span]) -> Recorded: ...


MakeRecorder = Callable[[Database, str], Recorder]


@dataclass(frozen=True, slots=True)
class Part:
    """What this process is told beside the settings. `instance` is its lasting name in the group, if it has one."""

    metrics_port: int
    instance: str | None
    grace_s: float
    stuck_s: float = STUCK_S


class Worker:
    """The parts of one process. Make it on a running loop."""

    def __init__(self, settings: Settings, topics: Topics, part: Part, recorder: MakeRecorder) -> None:
        self._settings = settings
        self._recorder = recorder
        self._topics = topics
        self._part = part
        self._breakers = Breakers(Breaker("postgres"), Breaker("kafka"))
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pipeline: Pipeline | None = None
        self._watchdog = Watchdog(self._expects_progress, self._progress_at, part.stuck_s)
        self._health = Health(self._unready, self._watchdog.tick)

    def end(self) -> None:
        """End in good order, and by force when the grace period is over."""
        if not self._over.done():
            self._over.set_result(None)

    def fail(self, failure: BaseException) -> None:
        """End because of this."""
        if not self._over.done():
            self._over.set_exception(failure)

    async def run(self) -> None:
        """Work until asked to end. Raises what ended it otherwise."""
        check_build()
        await self._health.serve(self._settings.metrics_host, self._part.metrics_port)
        ticking = asyncio.create_task(self._health.watch())
        working = asyncio.create_task(self._work())
        self._watchdog.start()
        try:
            await asyncio.wait({working, self._over}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            last_resort = expire_after(self._part.grace_s)
            self._watchdog.stop()
            working.cancel()
            await asyncio.wait({working})
            ticking.cancel()
            await self._health.close()
            last_resort.cancel()
        if not working.cancelled():
            working.result()
        if self._over.done():
            self._over.result()

    async def _work(self) -> None:
        connection = self._settings.kafka
        topics = {topic.name for topic in self._topics}
        cluster, counts = await preparation.broker(connection, topics, self._breakers)
        database, registered = await preparation.database(
            self._settings.database, POOL_SIZE, "hitl-worker", self._breakers
        )
        try:
            await preparation.positions(database, cluster, counts, self._breakers)
            recorder = self._recorder(database, cluster)
            membership = Membership(connection, self._settings.consumer_group, self._part.instance, "hitl-worker")
            self._pipeline = Pipeline(
                database,
                registered,
                membership,
                cluster,
                self._topics,
                {
                    self._topics.physical("wargaming_results"): recorder.record_results,
                    self._topics.physical("eureka_outcomes"): recorder.record_outcomes,
                },
                self._breakers,
                self.fail,
            )
            await self._until_over(self._pipeline)
        finally:
            await _leave(database, registered)

    async def _until_over(self, pipeline: Pipeline) -> None:
        memory.settle()
        pipeline.start()
        log.get().info("worker_started", topics=len(self._topics.all()), instance=self._part.instance)
        try:
            await asyncio.Event().wait()  # until cancelled: the end is decided in `run`
        finally:
            await pipeline.stop()

    def _unready(self) -> list[str]:
        missing = self._breakers.open
        if self._pipeline is None:
            return ["preparation", *missing]
        return [*([] if self._pipeline.ownership.ready else ["assignment"]), *missing]

    def _expects_progress(self) -> bool:
        pipeline = self._pipeline
        return pipeline is not None and pipeline.ownership.ready and pipeline.lagging and not self._breakers.open

    def _progress_at(self) -> float:
        return self._pipeline.intake.progress_at if self._pipeline else 0.0


def main(settings: Settings, topics: Topics, part: Part, recorder: MakeRecorder) -> int:
    """Run one worker; returns the exit code. Leaves threads behind that may hang: end the process with os._exit."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(_main(settings, topics, part, recorder))
    except HitlError as failure:
        log.get().error("worker_failed", reason=str(failure), kind=type(failure).__name__)
        return 1
    except Exception as bug:  # noqa: BLE001 - a bug in I/O: end the process, say where it was
        log.get().error("worker_failed", reason=repr(bug), kind="bug", exc_info=bug)
        return 1
    log.get().info("worker_stopped")
    return 0


async def _main(settings: Settings, topics: Topics, part: Part, recorder: MakeRecorder) -> None:
    worker = Worker(settings, topics, part, recorder)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.end)
    await worker.run()


async def _leave(database: Database, registered: Process) -> None:
    with contextlib.suppress(HitlError, TimeoutError):
        async with asyncio.timeout(LEAVE_S):
            async with database.connection() as conn:
                await process.leave(conn, registered)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LEAVE_S):
            await database.close()
