"""The HTTP app: routes, problems, and the way to the database. Talks to Postgres only, never to Kafka.

It has no login yet. Where anybody but this machine could ask, nothing that changes a patch is routed at all.
"""

from __future__ import annotations

from fastapi import FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware

from hitl_stream.sidecar import decision, health, patch, problem
from hitl_stream.sidecar.raw_path import RawPath
from hitl_stream.store.database import Database

LOOPBACK = frozenset(("127.0.0.1", "::1", "localhost"))


def create(database: Database | None = None, *, decisions: bool = False, hosts: list[str] | None = None) -> FastAPI:
    """The app. Without `database` it answers 503 until `app.state.database` is set.

    `decisions` adds the routes by which the local reviewer decides. `hosts` are the Host headers that are answered; a
    web page that had its own name point to this machine (DNS rebinding) would send another.
    """
    app = FastAPI(title="hitl-stream", docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.database = database
    problem.install(app)
    app.include_router(health.router)
    app.include_router(patch.router)
    if decisions:
        app.include_router(decision.router)
    app.add_middleware(RawPath)
    if hosts is not None:
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)
    return app
