"""A sidecar with its console on a port, in the test's own loop, so that a test can take it away and bring it back."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx2
import uvicorn

from hitl_stream.embedded.postgres import free_port
from hitl_stream.sidecar import app
from hitl_stream.sidecar.console import Console, Login
from hitl_stream.sidecar.demo_login import DemoIssuer
from hitl_stream.store.database import Database
from tests.harness import wait
from tests.sidecar.conftest import Upstream


class Issuer(DemoIssuer):
    """The demo's, whose next logins can be of a while ago, or of somebody else."""

    age_s: int = 0
    instead: str | None = None

    def token(self, name: str, now: int | None = None, **claims: Any) -> str:
        """As if the person had logged in `age_s` ago; where `instead` is set it is that one who sits there now."""
        return super().token(self.instead or name, int(time.time()) - self.age_s if now is None else now, **claims)


@dataclass
class Stage:
    """Everything a test plays with: what upstream sends, the sidecar, and who asks it beside the browser."""

    database: str
    upstream: Upstream
    port: int = field(default_factory=free_port)
    issuer: Issuer = field(init=False)
    _server: uvicorn.Server | None = None
    _serving: asyncio.Task[None] | None = None
    _reader: Database | None = None

    def __post_init__(self) -> None:
        self.issuer = Issuer(f"{self.url}/demo")

    @property
    def url(self) -> str:
        """Where the console is."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Serve, on the same port every time."""
        self._reader = await Database.open(
            self.database, "hitl_sidecar", size=4, name="test-sidecar", command_timeout_s=5
        )
        made = app.create(self._reader, self.issuer, served=Console("local", Login()))
        config = uvicorn.Config(
            made, port=self.port, log_config=None, access_log=False, ws="websockets-sansio", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._serving = asyncio.create_task(self._server.serve())
        await wait.until_async(self._has_started, 30.0)

    async def _has_started(self) -> bool:
        return self._server is not None and self._server.started

    async def stop(self) -> None:
        """Away: nobody answers on the port."""
        if self._server is not None and self._serving is not None and self._reader is not None:
            self._server.should_exit = True
            await self._serving
            await self._reader.close()
        self._server = None

    def client(self, name: str) -> httpx2.AsyncClient:
        """Asks as this person, beside the browser."""
        headers = {"Authorization": f"Bearer {self.issuer.token(name)}"}
        return httpx2.AsyncClient(base_url=self.url, headers=headers)

    async def review(self, number: int, **changes: Any) -> str:
        """A review that waits; its patch's id."""
        wanted = f"p-{number}"
        given: dict[str, Any] = {
            "patch_id": wanted,
            "apv_id": f"APV-{number}",
            "ml__confidence": 0.91,
            **changes,
        }
        path = f"app/f{number}.py"
        diff = f"--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-old {number}\n+new {number}\n"
        given.setdefault("patch__diff", diff)
        await self.upstream.result(f"e-{number}-{self.upstream.at}", **given)
        return str(given["patch_id"])

    async def multiply(self, count: int) -> None:
        """As many entries of the list, each like the one review that waits; behind them there are no patches."""
        owner = await asyncpg.connect(self.database)
        columns = [
            str(row["column_name"])
            for row in await owner.fetch(
                "SELECT column_name FROM information_schema.columns WHERE table_name = 'queue' AND is_generated = 'NEVER'"
                " ORDER BY ordinal_position"
            )
        ]
        values = ["'p-' || n" if name == "patch_id" else name for name in columns]
        await owner.execute(
            f"INSERT INTO queue ({', '.join(columns)})"
            f" SELECT {', '.join(values)} FROM queue, generate_series(2, $1::int) AS n",
            count,
        )
        await owner.close()

    async def decide(self, name: str, patch_id: str, action: str, **body: Any) -> httpx2.Response:
        """What somebody else does meanwhile."""
        async with self.client(name) as client:
            address = {"patch_id": patch_id}
            shown = await client.get("/hitl/patches/_/", params=address)
            seen = {"If-Match": shown.headers["etag"]}
            return await client.post(f"/hitl/patches/_/{action}", params=address, headers=seen, json=body)

    async def state(self, patch_id: str) -> str:
        """How a patch stands."""
        async with self.client("victor") as client:
            shown = await client.get("/hitl/patches/_/", params={"patch_id": patch_id})
            return str(shown.json()["state"])
