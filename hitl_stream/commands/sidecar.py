"""`hitl-stream sidecar`: the HTTP service."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from hitl_stream import settings
from hitl_stream.observe import log, tracing


def run(
    host: Annotated[str | None, typer.Option(help="Default: HITL_HTTP_HOST, 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Default: HITL_HTTP_PORT, 8027.", min=1, max=65_535)] = None,
) -> None:
    """Serve reviews, decisions, the gate and health over HTTP, to people for whom HITL_AUTH_ISSUER vouches.

    Without an issuer the demo's own login is there, in environment local on this machine only (`hitl-stream token NAME`).
    """
    from hitl_stream.sidecar import server  # a second of imports that no other command needs

    given = {name: value for name, value in (("http_host", host), ("http_port", port)) if value is not None}
    chosen = settings.load(**given)
    log.configure(chosen.log_format, "sidecar")
    tracing.start(chosen.traces_endpoint, "hitl-sidecar")
    with asyncio.Runner(loop_factory=server.loop_factory()) as runner:
        runner.run(server.serve(chosen))
    tracing.stop()
