"""Both dependencies of a worker, as the last attempts found them."""

from __future__ import annotations

from dataclasses import dataclass

from hitl_stream.errors import Unavailable
from hitl_stream.observe.breaker import Breaker

__all__ = ["Breaker", "Breakers", "BrokerAway"]


class BrokerAway(Unavailable):
    """Kafka does not answer, or answers that it cannot at the moment."""


@dataclass(frozen=True, slots=True)
class Breakers:
    """Both dependencies."""

    postgres: Breaker
    kafka: Breaker

    def failed(self, failure: Unavailable) -> None:
        """One of them is away; the failure says which."""
        (self.kafka if isinstance(failure, BrokerAway) else self.postgres).failed(failure)

    @property
    def open(self) -> list[str]:
        """What is away."""
        return [breaker.dependency for breaker in (self.postgres, self.kafka) if breaker.is_open]
