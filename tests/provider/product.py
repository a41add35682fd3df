"""The product as an operator runs it: a migrated database, a sidecar process that believes Keycloak, and the command."""

from __future__ import annotations

import itertools
import sys
from hashlib import sha256
from pathlib import Path
from signal import SIGTERM
from typing import Any

import asyncpg
import httpx2

from hitl_stream import settings
from hitl_stream.embedded.child import Child
from hitl_stream.embedded.postgres import free_port
from hitl_stream.store import position
from hitl_stream.store.database import Database
from hitl_stream.store.recording import Recorder
from tests.event import DIFF
from tests.harness import command, probe
from tests.harness import database as databases
from tests.sidecar.conftest import PLACES, RESULTS, Upstream

AUDIENCE = "hitl-stream"
DIGEST = f"sha256:{sha256(DIFF.encode()).hexdigest()}"
MAIN = "from hitl_stream.cli import main; main()"
START_TIMEOUT_S = 60.0


class Product:
    """One sidecar over one database; both are started with it. `stop` ends the sidecar."""

    def __init__(self, database_url: str, issuer: str, log: Path, client: str = "hitl-console") -> None:
        self.database_url = database_url
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._web = httpx2.Client(base_url=self.url, trust_env=False, timeout=30.0)
        self._numbers = itertools.count(1)
        unset = {f"HITL_{name.upper()}{end}": "" for name in settings.Settings.model_fields for end in ("", "_FILE")}
        environment = settings.child_environment(
            **unset
            | {
                "HITL_DATABASE_URL": database_url,
                "HITL_HTTP_PORT": str(port),
                "HITL_AUTH_ISSUER": issuer,
                "HITL_AUTH_AUDIENCE": AUDIENCE,
                "HITL_AUTH_CLIENT_ID": client,
                "no_proxy": "127.0.0.1",
            }
        )
        self._child = Child([sys.executable, "-c", MAIN, "sidecar"], log=log, env=environment, stop_signal=SIGTERM)
        self._child.wait_until(lambda: probe.get(port, "/readyz")[0] == 200, START_TIMEOUT_S)

    def stop(self) -> None:
        """End the sidecar."""
        self._child.stop()
        self._web.close()

    def access(self, *words: str) -> int:
        """`hitl-stream access`: its exit code."""
        given = ("--reason", "tests", "--by", "operator")
        return command.run("access", *words, *given, env={"HITL_DATABASE_URL": self.database_url})[0]

    def review(self, **changes: Any) -> str:
        """A result is recorded as a worker would, and a person is needed. Returns the patch id."""
        number = next(self._numbers)
        wanted = {"patch_id": f"p-{number}", "apv_id": f"APV-{number}", "ml__confidence": 0.9, **changes}
        databases.run(_record(self.database_url, f"e-{number}", wanted))
        return f"p-{number}"

    def get(self, path: str, token: str) -> httpx2.Response:
        """Ask something."""
        return self._web.get(path, headers=_bearer(token))

    def patch(self, patch_id: str, token: str) -> httpx2.Response:
        """The patch as this person sees it."""
        return self.get(f"/hitl/patches/{patch_id}", token)

    def gate(self, patch_id: str, token: str) -> httpx2.Response:
        """May it be deployed?"""
        return self.get(f"/hitl/patches/{patch_id}/gate?digest={DIGEST}", token)

    def version(self, patch_id: str, token: str) -> str:
        """The version that this person sees."""
        return str(self.patch(patch_id, token).headers["etag"])

    def say(self, patch_id: str, action: str, token: str, seen: str, body: Any = None) -> httpx2.Response:
        """What this person does to the version they saw."""
        headers = {**_bearer(token), "If-Match": seen}
        return self._web.post(f"/hitl/patches/{patch_id}/{action}", headers=headers, json=body)

    def rows(self) -> dict[str, list[str]]:
        """Every row of every table, but those by which processes say that they are there."""
        found: dict[str, list[str]] = {}

        async def ask() -> None:
            conn = await asyncpg.connect(self.database_url)
            for (table,) in await conn.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
                if table != "process":
                    found[table] = [row for (row,) in await conn.fetch(f"SELECT x::text FROM {table} AS x ORDER BY 1")]
            await conn.close()

        databases.run(ask())
        return found


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def _record(database_url: str, event_id: str, wanted: dict[str, Any]) -> None:
    async with Database.opened(database_url, "hitl_worker", name="test-worker") as worker:
        async with worker.connection() as conn:
            (claim,) = (await position.claim(conn, "cluster", RESULTS, {0: (0, PLACES)}, "id-1", "me")).values()
            await position.claim_shards(conn, [0], "me")
        await Upstream(Recorder(worker, "cluster"), claim.epoch, claim.next_offset).result(event_id, **wanted)
