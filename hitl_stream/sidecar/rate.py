"""How often one person may ask one route: a script that runs wild is told when to come again, and nobody else notices.

Counted in this process: with n replicas somebody may ask n times as often.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from hitl_stream.sidecar.problem import Problem

WINDOW_S = 10


@dataclass(frozen=True, slots=True)
class Rates:
    """Requests of one person to one route in WINDOW_S: to the gate, to read anything else, and to change something."""

    gate: int = 10_000
    read: int = 2_000
    change: int = 1_000


@dataclass(slots=True)
class Limiter:
    """Counts. `clock` is that of the library: seconds since the epoch."""

    rates: Rates
    clock: Callable[[], float] = time.time
    _counted: SlidingWindowCounterRateLimiter = field(
        default_factory=lambda: SlidingWindowCounterRateLimiter(MemoryStorage())
    )

    def admit(self, person: str, method: str, route: str) -> None:
        """Count one request. Raises Problem 429."""
        allowed = (
            self.rates.change if method == "POST" else self.rates.gate if route.endswith("/gate") else self.rates.read
        )
        item = RateLimitItemPerSecond(allowed, WINDOW_S)
        if not self._counted.hit(item, person, method, route):
            after = max(
                1, math.ceil(self._counted.get_window_stats(item, person, method, route).reset_time - self.clock())
            )
            told = f"At most {allowed} in {WINDOW_S} s."
            raise Problem(429, "too-many-requests", "Too many requests", told, headers={"Retry-After": str(after)})
