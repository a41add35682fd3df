"""Real scheduler processes: one is active, another takes over, and each ends in time whatever hangs."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import psutil
import pytest

from tests.duties.running import Running
from tests.harness import database as databases
from tests.harness import wait
from tests.harness.postgres import PostgresServer

TAKEOVER_S = 22.0  # the lease lasts 15 s, the other one asks every second; the rest is for a busy machine
GRACE_S = 14.0

Start = Callable[[str], Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts schedulers that are gone afterwards."""
    made: list[Running] = []

    def one(url: str) -> Running:
        made.append(Running(url, tmp_path / f"scheduler.{len(made)}.log"))
        return made[-1]

    yield one
    for scheduler in made:
        scheduler.kill()


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[PostgresServer]:
    """A server that may be frozen and restarted; no other module uses it."""
    with PostgresServer() as server:
        yield server


def freeze(server: PostgresServer) -> None:
    """SIGSTOP to every process of the server: connections stand, nothing answers."""
    root = psutil.Process(server.pid)
    for one in (root, *root.children(recursive=True)):
        one.suspend()


def thaw(server: PostgresServer) -> None:
    root = psutil.Process(server.pid)
    for one in (root, *root.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            one.resume()


async def expire_lease(url: str) -> None:
    conn = await asyncpg.connect(url)
    await conn.execute("UPDATE duty_lease SET expires_at = clock_timestamp()")
    await conn.close()


def test_one_is_active_and_another_takes_over_when_it_dies(database: str, start: Start) -> None:
    first = start(database).wait_active()
    second = start(database)
    wait.until(lambda: second.get("/readyz")[0] == 200, 60)
    assert (first.active, second.active) == (True, False)
    first.kill()
    second.wait_active(TAKEOVER_S)
    assert '"epoch":2' in second.text()


def test_one_that_ends_in_good_order_is_followed_at_once(database: str, start: Start) -> None:
    first = start(database).wait_active()
    second = start(database)
    wait.until(lambda: second.get("/readyz")[0] == 200, 60)
    first.send(signal.SIGTERM)
    assert first.wait_ended(GRACE_S) == 0, first.text()
    second.wait_active(8.0)
    assert "scheduler_stopped" in first.text()


def test_one_that_was_frozen_finds_that_it_is_not_active_any_more(database: str, start: Start) -> None:
    first = start(database).wait_active()
    second = start(database)
    first.send(signal.SIGSTOP)
    databases.run(expire_lease(database))
    second.wait_active(60.0)  # what the frozen one had under way ends with its session
    first.send(signal.SIGCONT)
    wait.until(lambda: not first.active, 30)
    assert second.active
    assert first.code is None


def test_every_duty_says_when_it_was_done_last(database: str, start: Start) -> None:
    scheduler = start(database).wait_active()
    duties = (
        "evidence_deadline",
        "review_expiry",
        "evidence_retention",
        "identity_retention",
        "audit_retention",
        "answer_retention",
        "change_retention",
        "tallies",
        "process_sweep",
    )
    names = {f'hitl_duty_last_success_timestamp_seconds{{duty="{duty}"}}' for duty in duties}
    wait.until(lambda: names <= scheduler.metrics().keys(), 30)
    assert "duty_failed" not in scheduler.text()


@pytest.mark.parametrize("connected", [True, False], ids=["while it works", "before it connects"])
def test_sigterm_ends_it_in_time_although_postgres_is_frozen(
    own_postgres: PostgresServer, start: Start, connected: bool
) -> None:
    with databases.migrated(own_postgres) as url:
        try:
            if connected:
                scheduler = start(url).wait_active()
                freeze(own_postgres)
            else:
                freeze(own_postgres)
                scheduler = start(url)
                wait.until(lambda: scheduler.get("/readyz")[0] == 503, 60)
            scheduler.send(signal.SIGTERM)
            code = scheduler.wait_ended(GRACE_S)
        finally:
            thaw(own_postgres)
        assert code == 0, scheduler.text()


def test_it_waits_for_a_database_that_is_away_and_goes_on(own_postgres: PostgresServer, start: Start) -> None:
    with databases.migrated(own_postgres) as url:
        scheduler = start(url).wait_active()
        own_postgres.halt()
        wait.until(lambda: "dependency_lost" in scheduler.text(), 60)
        assert scheduler.get("/readyz")[0] == 503
        own_postgres.start()
        wait.until(lambda: "dependency_returned" in scheduler.text(), 60)
        scheduler.wait_active()
        assert "duty_failed" not in scheduler.text()


def test_what_waiting_does_not_mend_ends_it_with_one_line(own_postgres: PostgresServer, start: Start) -> None:
    with databases.migrated(own_postgres) as url:
        scheduler = start(url).wait_active()
        name = url.rpartition("/")[2]
        databases.run(_execute(own_postgres.url(), f"ALTER DATABASE {name} RENAME TO elsewhere", name))
        assert scheduler.wait_ended(30) == 1
        databases.run(_execute(own_postgres.url(), f"ALTER DATABASE elsewhere RENAME TO {name}", "elsewhere"))
    lines = scheduler.text().splitlines()
    assert [line for line in lines if line.startswith("Traceback")] == []
    assert lines[-1] == f'hitl-stream: Postgres refuses: database "{name}" does not exist'


async def _execute(url: str, statement: str, quiet: str) -> None:
    """Run it while nobody is connected to the database `quiet`."""
    conn = await asyncpg.connect(url)
    await conn.execute(f"ALTER DATABASE {quiet} ALLOW_CONNECTIONS false")
    gone = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = $1"
    while await conn.fetchval(gone, quiet):
        continue
    await conn.execute(statement)
    renamed = statement.rpartition(" ")[2]
    await conn.execute(f"ALTER DATABASE {renamed} ALLOW_CONNECTIONS true")
    await conn.close()
