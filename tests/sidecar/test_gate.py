"""The gate: yes to exactly one artefact, exactly while it stands approved; to everything else a no that reads as a no."""

from __future__ import annotations

from hashlib import sha256
from typing import Any
from urllib.parse import quote

import httpx2

from hitl_stream.sidecar import app
from hitl_stream.store.database import Database
from tests.event import DIFF
from tests.sidecar.conftest import ISSUER, URL, Upstream, bearer

DIGEST = f"sha256:{sha256(DIFF.encode()).hexdigest()}"
MEMBERS = ["patch_id", "patch_digest", "deployable", "reason", "decision_id", "decided_at", "expires_at", "valid_until"]


async def ask(client: httpx2.AsyncClient, patch_id: str = "p-1", digest: str | None = DIGEST) -> dict[str, Any]:
    query = "" if digest is None else f"?digest={quote(digest)}"
    response = await client.get(f"/hitl/patches/{quote(patch_id, safe='')}/gate{query}")
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    body: dict[str, Any] = response.json()
    assert list(body) == MEMBERS
    return body


def check_no(body: dict[str, Any], reason: str) -> None:
    assert (body["deployable"], body["reason"]) == (False, reason)
    assert [body[name] for name in MEMBERS[4:]] == [None] * 4


async def test_an_approved_artefact_may_be_deployed(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result()
    body = await ask(client)
    assert (body["deployable"], body["reason"], body["patch_digest"]) == (True, "approved", DIGEST)
    assert body["decision_id"]
    assert body["decided_at"] < body["expires_at"]
    assert body["decided_at"].endswith("Z")
    assert body["decided_at"] < body["valid_until"] < body["expires_at"]


async def test_a_digest_in_capitals_is_the_same_digest(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result()
    body = await ask(client, digest="sha256:" + DIGEST.removeprefix("sha256:").upper())
    assert (body["deployable"], body["patch_digest"]) == (True, DIGEST)


async def test_a_pending_patch_may_not(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(ml__confidence=0.9)
    check_no(await ask(client), "pending_review")


async def test_an_unknown_patch_may_not(client: httpx2.AsyncClient) -> None:
    check_no(await ask(client, "nobody"), "unknown_patch")


async def test_a_missing_digest_is_asked_for(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result()
    for digest in (None, ""):
        body = await ask(client, digest=digest)
        check_no(body, "digest_required")
        assert body["patch_digest"] is None


HEX = DIGEST.removeprefix("sha256:")


WRONG = [
    HEX,
    f"sha256:{HEX[:-1]}",
    f"sha256:{HEX}0",
    f"sha256:{HEX}\n",
    f" {DIGEST}",
    f"SHA256:{HEX}",
    f"sha512:{HEX}",
    f"sha256:{'g' * 64}",
    "sha256:",
    "sha256:" + "0" * 64,
    "%",
    "null",
]


async def test_a_digest_that_is_not_exactly_this_one_is_wrong(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result()
    for digest in WRONG:
        check_no(await ask(client, digest=digest), "wrong_digest")


async def test_two_digests_are_no_digest(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result()
    response = await client.get(f"/hitl/patches/p-1/gate?digest={DIGEST}&digest={DIGEST}")
    check_no(response.json(), "wrong_digest")


async def test_what_is_synthetic_is_never_deployable(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(synthetic=True)
    check_no(await ask(client), "synthetic")


async def test_a_query_that_is_not_text_is_refused(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result()
    response = await client.get(f"/hitl/patches/_/gate?patch_id=p-1%FF&digest={DIGEST}")
    assert response.status_code == 422
    assert "deployable" not in response.json()


async def test_only_reading_is_possible(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result()
    for method in ("HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
        assert (await client.request(method, f"/hitl/patches/p-1/gate?digest={DIGEST}")).status_code == 405


async def test_the_gate_answers_while_all_else_waits(database: str, upstream: Upstream) -> None:
    await upstream.result()
    busy = await Database.open(database, "hitl_sidecar", size=1, name="test-busy")
    reserved = await Database.open(database, "hitl_sidecar", size=1, name="test-reserved")
    made = app.create(None, ISSUER)
    app.connect(made, busy, reserved)
    transport = httpx2.ASGITransport(made)
    async with httpx2.AsyncClient(transport=transport, base_url=URL, headers=bearer("eureka-gate")) as eureka:
        async with busy.connection():
            assert (await ask(eureka))["deployable"] is True
            assert (await eureka.get("/readyz")).status_code == 200
    await busy.close()
    await reserved.close()
