"""Requests as clients send them: as fast as they are answered, or on a schedule that does not wait for answers."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

CONNECTIONS = 16
TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Question:
    """One request."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None


@dataclass(slots=True)
class Answered:
    """What came of it: milliseconds of each, statuses, and how long all of it took."""

    milliseconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0

    def must_be(self, *statuses: int) -> Answered:
        """Raises RuntimeError when another status was among them: a refusal is quick, and no figure."""
        if not set(self.statuses) <= set(statuses):
            raise RuntimeError(f"statuses {dict(self.statuses)} instead of {statuses}")
        return self


async def closed(url: str, questions: Sequence[Question], connections: int = CONNECTIONS) -> Answered:
    """Each connection asks the next as soon as it has an answer."""
    answered, waiting = Answered(), iter(questions)
    async with _session(url, connections) as session:
        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(connections):
                group.create_task(_ask_all(session, waiting, answered))
        answered.seconds = time.perf_counter() - started
    return answered


async def scheduled(url: str, questions: Iterable[Question], per_second: float) -> Answered:
    """Each is due at its time, whether those before it were answered or not; milliseconds count from then."""
    answered = Answered()
    async with _session(url, 0) as session:
        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number, question in enumerate(questions):
                due = started + number / per_second
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                group.create_task(_ask(session, question, due, answered))
        answered.seconds = time.perf_counter() - started
    return answered


def _session(url: str, connections: int) -> aiohttp.ClientSession:
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    return aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(limit=connections), timeout=timeout)


async def _ask_all(session: aiohttp.ClientSession, waiting: Iterator[Question], answered: Answered) -> None:
    for question in waiting:
        await _ask(session, question, time.perf_counter(), answered)


async def _ask(session: aiohttp.ClientSession, question: Question, due: float, answered: Answered) -> None:
    async with session.request(question.method, question.path, headers=question.headers, json=question.body) as answer:
        await answer.read()
        answered.milliseconds.append((time.perf_counter() - due) * 1_000)
        answered.statuses[answer.status] += 1
