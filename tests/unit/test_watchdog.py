"""Stuck is: the loop does not turn, or nothing is recorded although something waits and nothing is missing."""

from __future__ import annotations

import pytest

from hitl_stream.stream.watchdog import Watchdog
from tests.harness import wait


@pytest.mark.parametrize(
    ("now", "loop_at", "expected_at", "progress_at", "reason"),
    [
        (100, 100, None, 0, None),  # nothing to do: not stuck, however long ago anything was done
        (100, 95, None, 0, None),
        (100, 80, None, 0, "the event loop has not turned for 20 s"),  # whatever is expected
        (100, 80, [99], 99, "the event loop has not turned for 20 s"),
        (100, 100, [50], 0, "nothing was recorded for 50 s, and nothing is missing for it"),
        (100, 100, [50], 95, None),  # it goes on, slowly
        (100, 100, [95], 0, None),  # expected only lately: the dependency was away before
        (100, 100, [50, None, 95], 0, None),  # away in between: counted anew
    ],
)
def test_what_is_stuck(
    now: float, loop_at: float, expected_at: list[float | None] | None, progress_at: float, reason: str | None
) -> None:
    is_expected = [False]
    dog = Watchdog(lambda: is_expected[0], lambda: progress_at, stuck_s=10, loop_at=loop_at)
    for at in expected_at or []:
        is_expected[0] = at is not None
        dog.loop_at = at or loop_at
        dog.look(at if at is not None else 0)
    dog.loop_at = loop_at
    assert dog.look(now) == reason


def test_it_ends_the_process_once_and_says_why() -> None:
    said: list[str] = []
    dog = Watchdog(lambda: False, lambda: 0.0, stuck_s=-1.0, end=said.append)
    dog.start()
    wait.until(lambda: said)
    assert said == ["the event loop has not turned for 1 s"]


def test_a_tick_says_that_the_loop_turns() -> None:
    dog = Watchdog(lambda: False, lambda: 0.0, stuck_s=10, loop_at=0)
    assert dog.look(20) is not None
    dog.tick()
    assert dog.look(dog.loop_at + 9) is None
