"""Whether a process still does anything, however it ends while it is being asked."""

from __future__ import annotations

from collections.abc import Iterable

import psutil

from tests.harness import wait

END_S = 30.0


def lives(process: psutil.Process) -> bool:
    """Whether it runs, or may run again. One that only waits for its parent to hear of its end does neither."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_ended(processes: Iterable[psutil.Process]) -> None:
    """Return when none of them lives any more. Raises AssertionError after `END_S`."""
    asked = list(processes)
    wait.until(lambda: not any(map(lives, asked)), END_S)
