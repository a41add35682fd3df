"""A thread of the engine that still asks the main loop for something when it ends, as the consumer's does in a rebalance."""

from __future__ import annotations

import asyncio

from hitl_stream.stream.transport import ConsumerThread, EndsAside

WAIT_S = 10.0


class Asking(EndsAside):
    """What is under way in it ends only when it has an answer."""

    answered = False

    async def on_thread_started(self) -> None:
        """Begin what will be cancelled."""
        self._under_way = asyncio.create_task(self._ask_at_the_end())

    async def _ask_at_the_end(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            asked = asyncio.run_coroutine_threadsafe(self._answer(), self.parent_loop)
            await asyncio.wrap_future(asked)

    async def _answer(self) -> None:
        self.answered = True


async def test_its_end_is_waited_for_by_a_loop_that_goes_on() -> None:
    thread = Asking(loop=asyncio.get_running_loop())
    await thread.start()
    async with asyncio.timeout(WAIT_S):
        await thread.stop()
    assert thread.answered
    assert thread._thread is not None
    assert thread._thread.is_stopped.is_set()


def test_the_consumers_thread_ends_so() -> None:
    assert ConsumerThread.stop is EndsAside.stop
    assert ConsumerThread.Worker is EndsAside.Worker
