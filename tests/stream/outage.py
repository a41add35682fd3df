"""Ways to take Postgres or Kafka away and to bring them back: an orderly stop, kill -9, and freezing all their processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import psutil

from tests.harness.kafka import KafkaServer
from tests.harness.postgres import PostgresServer


@dataclass(slots=True)
class Dependencies:
    """Servers of a test's own. `restore` brings both back, whatever was done to them."""

    postgres: PostgresServer
    kafka: KafkaServer
    _back: list[Callable[[], object]] = field(default_factory=list)

    def take_away(self, what: str, how: str) -> None:
        """`what` is postgres or kafka, `how` is stopped, killed or frozen."""
        if how == "frozen":
            server = self.postgres if what == "postgres" else self.kafka
            frozen = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
            _to_each("suspend", frozen)
            self._back.append(partial(_to_each, "resume", frozen))
        elif what == "postgres":
            (self.postgres.halt if how == "stopped" else self.postgres.kill)()
            self._back.append(self.postgres.start)
        else:
            (self.kafka.stop if how == "stopped" else self.kafka.kill)()
            self._back.append(self.kafka.start)

    def restore(self) -> None:
        """Everything is there again."""
        while self._back:
            self._back.pop()()


def _to_each(act: str, processes: list[psutil.Process]) -> None:
    for process in processes:
        try:
            getattr(process, act)()
        except psutil.NoSuchProcess:
            continue
