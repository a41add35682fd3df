"""Whether a dependency is away: said once when it goes and once when it is back, and shown all the time as a metric."""

from __future__ import annotations

import time
from dataclasses import dataclass

from hitl_stream.observe import log, metrics


@dataclass(slots=True)
class Breaker:
    """Postgres or Kafka, as the last attempt found it. It only tells; who retries decides how."""

    dependency: str
    _open_since: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether the last attempt failed."""
        return self._open_since is not None

    def failed(self, failure: object) -> None:
        """An attempt found it away."""
        if self._open_since is None:
            self._open_since = time.monotonic()
            metrics.set_breaker(self.dependency, is_open=True)
            log.get().warning("dependency_lost", dependency=self.dependency, reason=str(failure))

    def worked(self) -> None:
        """An attempt went through."""
        if self._open_since is not None:
            away_s = round(time.monotonic() - self._open_since, 1)
            self._open_since = None
            metrics.set_breaker(self.dependency, is_open=False)
            log.get().info("dependency_returned", dependency=self.dependency, away_s=away_s)
