"""Real Postgres servers on loopback: 15, the oldest that must work. With kill and restart for fault tests.

Usable outside pytest, as `with PostgresServer() as postgres:`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from signal import Signals

import psutil

from hitl_stream.embedded.postgres import Postgres
from hitl_stream.errors import Fatal

VERSION = "15"
DEBIAN = Path(f"/usr/lib/postgresql/{VERSION}/bin")


def installed_binaries() -> Path:
    """The binaries of Postgres 15. Raises Fatal when they are not installed."""
    if (DEBIAN / "postgres").exists():
        return DEBIAN
    found = shutil.which("postgres")
    if found is None or not (Path(found).resolve().parent / "initdb").exists():
        raise Fatal(f"no PostgreSQL {VERSION} server in {DEBIAN} or on PATH")
    return Path(found).resolve().parent


class PostgresServer(Postgres):
    """A server of the installed Postgres 15; it survives what fault tests do to it.

    Data are in a temporary folder. `durable=True` keeps fsync on: needed where a test kills it and counts rows afterwards.
    """

    def __init__(
        self, *, binaries: Path | None = None, durable: bool = False, options: Mapping[str, str] | None = None
    ) -> None:
        kept = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"} if durable else {}
        super().__init__(binaries=binaries or installed_binaries(), options={**kept, **(options or {})})

    @property
    def pid(self) -> int:
        """The postmaster's process. Raises Fatal while there is none."""
        if self._child is None:
            raise Fatal("Postgres is not running")
        return self._child.pid

    def is_alive(self) -> bool:
        """Whether the postmaster runs."""
        return self._child is not None and self._child.alive

    def kill(self) -> None:
        """kill -9 of every process of the server, as when the machine dies."""
        if self._child is None:
            return
        sessions = psutil.Process(self.pid).children(recursive=True)
        self._child.kill()
        for session in sessions:
            with suppress(psutil.NoSuchProcess):
                session.kill()
        psutil.wait_procs(sessions, timeout=10)
        self._child = None

    def strike(self, number: Signals) -> None:
        """A signal to the postmaster alone, that ends it; return when its children have noticed."""
        sessions = psutil.Process(self.pid).children(recursive=True)
        os.kill(self.pid, number)
        if self._child is not None:
            self._child.stop()
            self._child = None
        psutil.wait_procs(sessions, timeout=60)

    def halt(self) -> None:
        """An orderly stop that keeps the data for another `start`."""
        if self._child:
            self._child.stop()
            self._child = None

    def restart(self) -> None:
        """Stop and start with the same data and port."""
        self.halt()
        self.start()
