"""Postgres with fsync on, an OpenID provider's keys, and the process under test: the sidecar, or the bare route."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.request import urlopen

from benchmarks.pipeline import measure
from hitl_stream.embedded.postgres import free_port
from tests.harness.postgres import PostgresServer
from tests.harness.provider import Provider

POSTGRES = {
    "shared_buffers": "2GB",
    "max_wal_size": "16GB",
    "checkpoint_timeout": "30min",
    "maintenance_work_mem": "1GB",
    "effective_cache_size": "8GB",
}
READY_S, STOP_S = 30.0, 15.0
PEOPLE = 20  # rate limits are per person: these together may do more than a machine can


@dataclass(frozen=True, slots=True)
class Served:
    """A process that answers HTTP."""

    url: str
    pid: int


class Stand:
    """Everything that runs as long as the benchmark does."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with self._stack as stack:
            self.postgres = stack.enter_context(PostgresServer(durable=True, options=POSTGRES))
            self.provider = stack.enter_context(Provider())
            self._stack = stack.pop_all()
        self.people = [f"reviewer-{number}" for number in range(PEOPLE)]
        self.tokens = [self.provider.token(person) for person in self.people]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @contextmanager
    def sidecar(self, database_url: str) -> Iterator[Served]:
        """The product, started as a user would."""
        command = str(Path(sys.executable).with_name("hitl-stream"))
        with _serving([command, "sidecar"], self._environment(database_url), "/readyz") as served:
            yield served

    @contextmanager
    def bare(self, database_url: str) -> Iterator[Served]:
        """The bare route."""
        module = [sys.executable, "-m", "benchmarks.sidecar.bare"]
        with _serving(module, self._environment(database_url), "/openapi.json", with_port=True) as served:
            yield served

    def _environment(self, database_url: str) -> dict[str, str]:
        return {**os.environ, "HITL_DATABASE_URL": database_url, **self.provider.environment()}


@contextmanager
def _serving(
    command: list[str], environment: Mapping[str, str], probe: str, *, with_port: bool = False
) -> Iterator[Served]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    words = [*command, str(port)] if with_port else command
    child = subprocess.Popen(
        words, env={**environment, "HITL_HTTP_PORT": str(port)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        if not measure.until(lambda: _answers(url + probe), READY_S):
            raise RuntimeError(f"{words} is not ready after {READY_S:.0f} s")
        yield Served(url, child.pid)
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=1) as answer:  # noqa: S310 - loopback
            return bool(answer.status == 200)
    except OSError:
        return False
