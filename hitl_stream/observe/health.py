"""`/livez`, `/readyz` and `/metrics` of a worker or scheduler, on its own port.

Alive means that the loop turns: never Postgres, Kafka or lag, for restarting mends none of them. What ready means is said by
whom it is about.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from errno import EADDRINUSE

from aiohttp import web

from hitl_stream.errors import Fatal
from hitl_stream.observe import log, metrics

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
        """Listen. Where the port is taken, a free one serves, and the log says which: deciding must not hang on a port.

        Raises Fatal when the address cannot be had at all.
        """
        app = web.Application()
        app.router.add_get("/livez", self._livez)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as failure:
            if failure.errno != EADDRINUSE:
                raise Fatal(f"cannot serve health and metrics on {host}:{port}: {failure.strerror}") from failure
            await web.TCPSite(self._runner, host, 0).start()
            log.get().warning("metrics_port_taken", port=port, served_on=self.port)

    @property
    def port(self) -> int | None:
        """Where it listens; None while it does not."""
        return self._runner.addresses[-1][1] if self._runner and self._runner.addresses else None

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
