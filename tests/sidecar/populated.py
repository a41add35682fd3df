"""Fills a database with reviews in every state, as upstream and people bring them about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import asyncpg
import httpx2

from tests.sidecar.conftest import Upstream, bearer

# By what is the matter with its patches at first; every id needs escaping, as ids of upstream may.
OF_EACH: Final = 4
_RESULTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "collecting": {"wargame__expected_results": 2},
    "pending": {"ml__confidence": 0.9},
    "free": {"ml__confidence": 0.9},
    "voted": {"vulnerability__severity": "critical"},
    "claimed": {"ml__confidence": 0.9, "vulnerability__package": "größe/ä", "patch__author": "bob"},
    "held": {"ml__confidence": 0.9},
    "commented": {"patch__flagged": True, "patch__flag_reason": "odd"},
    "approved": {},
    "rejected": {"ml__confidence": 0.9},
    "expired": {"ml__confidence": 0.9},
    "revoked": {},
    "glass": {"vulnerability__severity": "critical"},
}
IDS: Final = tuple(f"{state}/{n} ü%" for state in _RESULTS for n in range(OF_EACH))

FREE: Final = next(name for name in IDS if name.startswith("free"))


async def fill(database: str, upstream: Upstream, client: httpx2.AsyncClient) -> None:
    """OF_EACH patches of each kind."""
    for wanted in IDS:
        state = wanted.partition("/")[0]
        given = {"patch_id": wanted, "apv_id": f"A {wanted}", "patch__diff": f"diff of {wanted}", **_RESULTS[state]}
        await upstream.result(f"e {wanted}", **given)
        await _bring_about(state, wanted, client)
    owner = await asyncpg.connect(database)
    await owner.execute(
        "UPDATE patch SET state = 'expired', seq = seq + 1, version = version + 1 WHERE patch_id LIKE 'expired/%'"
    )
    await owner.close()


async def _bring_about(state: str, wanted: str, client: httpx2.AsyncClient) -> None:
    match state:
        case "voted":
            await _say(client, wanted, "approve", {"comment": "fine"})
        case "claimed" | "held":
            await _say(client, wanted, "claim")
        case "commented":
            await _say(client, wanted, "comment", {"comment": "=1+1 <b>"})
        case "rejected":
            await _say(client, wanted, "reject", {"reason": "still open", "presets": ["incomplete_fix"]})
        case "revoked":
            await _say(client, wanted, "revoke", {"reason": "it breaks the build"})
        case "glass":
            await _say(client, wanted, "approve", {"comment": "exploited", "break_glass": True}, "carol")


async def _say(client: httpx2.AsyncClient, wanted: str, action: str, body: Any = None, who: str = "alice") -> None:
    path = f"/hitl/patches/{quote(wanted, safe='')}"
    shown = await client.get(path, headers=bearer(who))
    seen = {**bearer(who), "If-Match": shown.headers["etag"]}
    response = await client.post(f"{path}/{action}", headers=seen, json=body)
    assert response.is_success, response.text
