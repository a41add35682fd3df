"""Rate limits: per person and route, with when to come again; one who runs wild slows nobody else down."""

from __future__ import annotations

import httpx2
import pytest

from hitl_stream.sidecar import app
from hitl_stream.sidecar.problem import Problem
from hitl_stream.sidecar.rate import WINDOW_S, Limiter, Rates
from tests.sidecar.conftest import ISSUER, URL, bearer


def admitted(limiter: Limiter, count: int, person: str = "alice", method: str = "GET", route: str = "/r") -> int:
    done = 0
    for _ in range(count):
        try:
            limiter.admit(person, method, route)
        except Problem as refused:
            check_refusal(refused)
            break
        done += 1
    return done


def check_refusal(refused: Problem) -> None:
    assert refused.status == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= WINDOW_S + 1


@pytest.mark.parametrize(
    ("method", "route", "allowed"), [("GET", "/r", 5), ("POST", "/r", 3), ("GET", "/hitl/patches/{patch_id}/gate", 9)]
)
def test_each_kind_has_its_own_limit(method: str, route: str, allowed: int) -> None:
    limiter = Limiter(Rates(gate=9, read=5, change=3))
    assert admitted(limiter, 20, method=method, route=route) == allowed


def test_people_and_routes_are_counted_apart() -> None:
    limiter = Limiter(Rates(read=2))
    assert admitted(limiter, 9) == 2
    assert admitted(limiter, 9, person="bob") == 2
    assert admitted(limiter, 9, route="/other") == 2


@pytest.mark.parametrize("begun_s", [0.0, 3.0, 9.9])
def test_who_waits_as_long_as_told_is_let_in_and_not_sooner(begun_s: float) -> None:
    now = 1_000 + begun_s
    limiter = Limiter(Rates(read=20), clock=lambda: now)
    assert admitted(limiter, 99) == 20
    with pytest.raises(Problem) as refused:
        limiter.admit("alice", "GET", "/r")
    told = int(refused.value.headers["Retry-After"])
    now += told - 1.001
    assert admitted(limiter, 1) == 0
    now += 1.001
    assert admitted(limiter, 1) == 1


def test_never_more_than_twice_the_limit_in_any_window_and_the_limit_on_average() -> None:
    now, times = 0.0, []
    limiter = Limiter(Rates(read=20), clock=lambda: now)
    while now < 20 * WINDOW_S:
        if admitted(limiter, 1):
            times.append(now)
        now += 0.01
    most = max(sum(start <= at < start + WINDOW_S for at in times) for start in times)
    assert most <= 2 * 20
    assert len(times) <= 20 * 20 + 20


def test_who_does_not_come_back_is_forgotten() -> None:
    now = 0.0
    limiter = Limiter(Rates(), clock=lambda: now)
    for number in range(100):
        limiter.admit(f"person-{number}", "GET", "/r")
    now = 2.0 * WINDOW_S
    limiter.admit("alice", "GET", "/r")
    assert len(limiter._now) + len(limiter._before) == 1


async def test_too_many_requests_are_told_when_to_come_again() -> None:
    transport = httpx2.ASGITransport(app.create(None, ISSUER, rates=Rates(read=2)), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url=URL, headers=bearer("alice")) as client:
        answers = [await client.get("/hitl/patches/p-1") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [503, 503, 429]  # there is no database
        assert answers[2].json()["type"] == "/problems/too-many-requests"
        assert int(answers[2].headers["retry-after"]) >= 1
        assert (await client.get("/hitl/patches/p-1", headers=bearer("bob"))).status_code == 503
        assert (await client.get("/livez")).status_code == 200
