"""The floor: one route on FastAPI and asyncpg that rejects a patch by the same SQL, and nothing else.

On the same event loop, HTTP parser and pool as the product. No login, no rate limit, no Idempotency-Key, no request id, no
log, no metrics, no problems; what the database is told (ids, the message that it compares) is made by the product's pure
code, because the SQL asks for it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import orjson
import uvicorn
from fastapi import FastAPI, Request, Response

from hitl_stream.sidecar.server import POOL_SIZE
from hitl_stream.store import command, database, statement
from hitl_stream.store.command import Actor
from tests.harness.provider import GROUP


@asynccontextmanager
async def _connected(app: FastAPI) -> AsyncIterator[None]:
    settings = database.session_settings("hitl_sidecar", "bare", 5.0)
    async with asyncpg.create_pool(
        os.environ["HITL_DATABASE_URL"],
        min_size=POOL_SIZE,
        max_size=POOL_SIZE,
        server_settings=settings,
        reset=_keep_session,
    ) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=_connected)


@app.post("/hitl/patches/{patch_id}/reject")
async def reject(patch_id: str, request: Request) -> Response:
    """Reject it."""
    said = await request.json()
    actor = Actor(request.headers["x-person"], (GROUP,))
    async with request.app.state.pool.acquire() as conn, conn.transaction():
        await conn.fetch(statement.get("roles_of_groups"), [GROUP])
        row = await conn.fetchrow(statement.get("patch_standing"), patch_id)
        event = await command.reject(conn, patch_id, row["version"], actor, said["reason"])
    told = orjson.dumps({"patch_id": patch_id, "decision": event.decision, "seq": event.seq})
    return Response(told, media_type="application/json")


async def _keep_session(conn: Any) -> None:
    """As the product: nothing to reset."""


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_config=None, access_log=False, server_header=False)
