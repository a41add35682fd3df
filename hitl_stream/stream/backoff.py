"""How long to wait before the next attempt: full jitter, so that workers that failed together do not return together."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

BASE_S = 0.05
MAX_S = 5.0
LEAST_S = 0.01  # never a busy loop, however the dice fall


@dataclass(slots=True)
class Backoff:
    """The waits of one thing that keeps failing; `reset` when it worked."""

    base_s: float = BASE_S
    max_s: float = MAX_S
    attempt: int = 0

    def next_s(self) -> float:
        """Seconds to wait now; the bound doubles with each attempt."""
        bound = min(self.max_s, self.base_s * 2.0 ** min(self.attempt, 30))
        self.attempt += 1
        return max(LEAST_S, random.uniform(0.0, bound))  # noqa: S311 - spreads load, guards nothing

    async def wait(self) -> None:
        """Wait as long as `next_s` says."""
        await asyncio.sleep(self.next_s())

    def reset(self) -> None:
        """The next failure is the first one again."""
        self.attempt = 0
