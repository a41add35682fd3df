"""`/livez`, `/readyz` and `/metrics` of a worker or scheduler, on its own port.

Alive means that the loop turns: never Postgres, Kafka or lag, for restarting mends none of them. What ready means is said by
whom it is about.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from hitl_stream.errors import Fatal
from hitl_stream.observe import metrics

TICK_S = 0.25
LOOP_LAG_MAX_S = 5.0


@dataclass(slots=True)
class Health:
    """`unready` names what is missing; `tick` is called as long as the loop turns."""

    unready: Callable[[], list[str]]
    tick: Callable[[], None]
    _lags_s: list[float] = field(default_factory=lambda: [0.0])
    _runner: web.AppRunner | None = None

    async def serve(self, host: str, port: int) -> None:
        """Listen. Raises Fatal when the port is taken."""
        app = web.Application()
        app.router.add_get("/livez", self._livez)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as failure:
            raise Fatal(f"cannot serve health and metrics on {host}:{port}: {failure.strerror}") from failure

    async def close(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def watch(self) -> None:
        """Measure how late the loop is, until cancelled."""
        while True:
            due = time.monotonic() + TICK_S
            await asyncio.sleep(TICK_S)
            self._lags_s = [*self._lags_s[-40:], time.monotonic() - due]
            self.tick()

    async def _livez(self, _: web.Request) -> web.Response:
        late_s = max(self._lags_s)
        alive = late_s < LOOP_LAG_MAX_S
        return web.Response(
            status=200 if alive else 503, text="ok\n" if alive else f"the loop was {late_s:.1f} s late\n"
        )

    async def _readyz(self, _: web.Request) -> web.Response:
        missing = self.unready()
        return web.json_response({"ready": not missing, "missing": missing}, status=503 if missing else 200)

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=metrics.exposition(), headers={"Content-Type": metrics.CONTENT_TYPE})
