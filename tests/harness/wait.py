"""Waiting for a condition, with a deadline. The only place in the tests that lets time pass."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

POLL_S = 0.02


def until(condition: Callable[[], object], deadline_s: float = 15.0) -> None:
    """Return when the condition holds. Raises AssertionError at the deadline."""
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"still not so after {deadline_s} s: {condition}")
        time.sleep(POLL_S)


async def turn() -> None:
    """Let the event loop turn once."""
    await asyncio.sleep(0)


async def until_async(condition: Callable[[], Awaitable[object]], deadline_s: float = 15.0) -> None:
    """The same for a condition that must be awaited."""
    end = time.monotonic() + deadline_s
    while not await condition():
        if time.monotonic() > end:
            raise AssertionError(f"still not so after {deadline_s} s: {condition}")
        await asyncio.sleep(POLL_S)


async def pace(seconds: float) -> None:
    """Wait for nothing: people and clients that take turns are not always at it."""
    await asyncio.sleep(seconds)
