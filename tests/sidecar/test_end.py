"""A real sidecar that is told to end: it takes its leave, sends what it has, and says that all is well."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from signal import SIGINT, SIGTERM, Signals

import asyncpg
import httpx2
import pytest

from hitl_stream.embedded.postgres import free_port
from tests.harness import database as databases
from tests.harness import probe, wait
from tests.harness.postgres import PostgresServer
from tests.harness.spans import Spans

MAIN = "from hitl_stream.cli import main; main()"
TRACED = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
HAS_LEFT = "SELECT seen_at = '-infinity' FROM process WHERE kind = 'sidecar'"


@pytest.mark.parametrize("number", [SIGTERM, SIGINT])
async def test_a_sidecar_that_is_told_to_end_takes_its_leave(
    postgres: PostgresServer, tmp_path: Path, number: Signals
) -> None:
    with databases.migrated(postgres) as url, Spans() as spans, (tmp_path / "log").open("wb") as log:
        port = free_port()
        told = {"HITL_DATABASE_URL": url, "HITL_HTTP_PORT": str(port), "HITL_TRACES_ENDPOINT": spans.endpoint}
        sidecar = subprocess.Popen([sys.executable, "-c", MAIN, "sidecar"], env={**os.environ, **told}, stderr=log)
        try:
            wait.until(lambda: probe.get(port, "/readyz")[0] == 200, 30)
            async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
                login = (await client.post("/demo/token", json={"name": "alice"})).json()["access_token"]
                sent = {**TRACED, "Authorization": f"Bearer {login}"}
                assert (await client.get("/hitl/patches/nobody", headers=sent)).status_code == 404
                assert (await client.get("/hitl/patches/nobody", headers=TRACED)).status_code == 401
                assert (await client.get("/livez", headers=TRACED)).status_code == 200
            sidecar.send_signal(number)
            assert sidecar.wait(20) == 0
        finally:
            sidecar.kill()
        connection = await asyncpg.connect(url)
        assert await connection.fetchval(HAS_LEFT) is True
        await connection.close()
        (span,) = spans.found
    assert (span.process, span.name, span.trace_id) == ("hitl-sidecar", "GET /hitl/patches/{patch_id}", "a" * 32)
