"""Starts everything that `hitl-stream demo` shows: Postgres and broker embedded, our processes as children of this one.

A child that ends is started again, so that anybody may `kill -9` one and look. At the end nothing is left behind; the guard
of each child sees to it even if this process is killed.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from http.client import HTTPException
from importlib.util import find_spec
from pathlib import Path
from signal import SIGTERM
from threading import Event as Flag
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from hitl_stream import settings
from hitl_stream.contract import topics
from hitl_stream.embedded.child import Child
from hitl_stream.embedded.kafka import Kafka
from hitl_stream.embedded.postgres import Postgres, free_port
from hitl_stream.errors import Fatal
from hitl_stream.review.role import DEMO_PEOPLE, demo_group
from hitl_stream.store import access, migration
from hitl_stream.store.database import Database

READY_TIMEOUT_S = 60.0
PROBE_TIMEOUT_S = 2.0
RESTARTS_MAX = 20
DATABASE = "postgres"


class Stage:
    """All processes of one demo. Without a folder everything lives in a temporary one."""

    def __init__(self, folder: Path | None, http_port: int, metrics_port: int) -> None:
        self.topics = topics.load()
        self.http_url = f"http://127.0.0.1:{http_port}"
        self.metrics_url = f"http://127.0.0.1:{metrics_port}"
        self._http_port = http_port
        self._metrics_port = metrics_port
        self._scheduler_port = free_port()
        self.kept = folder is not None
        self.folder = _folder(folder)
        self._postgres = Postgres(self.folder if self.kept else None)
        self._kafka = Kafka(self.topics)
        self._children: dict[str, Child] = {}
        self._restarts = 0

    @property
    def copy(self) -> Path:
        """Eureka's copy of the decisions."""
        return self.folder / "eureka.jsonl"

    @property
    def database_url(self) -> str:
        """Where Postgres is, with the password in it."""
        return self._postgres.url(DATABASE)

    @property
    def bootstrap_servers(self) -> str:
        """Where the broker is."""
        return self._kafka.bootstrap_servers

    def logs(self) -> dict[str, Path]:
        """What each child writes."""
        return {name: self._log(name) for name in self._commands()}

    def start(self, stop: Flag | None = None) -> None:
        """Start everything and return when it is ready, or `stop` is set. Raises Fatal, Unavailable, MigrationFailed."""
        stopped = (stop or Flag()).is_set
        self._kafka.start()
        self._postgres.start()
        asyncio.run(_prepare(self.database_url))
        for name in self._commands():
            self._start(name)
        for name, url in (("sidecar", self.http_url), ("worker", self.metrics_url)):
            self._children[name].wait_until(partial(_answers, f"{url}/readyz", stopped), READY_TIMEOUT_S)

    def revive(self) -> list[str]:
        """Start again whatever ended. Returns the names. Raises Fatal when it happens too often."""
        ended = [name for name, child in self._children.items() if not child.alive]
        for name in ended:
            self._restarts += 1
            if self._restarts > RESTARTS_MAX:
                raise Fatal(f"{name} ended again and again:\n{self._children[name].log_tail()}")
            self._children[name].stop()
            self._start(name)
        return ended

    def stop(self) -> None:
        """End everything, remove what is temporary. Doing so twice is harmless."""
        for child in reversed(self._children.values()):
            child.stop()
        self._children.clear()
        self._kafka.stop()
        self._postgres.stop()
        if not self.kept:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self, name: str) -> None:
        self._children[name] = Child(
            self._commands()[name],
            log=self._log(name),
            env=settings.child_environment(**self._variables(name)),
            stop_signal=SIGTERM,
            remove=None if self.kept else self.folder,
        )

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def _commands(self) -> Mapping[str, list[str]]:
        ours = [sys.executable, "-c", "from hitl_stream.cli import main; main()"]
        return {
            "worker": [*ours, "worker", "--processes", "1"],
            "sidecar": [*ours, "sidecar"],
            "scheduler": [*ours, "scheduler"],
            "eureka": [sys.executable, str(_example()), "--bootstrap", self.bootstrap_servers, "--out", str(self.copy)],
        }

    def _variables(self, name: str) -> dict[str, str]:
        """The children's settings; what is set for some other installation must not reach them."""
        unset = {f"HITL_{name.upper()}{end}": "" for name in settings.Settings.model_fields for end in ("", "_FILE")}
        return {
            **unset,
            "HITL_DATABASE_URL": self.database_url,
            "HITL_KAFKA_BOOTSTRAP_SERVERS": self.bootstrap_servers,
            "HITL_HTTP_PORT": str(self._http_port),
            "HITL_METRICS_PORT": str(self._scheduler_port if name == "scheduler" else self._metrics_port),
            "HITL_LOG_FORMAT": "json",
        }


async def _prepare(database_url: str) -> None:
    """The schema, and what the people of the demo may do."""
    await migration.up(database_url)
    async with (
        Database.opened(database_url, "hitl_operator", name="hitl-demo") as database,
        database.transaction() as conn,
    ):
        for role in {role for roles in DEMO_PEOPLE.values() for role in roles}:
            await access.grant(conn, demo_group(role), role, "demo", "the people of the demo")


def _folder(folder: Path | None) -> Path:
    if folder is None:
        return Path(tempfile.mkdtemp(prefix="hitl-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def _example() -> Path:
    """The example of a consumer: beside the package in a checkout, inside it once installed. Raises Fatal."""
    spec = find_spec("hitl_stream")
    package = Path(spec.origin).parent if spec and spec.origin else Path()
    for place in (package.parent, package):
        if (place / "examples" / "eureka_consumer.py").exists():
            return place / "examples" / "eureka_consumer.py"
    raise Fatal("examples/eureka_consumer.py is missing from this installation")


def _answers(url: str, stopped: Callable[[], bool]) -> bool:
    """Whether a probe says 200, or nobody wants to know any more."""
    if stopped():
        return True
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=PROBE_TIMEOUT_S) as response:
            return bool(response.status == 200)
    except (URLError, HTTPException, OSError):
        return False
