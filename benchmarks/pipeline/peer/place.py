"""What a contestant's process is told, in one variable of its environment: where to work and on what."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

VARIABLE = "BENCHMARK_PLACE"


@dataclass(frozen=True, slots=True)
class Place:
    """One process of one run. `topics` are physical names by logical ones; the last six are for those who need no input."""

    bootstrap: str
    database_url: str
    group: str
    topics: Mapping[str, str]
    folder: str
    size: int
    events: int
    warm_up: int
    seed: int
    part: int
    parts: int

    def environment(self) -> dict[str, str]:
        """The variable that `read` reads."""
        return {VARIABLE: json.dumps(asdict(self))}

    @property
    def ready(self) -> Path:
        """Made by a process that has no consumer group to be seen in, when it is ready."""
        return Path(self.folder) / f"ready.{self.part}"

    @property
    def go(self) -> Path:
        """Made by the benchmark when such a process shall start."""
        return Path(self.folder) / "go"


def read() -> Place:
    """This process's place."""
    return Place(**json.loads(os.environ[VARIABLE]))
