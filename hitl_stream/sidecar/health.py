"""Probes and the description of it all. Liveness says that the loop turns, readiness that the database answers."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from hitl_stream.errors import Unavailable
from hitl_stream.observe import metrics
from hitl_stream.sidecar import openapi, reply
from hitl_stream.sidecar.asked import database
from hitl_stream.store import outbox, review

router = APIRouter()


@router.get("/livez")
async def live() -> Response:
    """The process answers. Restarting it would not bring a database back, so that is not asked here."""
    return reply.make({"status": "ok"}).response()


@router.get("/readyz")
async def ready(request: Request) -> Response:
    """The database answers; otherwise 503."""
    async with database(request, reserved=True).connection() as conn:
        await review.check_database(conn)
    return reply.make({"status": "ok"}).response()


@router.get("/openapi.json")
async def describe() -> Response:
    """What can be asked, for machines."""
    return Response(openapi.document_text(), media_type="application/json")


@router.get("/metrics")
async def show_metrics(request: Request) -> Response:
    """What Prometheus scrapes. The outbox is looked at here too, because its worker may be dead."""
    try:
        async with database(request).connection() as conn:
            metrics.set_oldest_ages(*await outbox.oldest_age(conn))
            metrics.GLASS_UNREVIEWED.set(await review.count_unreviewed_glass(conn))
            metrics.DEPLOYMENT_ALARMS.set(await review.count_deployment_alarms(conn))
        metrics.set_breaker("postgres", is_open=False)
    except Unavailable:
        metrics.set_breaker("postgres", is_open=True)
    return Response(metrics.exposition(), media_type=metrics.CONTENT_TYPE, headers={"Cache-Control": "no-store"})
