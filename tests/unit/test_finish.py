"""The end of a worker: what is recorded is published, and dead letters hold it up for no longer than that takes."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from hitl_stream.stream import pipeline
from hitl_stream.stream.breaker import Breaker, Breakers
from tests.harness import wait

PUBLISHING_S = 0.1  # how long the decisions take
LATER_TURNS = 3
DEADLINE_S = 3.0


class Ending:
    """A publisher at its end, a little after `others` if there are any."""

    def __init__(self, others: Ending | None = None, *, hangs: bool = False) -> None:
        self.breakers = Breakers(Breaker("postgres"), Breaker("dead_letters"))
        self.others = others
        self.hangs = hangs
        self.over = asyncio.Event()

    async def finish(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.others is None:
            await wait.pace(PUBLISHING_S)
        else:
            await self.others.over.wait()
            for _ in range(LATER_TURNS):
                await wait.turn()
        self.over.set()


async def finish(decisions: Ending, letters: Ending) -> None:
    async with asyncio.timeout(DEADLINE_S):
        await pipeline._finish(cast(Any, decisions), cast(Any, letters))
    assert decisions.over.is_set()


async def test_dead_letters_that_come_soon_after_the_decisions_are_waited_for() -> None:
    decisions = Ending()
    letters = Ending(decisions)
    await finish(decisions, letters)
    assert letters.over.is_set()


async def test_dead_letters_whose_topic_takes_nothing_are_not_waited_for() -> None:
    decisions = Ending()
    letters = Ending(decisions)
    letters.breakers.kafka.failed("no leader")
    await finish(decisions, letters)
    assert not letters.over.is_set()


async def test_dead_letters_that_hang_do_not_hold_up_the_end() -> None:
    await finish(Ending(), Ending(hangs=True))


async def test_decisions_that_hang_take_the_dead_letters_with_them() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(PUBLISHING_S):
            await pipeline._finish(cast(Any, Ending(hangs=True)), cast(Any, Ending(hangs=True)))
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task() and not task.cancelling()] == []
