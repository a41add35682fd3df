"""The authorization matrix: every route by every role, by nobody and by somebody without a role, as the table says."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from fastapi.routing import APIRoute, APIWebSocketRoute

from hitl_stream.review.role import DEMO_PEOPLE, Role
from hitl_stream.sidecar import app, permission
from hitl_stream.sidecar.demo_login import DemoIssuer
from hitl_stream.sidecar.permission import ANYBODY, PERMISSIONS
from hitl_stream.sidecar.token import Verifier
from tests.sidecar.conftest import ISSUER, Upstream, bearer

WHO = {role: next(name for name, roles in DEMO_PEOPLE.items() if roles[-1] is role) for role in Role}
ROUTES = sorted(route for route in PERMISSIONS if route[0] != "WS")  # test_live listens


def routes(who: Verifier | DemoIssuer) -> set[tuple[str, str]]:
    found = [route for router in app.routers(who) for route in router.routes]
    assert all(isinstance(route, APIRoute | APIWebSocketRoute) for route in found)
    sockets = {("WS", route.path) for route in found if isinstance(route, APIWebSocketRoute)}
    http = [route for route in found if isinstance(route, APIRoute)]
    return {(method, route.path.rstrip("/") or "/") for route in http for method in route.methods or ()} | sockets


def test_every_route_has_its_row_and_every_row_its_route() -> None:
    assert routes(ISSUER) == set(PERMISSIONS)
    assert {path for _, path in set(PERMISSIONS) - routes(ISSUER.verifier())} == {
        "/demo/keys", "/demo/people", "/demo/token",
    }  # fmt: skip


def test_what_has_no_row_answers_nobody() -> None:
    assert permission.needed("GET", "/hitl/secrets") is None
    assert permission.needed("DELETE", "/hitl/patches/{patch_id}") is None


async def ask(client: httpx2.AsyncClient, route: tuple[str, str], headers: dict[str, str]) -> httpx2.Response:
    method, path = route
    json: Any = {} if method == "POST" else None
    async with httpx2.AsyncClient(transport=client._transport, base_url=client.base_url) as somebody:
        return await somebody.request(method, path.replace("{patch_id}", "p-1"), headers=headers, json=json)


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
async def test_a_route_answers_the_roles_of_its_row_and_nobody_else(
    client: httpx2.AsyncClient, upstream: Upstream, route: tuple[str, str]
) -> None:
    await upstream.result(ml__confidence=0.9)
    allowed = PERMISSIONS[route]
    if allowed == ANYBODY:
        assert (await ask(client, route, {})).status_code not in (401, 403)
        return
    assert (await ask(client, route, {})).status_code == 401
    for role, name in WHO.items():
        response = await ask(client, route, bearer(name))
        may = bool(allowed & set(DEMO_PEOPLE[name]))
        assert (role, response.status_code in (401, 403)) == (role, not may)
        if not may:
            assert (response.status_code, response.json()["type"]) == (403, "/problems/not-allowed")


async def test_a_refusal_tells_nothing_of_the_patch(client: httpx2.AsyncClient, upstream: Upstream) -> None:
    await upstream.result(ml__confidence=0.9)
    known = await client.post("/hitl/patches/p-1/reject", headers=bearer("victor"))
    unknown = await client.post("/hitl/patches/nobody/reject", headers=bearer("victor"))
    odd = await client.post(f"/hitl/patches/{'x' * 300}/reject", headers=bearer("victor"))
    assert {known.status_code, unknown.status_code, odd.status_code} == {403}
    assert known.json() == unknown.json() == odd.json()
