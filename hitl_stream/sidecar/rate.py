"""How often one person may ask one route: a script that runs wild is told when to come again, and nobody else notices.

Counted in this process: with n replicas somebody may ask n times as often. A sliding window is taken as the share of the last
window that it still covers, plus this one: two numbers for each person and route, forgotten after two windows (0017).
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from hitl_stream.sidecar.problem import Problem

WINDOW_S = 10

Who = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Rates:
    """Requests of one person to one route in WINDOW_S: to the gate, to read anything else, and to change something."""

    gate: int = 10_000
    read: int = 2_000
    change: int = 1_000


@dataclass(slots=True)
class Limiter:
    """Counts. `clock` gives seconds."""

    rates: Rates
    clock: Callable[[], float] = time.monotonic
    _window: int = 0
    _now: Counter[Who] = field(default_factory=Counter)
    _before: Counter[Who] = field(default_factory=Counter)

    def admit(self, person: str, method: str, route: str) -> None:
        """Count one request. Raises Problem 429; what is refused does not count."""
        rates = self.rates
        allowed = rates.change if method == "POST" else rates.gate if route.endswith("/gate") else rates.read
        who, passed_s = (person, method, route), self._passed_s()
        before, now = self._before[who], self._now[who]
        if before * (1 - passed_s / WINDOW_S) + now >= allowed:
            headers = {"Retry-After": str(_wait_s(before, now, allowed, passed_s))}
            raise Problem(
                429, "too-many-requests", "Too many requests", f"At most {allowed} in {WINDOW_S} s.", headers=headers
            )
        self._now[who] = now + 1

    def _passed_s(self) -> float:
        """How much of this window has passed; a new one begins where it is over."""
        window, passed_s = divmod(self.clock(), WINDOW_S)
        if window != self._window:
            self._before = self._now if window == self._window + 1 else Counter()
            self._now, self._window = Counter(), int(window)
        return passed_s


def _wait_s(before: int, now: int, allowed: int, passed_s: float) -> int:
    """Seconds until one more fits: in this window, or when enough of it has slid out of the next."""
    if now < allowed:
        wait_s = WINDOW_S * (1 - (allowed - now) / before) - passed_s
    else:
        wait_s = WINDOW_S - passed_s + WINDOW_S * (1 - allowed / now)
    return max(1, math.floor(wait_s) + 1)
