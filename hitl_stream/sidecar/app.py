"""The HTTP app: routes, problems, who may, and the way to the database. Talks to Postgres only, never to Kafka."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from fastapi import APIRouter, FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware

from hitl_stream.sidecar import (
    analytics,
    audit,
    batch,
    console,
    courtesy,
    decision,
    demo_login,
    feedback,
    health,
    hub,
    live,
    me,
    patch,
    problem,
    queue,
)
from hitl_stream.sidecar.console import Console, Login
from hitl_stream.sidecar.demo_login import DemoIssuer
from hitl_stream.sidecar.observing import Observing
from hitl_stream.sidecar.rate import Limiter, Rates
from hitl_stream.sidecar.raw_path import RawPath
from hitl_stream.sidecar.token import Verifier
from hitl_stream.store.database import Database


def routers(who: Verifier | DemoIssuer) -> Sequence[APIRouter]:
    """All routes; those of the demo's login only where that vouches for people."""
    always = tuple(
        module.router
        for module in (health, me, queue, batch, patch, decision, courtesy, audit, analytics, live, feedback, console)
    )
    return (*always, demo_login.router) if isinstance(who, DemoIssuer) else always


def connect(app: FastAPI, database: Database | None, reserved: Database | None = None) -> None:
    """Give the app its way to Postgres, and one that only the gate and the probes use."""
    app.state.database = database
    app.state.reserved_database = reserved or database


def create(
    database: Database | None,
    who: Verifier | DemoIssuer,
    *,
    hosts: list[str] | None = None,
    origins: Collection[str] = (),
    rates: Rates | None = None,
    served: Console | None = None,
) -> FastAPI:
    """The app. Without `database` it answers 503 until `connect` gives it one; without `rates` nobody is slowed down.

    `who` vouches for people: a configured issuer, or that of the demo, which brings its routes along. `hosts` are the Host
    headers that are answered; a web page that had its own name point to this machine (DNS rebinding) would send another.
    Pages of `origins` may listen to live updates, as those of this host always may. `served` is the console, by default as a
    demo has it.
    """
    app = FastAPI(title="hitl-stream", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    connect(app, database)
    app.state.origins = frozenset(origins)
    app.state.hub = hub.Hub()
    app.state.console = served or Console("local", Login())
    app.state.limiter = None if rates is None else Limiter(rates)
    problem.install(app)
    for router in routers(who):
        app.include_router(router)
    if isinstance(who, DemoIssuer):
        app.state.demo_issuer = who
        app.state.verifier = who.verifier()
    else:
        app.state.verifier = who
    app.add_middleware(RawPath)
    if hosts is not None:
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)
    app.add_middleware(Observing)
    return app
