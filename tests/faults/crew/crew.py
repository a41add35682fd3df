"""All of them, in one event loop of a thread of its own."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from tests.faults.crew import once
from tests.faults.crew.desk import Desk
from tests.faults.crew.people import ANN, GATE, REVIEWING
from tests.faults.crew.reviewing import Reviewer
from tests.faults.crew.watching import GateClient, Listener
from tests.faults.journal import Journal
from tests.harness.provider import Provider

LISTENERS: Final[dict[str, dict[str, str]]] = {
    "all": {},
    "critical": {"severity": "critical"},
    "python": {"ecosystem": "PyPI"},
}
FINISH_S, STOP_S, LOGIN_S = 20.0, 30.0, 120.0


@dataclass
class _Login:
    """Logs somebody in, and again before that is too long ago for what is critical."""

    provider: Provider
    name: str
    group: str
    _token: str = ""
    _until: float = 0.0

    def __call__(self) -> str:
        if time.monotonic() >= self._until:
            self._token = self.provider.token(self.name, [self.group])
            self._until = time.monotonic() + LOGIN_S
        return self._token


class Crew:
    """They work from `start` to `stop`. `known` are patches that Eureka may ask the gate about, with their digests."""

    def __init__(
        self,
        urls: Sequence[str],
        provider: Provider,
        journal: Journal,
        seed: int,
        known: Callable[[], Sequence[tuple[str, str]]],
    ) -> None:
        self._urls, self._provider, self._journal, self._seed, self._known = urls, provider, journal, seed, known
        self._open: Counter[tuple[str, str]] = Counter()
        self._reviewing: list[asyncio.Task[None]] = []
        self._others: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None
        self._is_over = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.failures: list[str] = []

    def open_requests(self, url: str | None = None, who: str | None = None) -> int:
        """How many requests are under way that change something, at this sidecar or all, of this person or all."""
        counted = list(self._open.items())
        return sum(number for (at, of), number in counted if url in (None, at) and who in (None, of))

    def start(self, *, do_each: bool = False) -> None:
        """Let them work; on request each thing that can be done is done once first. Raises NothingToDo."""
        self._thread.start()
        self._run(self._begin(do_each=do_each))

    def rest(self) -> None:
        """Let reviewers finish what they are at, and do no more; listeners and the gate's client go on."""
        self._is_over = True
        self._run(self._finish())

    def stop(self) -> None:
        """Let everybody go."""
        if self._session is None:
            return  # nobody ever came
        self._run(self._end([*self._reviewing, *self._others]))
        self._run(self._session.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_S)
        self._loop.close()

    def cursors(self) -> list[str | None]:
        """Up to where those have heard everything who listen to everything."""
        return [self._listeners[name].cursor for name, filters in LISTENERS.items() if not filters]

    def are_listening(self, seconds: float) -> bool:
        """Whether all of them have been for so long, without a break."""
        return all(time.monotonic() - listener.since >= seconds for listener in self._listeners.values())

    async def _begin(self, *, do_each: bool) -> None:
        self._session = session = aiohttp.ClientSession()
        desks = {person.name: self._desk(person.name, person.group, session) for person in (*REVIEWING, GATE)}
        self._listeners = {
            name: Listener(name, desks[ANN.name], self._urls, filters) for name, filters in LISTENERS.items()
        }
        gate = GateClient(desks[GATE.name], self._rng("gate"), self._known)
        self._others = [*(self._task(one.run()) for one in self._listeners.values()), self._task(gate.run())]
        if do_each:
            await once.do_each(desks, [patch_id for patch_id, _ in self._known()])
        self._reviewing = [
            self._task(Reviewer(desks[person.name], self._rng(person.name), lambda: self._is_over).run())
            for person in REVIEWING
        ]

    def _desk(self, name: str, group: str, session: aiohttp.ClientSession) -> Desk:
        return Desk(
            name,
            _Login(self._provider, name, group),
            self._urls,
            self._journal,
            session,
            self._open,
            self._rng(f"desk-{name}"),
        )

    def _rng(self, name: str) -> random.Random:
        return random.Random(f"{self._seed}/{name}")

    def _task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        task.add_done_callback(self._note_failure)
        return task

    def _note_failure(self, task: asyncio.Task[None]) -> None:
        """Somebody who does not work any more makes the whole run worth less: it has to be known."""
        if not task.cancelled() and task.exception() is not None:
            self.failures.append(repr(task.exception()))

    async def _finish(self) -> None:
        await asyncio.wait(self._reviewing, timeout=FINISH_S)
        await self._end(self._reviewing)

    async def _end(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(STOP_S)
