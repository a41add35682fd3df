"""What people do to a patch over HTTP, as the tests say it: on the version that stands there, unless they saw another."""

from __future__ import annotations

from typing import Any

import httpx2

from tests.sidecar.conftest import bearer


async def version(client: httpx2.AsyncClient, who: str = "alice", patch_id: str = "p-1") -> str:
    """The ETag that this person sees now."""
    return str((await client.get(f"/hitl/patches/{patch_id}", headers=bearer(who))).headers["etag"])


async def say(
    client: httpx2.AsyncClient,
    who: str,
    action: str,
    body: Any = None,
    *,
    seen: str | None = None,
    patch_id: str = "p-1",
    **headers: str,
) -> httpx2.Response:
    """What this person does, on the present version unless they saw another."""
    current = seen or await version(client, who, patch_id)
    sent = {**bearer(who), "If-Match": current, **headers}
    return await client.post(f"/hitl/patches/{patch_id}/{action}", headers=sent, json=body)


async def decide(client: httpx2.AsyncClient, patch_id: str, action: str, who: str = "alice") -> httpx2.Response:
    """The same with a reason, whichever it is."""
    return await say(client, who, action, {"reason": "because"}, patch_id=patch_id)
