"""CPU and memory of whole process trees. A process that ended is counted too: its time went to whoever waited for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import psutil


def _tree(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def cpu_s(pids: Iterable[int]) -> float:
    """Seconds of CPU that these processes and all their descendants have used, those that ended included."""
    total = 0.0
    for process in (process for pid in pids for process in _tree(pid)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def rss_bytes(pids: Iterable[int]) -> int:
    """Resident memory of these processes and all their descendants."""
    total = 0
    for process in (process for pid in pids for process in _tree(pid)):
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


@dataclass(frozen=True, slots=True)
class Usage:
    """Seconds of CPU by who used them."""

    contestant_s: float
    postgres_s: float
    broker_s: float

    def __sub__(self, earlier: Usage) -> Usage:
        return Usage(
            self.contestant_s - earlier.contestant_s,
            self.postgres_s - earlier.postgres_s,
            self.broker_s - earlier.broker_s,
        )


@dataclass(frozen=True, slots=True)
class Meter:
    """Reads the usage of one run's processes."""

    contestant: tuple[int, ...]
    postgres: int
    broker: int

    def read(self) -> Usage:
        """The usage until now."""
        return Usage(cpu_s(self.contestant), cpu_s([self.postgres]), cpu_s([self.broker]))


def until(condition: Callable[[], object], deadline_s: float, poll_s: float = 0.05) -> bool:
    """Wait until the condition holds; whether it did before the deadline."""
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(poll_s)
    return True


def slope(points: Iterable[tuple[float, float]]) -> float:
    """Rise of y per x by least squares; 0 where nothing can be said."""
    known = list(points)
    if len(known) < 2:
        return 0.0
    mean_x = sum(x for x, _ in known) / len(known)
    mean_y = sum(y for _, y in known) / len(known)
    spread = sum((x - mean_x) ** 2 for x, _ in known)
    return sum((x - mean_x) * (y - mean_y) for x, y in known) / spread if spread else 0.0


def percentile(values: Iterable[float], share: float) -> float:
    """The value that `share` of all do not exceed, by nearest rank. Raises ValueError when there are none."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values")
    rank = max(1, -(-round(share * 1_000_000) * len(ordered) // 1_000_000))
    return ordered[rank - 1]
