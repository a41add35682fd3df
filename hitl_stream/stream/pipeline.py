"""The parts between broker and database in one process, wired: engine → inbox → intake → outbox → publisher."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, cast

from hitl_stream.broker.connection import KafkaConnection
from hitl_stream.contract.topics import Topics
from hitl_stream.errors import Fatal
from hitl_stream.observe import log
from hitl_stream.store.database import Database
from hitl_stream.store.position import Claim
from hitl_stream.store.process import Process
from hitl_stream.stream import agent
from hitl_stream.stream.app import App
from hitl_stream.stream.breaker import Breaker, Breakers
from hitl_stream.stream.inbox import Inbox
from hitl_stream.stream.intake import Intake, Record
from hitl_stream.stream.lag import Monitor
from hitl_stream.stream.ownership import Ownership
from hitl_stream.stream.producer import Producer
from hitl_stream.stream.publisher import Publisher
from hitl_stream.stream.transport import Consumer, Membership

FINISH_S = 5.0
LEAVE_S = 5.0


class Pipeline:
    """One process's share of the work. `fail` is told what ends it."""

    def __init__(
        self,
        database: Database,
        registered: Process,
        membership: Membership,
        cluster_id: str,
        topics: Topics,
        recorders: Mapping[str, Record],
        breakers: Breakers,
        fail: Callable[[BaseException], None],
    ) -> None:
        connection: KafkaConnection = membership.connection
        self._fail = fail
        self._tasks: list[asyncio.Task[None]] = []
        self.ownership = Ownership(
            database=database,
            connection=connection,
            cluster_id=cluster_id,
            owner=registered.host,
            results=topics.physical("wargaming_results"),
            fail=fail,
            breakers=breakers,
        )
        self._app = App(membership, self.ownership)
        self.inbox = Inbox(self._release, self.ownership.missed)
        self._producers = tuple(Producer(connection, topics, membership.client) for _ in range(2))
        publisher = partial(
            Publisher, database=database, topics=topics, owner=registered.host, lost=self.ownership.shards_lost
        )
        self._publisher = publisher(producer=self._producers[0], breakers=breakers)
        # Kafka is not away when only the topic of the dead letters takes nothing.
        apart = replace(breakers, kafka=Breaker("dead_letters"))
        self._letters = publisher(producer=self._producers[1], breakers=apart, letters=True)
        self.intake = Intake(self.inbox, recorders, self.ownership.lost, self._publisher.wake, breakers)
        self.ownership.inbox = self.inbox
        self.ownership.publisher = self._publisher
        self.ownership.letters = self._letters
        self._database = database
        self._registered = registered
        self._monitor: Monitor | None = None
        agent.register(self._app, recorders, self.inbox, fail)

    @property
    def _consumer(self) -> Consumer:
        return cast(Consumer, self._app.consumer)

    @property
    def lagging(self) -> bool:
        """Whether there is something to record that is ours."""
        return len(self.inbox) > 0 or (self._monitor is not None and self._monitor.behind > 0)

    def start(self) -> None:
        """Begin; the group's assignment comes when it comes."""
        self._guard("publisher", self._publisher.run())
        self._guard("letters", self._letters.run())
        self._guard("intake", self.intake.run())
        self._guard("engine", self._engine())

    async def stop(self) -> None:
        """Let what is under way finish, publish what it left, leave the group; then close. Waits for nothing that hangs.

        While a dependency is away nothing will finish: whoever comes next repeats it.
        """
        self.inbox.shut()
        await _within(FINISH_S, "claims", self.ownership.close())
        working = [task for task in self._tasks if task.get_name() == "intake"]
        if working and not self.ownership.breakers.open:
            await _within(FINISH_S, "recording", asyncio.wait(working))
            await _within(FINISH_S, "publishing", _finish(self._publisher, self._letters))
        await _within(LEAVE_S, "engine", self._app.stop())
        for task in self._tasks:
            task.cancel()
        await _within(FINISH_S, "tasks", asyncio.gather(*self._tasks, return_exceptions=True))
        await _within(LEAVE_S, "producers", asyncio.gather(*(producer.close() for producer in self._producers)))

    def _release(self, claim: Claim) -> None:
        self._consumer.thread.release(claim)

    async def _engine(self) -> None:
        """Run the engine's application. Raises what crashed it."""
        consumer = self._consumer  # made here, on the running loop
        self.ownership.seeker = consumer.thread
        starting = asyncio.ensure_future(self._app.start())
        crashed = asyncio.ensure_future(self._app._crashed.wait())
        self._monitor = Monitor(self.ownership, consumer.thread, self._database, self._registered)
        self._guard("monitor", self._monitor.run())
        await asyncio.wait({starting, crashed}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
        await crashed
        raise self._app.crash_reason or Fatal("the stream engine stopped by itself")

    def _guard(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (failure := task.exception()) is not None:
            while isinstance(failure, BaseExceptionGroup):
                failure = failure.exceptions[0]
            self._fail(failure)


async def _finish(publisher: Publisher, letters: Publisher) -> None:
    """Publish what is recorded. Dead letters get as long again at most; where their topic takes nothing, no time at all."""
    apart = asyncio.ensure_future(letters.finish())
    try:
        began = time.monotonic()
        await publisher.finish()
        if not letters.breakers.open:
            await asyncio.wait({apart}, timeout=time.monotonic() - began)
    finally:
        apart.cancel()


async def _within(seconds: float, what: str, work: Awaitable[object]) -> None:
    """Do it if it can be done in time. What it raises at the end of the process is said and not passed on."""
    task = asyncio.ensure_future(work)
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if not done:
        task.cancel()
        log.get().warning("end_not_awaited", part=what, waited_s=seconds)
    elif not task.cancelled() and task.exception() is not None:
        log.get().warning("end_failed", part=what, reason=repr(task.exception()))
