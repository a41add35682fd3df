"""Postgres or Kafka away: the worker waits and says so, uses no CPU, loses nothing, and goes on by itself."""

from __future__ import annotations

import pytest

from hitl_stream.stream import watchdog
from tests.harness import wait
from tests.harness.availability import scale, scaled
from tests.stream.outage import Dependencies
from tests.stream.rig import Rig, Worker

CPU_SHARE_MAX = 0.2
GRACE_S = 8.0
MARGIN_S = 3.0


def _wait_breaker(worker: Worker, dependency: str, value: int) -> None:
    wait.until(lambda: worker.metric("hitl_breaker_open", dependency=dependency) == value, 30)


def _busy(rig: Rig, count: int) -> Worker:
    """A worker in the middle of `count` records."""
    worker = rig.start().wait_ready()
    rig.produce(count)
    wait.until(lambda: rig.noted() > 0, 30)
    return worker


@pytest.mark.parametrize(
    "away",
    [
        *([{"postgres": "stopped"}] if scale() == "full" else []),
        {"postgres": "killed"},
        {"postgres": "frozen"},
        {"kafka": "killed"},
        {"kafka": "frozen"},
        {"postgres": "frozen", "kafka": "killed"},
    ],
    ids=lambda away: "-".join(f"{what}-{how}" for what, how in away.items()),
)
def test_an_outage_is_waited_out_visibly_and_nothing_is_lost_or_doubled(
    servers: Dependencies, own: Rig, away: dict[str, str]
) -> None:
    count = scaled(20_000, 100_000)
    worker = _busy(own, count)
    for what, how in away.items():
        servers.take_away(what, how)
    for what in away:
        _wait_breaker(worker, what, 1)
    assert set(away) <= set(worker.missing())
    if "kafka" not in away:
        own.produce(1_000, start=count)
    assert worker.cpu_share(3.0) < CPU_SHARE_MAX, worker.text()
    assert set(away) <= set(worker.missing())
    assert worker.get("/livez")[0] == 200
    servers.restore()
    for what in away:
        _wait_breaker(worker, what, 0)
    worker.wait_ready()
    if "kafka" in away:
        own.produce(1_000, start=count)
    own.wait_recorded()
    own.assert_recorded_once(count + 1_000)
    assert len(set(own.published())) == count + 1_000
    assert worker.alive


def test_sessions_ended_by_the_server_again_and_again_lose_nothing(own: Rig) -> None:
    count = scaled(30_000, 200_000)
    worker = _busy(own, count)
    others = "FROM pg_stat_activity WHERE application_name = 'hitl-worker' AND datname = current_database()"
    for _ in range(scaled(20, 200)):
        own.fetch(f"SELECT pg_terminate_backend(pid) {others}")
        wait.until(lambda: own.fetch(f"SELECT 1 {others}"), 30)
    own.wait_recorded()
    own.assert_recorded_once(count)
    wait.until(lambda: worker.missing() == [])


@pytest.mark.parametrize("dependency", ["postgres", "kafka"])
@pytest.mark.parametrize("noticed", [True, False], ids=["noticed", "at once"])
def test_the_end_comes_within_the_grace_period_though_a_dependency_is_frozen(
    servers: Dependencies, own: Rig, dependency: str, noticed: bool
) -> None:
    worker = own.start(STAND_IN_GRACE_S=str(GRACE_S)).wait_ready()
    own.produce(20_000)
    servers.take_away(dependency, "frozen")
    if noticed:
        _wait_breaker(worker, dependency, 1)
    worker.terminate()
    code = worker.wait_ended(GRACE_S + MARGIN_S)
    assert code == 0 if noticed else code in (0, 1), worker.text()
    servers.restore()
    own.start()
    own.wait_recorded()
    own.assert_recorded_once(20_000)


@pytest.mark.parametrize("dependency", ["postgres", "kafka"])
def test_a_worker_started_while_a_dependency_is_away_waits_for_it(
    servers: Dependencies, own: Rig, dependency: str
) -> None:
    own.produce(100)
    servers.take_away(dependency, "killed")
    worker = own.start()
    wait.until(lambda: worker.get("/livez")[0] == 200, 30)
    _wait_breaker(worker, dependency, 1)
    assert worker.missing() == ["preparation", dependency]
    assert worker.cpu_share(3.0) < CPU_SHARE_MAX
    assert worker.alive
    servers.restore()
    own.wait_recorded()
    own.assert_recorded_once(100)
    assert worker.wait_ready().missing() == []


@pytest.mark.parametrize(
    ("hang", "reason"), [("task", "nothing was recorded for"), ("loop", "the event loop has not turned for")]
)
def test_a_worker_that_is_stuck_while_nothing_is_missing_ends_itself(rig: Rig, hang: str, reason: str) -> None:
    stuck = rig.start(STAND_IN_HANG=hang, STAND_IN_STUCK_S="4").wait_ready()
    rig.produce(100)
    assert stuck.wait_ended() == watchdog.EXIT_CODE
    assert reason in stuck.text()
    rig.start()
    rig.wait_recorded()
    rig.assert_recorded_once(100)


def test_a_worker_with_nothing_to_do_is_not_stuck(rig: Rig) -> None:
    worker = rig.start(STAND_IN_STUCK_S="2").wait_ready()
    assert worker.cpu_share(5.0) < CPU_SHARE_MAX
    assert worker.alive
