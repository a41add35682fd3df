"""A real `hitl-stream scheduler`, to be asked, frozen and killed."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from hitl_stream.embedded.child import Child
from hitl_stream.embedded.postgres import free_port
from tests.harness import probe, wait

MAIN = "from hitl_stream.cli import main; main()"


class Running:
    """One scheduler process on a database."""

    def __init__(self, database_url: str, log: Path) -> None:
        self.log = log
        self.port = free_port()
        environment = {**os.environ, "HITL_DATABASE_URL": database_url, "HITL_METRICS_PORT": str(self.port)}
        self._child = Child(
            [sys.executable, "-c", MAIN, "scheduler"],
            log=log,
            env=environment,
            cwd=Path.cwd(),
            stop_signal=signal.SIGTERM,
        )

    @property
    def code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._child._process.poll()

    def text(self) -> str:
        """What it wrote."""
        return self.log.read_text(errors="replace")

    def get(self, path: str) -> tuple[int, str]:
        """Ask its health port; 0 when it does not listen."""
        return probe.get(self.port, path)

    def metrics(self) -> dict[str, float]:
        """Every sample by its name with labels."""
        lines = [line for line in self.get("/metrics")[1].splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    @property
    def active(self) -> bool:
        """Whether it says that it holds the lease."""
        return self.metrics().get("hitl_scheduler_active") == 1.0

    def wait_active(self, deadline_s: float = 60.0) -> Running:
        """Wait until it does the duties."""
        wait.until(lambda: self.active or self.code is not None, deadline_s)
        assert self.code is None, self.text()
        return self

    def wait_ended(self, deadline_s: float) -> int:
        """Wait until it is gone; its exit code."""
        wait.until(lambda: self.code is not None, deadline_s)
        assert self.code is not None
        return self.code

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self._child.pid, number)

    def kill(self) -> None:
        """kill -9. Doing so twice is harmless."""
        self._child.kill()
