"""What the scheduler does with duties that fail, hang or find that somebody else is active."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import pytest

from hitl_stream.duties import scheduler as module
from hitl_stream.duties.duty import Duty, Work
from hitl_stream.duties.scheduler import Scheduler
from hitl_stream.errors import Fatal, Unavailable
from hitl_stream.observe import log, metrics
from hitl_stream.review.state import Action, Fate, Step
from hitl_stream.store import lease, process, writing
from hitl_stream.store.database import Connection
from tests.duties.scene import Scene
from tests.harness import wait


@pytest.fixture(autouse=True)
def _fresh_metrics() -> None:
    metrics.DUTY_FAILURES.clear()
    metrics.DUTY_LAST_SUCCESS.clear()


def duty(name: str, work: Work, deadline_s: float = 10.0) -> Duty:
    return Duty(name, 0.05, deadline_s, work)


async def nothing(conn: Connection) -> bool:
    return False


async def registered(scene: Scene, *duties: Duty) -> Scheduler:
    async with scene.scheduler.connection() as conn:
        return Scheduler(scene.scheduler, await process.register(conn, "scheduler"), duties)


@asynccontextmanager
async def running(scheduler: Scheduler) -> AsyncIterator[asyncio.Task[None]]:
    """The scheduler at work; it leaves in the end."""
    task = asyncio.create_task(scheduler.run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await task
        await scheduler.leave()


def sample(name: str, duty_name: str) -> float:
    return metrics.REGISTRY.get_sample_value(name, {"duty": duty_name}) or 0.0


def failures(duty_name: str) -> float:
    return sample("hitl_duty_failures_total", duty_name)


def last_success(duty_name: str) -> float:
    return sample("hitl_duty_last_success_timestamp_seconds", duty_name)


def is_active() -> bool:
    return metrics.REGISTRY.get_sample_value("hitl_scheduler_active") == 1.0


async def until(condition: Callable[[], object]) -> None:
    async def holds() -> object:
        return condition()

    await wait.until_async(holds)


async def test_a_bug_in_one_duty_is_counted_and_noted_and_stops_no_other(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    before = failures("broken_one")
    log.configure("json", "scheduler")  # to where this test looks

    async def broken(conn: Connection) -> bool:
        await conn.execute("UPDATE duty_run SET runs = 99")
        raise ZeroDivisionError("planted \x00 postgresql://u:secret@h/d")

    async with running(await registered(scene, duty("broken_one", broken), duty("sound_one", nothing))):
        await until(lambda: failures("broken_one") >= before + 3)
        await until(lambda: last_success("sound_one"))
        error = "SELECT last_error FROM duty_run WHERE duty = 'broken_one' AND last_success_at IS NULL AND runs > 1"
        assert "planted" in await scene.one(error)
        assert "secret" not in await scene.one(error)
        assert await scene.one("SELECT last_error IS NULL AND runs < 99 FROM duty_run WHERE duty = 'sound_one'")
    assert last_success("broken_one") == 0.0
    assert "duty_failed" in "".join(capsys.readouterr())


async def test_a_duty_that_mends_itself_is_no_longer_shown_as_failed(scene: Scene) -> None:
    attempts = iter(range(100))

    async def mending(conn: Connection) -> bool:
        if next(attempts) < 2:
            raise ZeroDivisionError
        return False

    async with running(await registered(scene, duty("mending", mending))):
        await until(lambda: last_success("mending"))
        assert await scene.rows("SELECT last_error, last_success_at IS NOT NULL FROM duty_run") == [(None, True)]


async def test_a_duty_that_hangs_ends_at_its_deadline_and_holds_nothing(scene: Scene) -> None:
    before = failures("hanging")

    async def hanging(conn: Connection) -> bool:
        await conn.execute("UPDATE duty_run SET runs = 99")
        await asyncio.Event().wait()
        return False

    async with running(await registered(scene, duty("hanging", hanging, 0.2), duty("quick", nothing))):
        await until(lambda: failures("hanging") >= before + 2)
        error = await scene.one("SELECT last_error FROM duty_run WHERE duty = 'hanging'")
        assert error == "not done within 0.2 s"
        await until(lambda: last_success("quick"))


async def test_work_goes_on_a_transaction_at_a_time_until_nothing_is_left(scene: Scene) -> None:
    left = iter([True, True, False])
    seen: list[int] = []

    async def in_parts(conn: Connection) -> bool:
        seen.append(await conn.fetchval("SELECT pg_current_xact_id()::text::bigint"))
        return next(left, False)

    async with running(await registered(scene, Duty("in_parts", 600.0, 10.0, in_parts))):
        await until(lambda: last_success("in_parts"))
    assert len(set(seen)) == 3
    assert await scene.rows("SELECT runs FROM duty_run") == [(1,)]


async def test_who_lost_the_lease_writes_nothing_and_says_so(scene: Scene) -> None:
    async def write(conn: Connection) -> bool:
        planted = Action(await conn.fetchval("SELECT now()"), "policy", "planted", None)
        await writing.write(conn, [Step(None, Fate.FILED, 1, actions=[planted])], ())
        return False

    scheduler = await registered(scene, duty("writing", write))
    async with running(scheduler):
        await until(lambda: last_success("writing"))
        assert is_active()
        await scene.owner.execute(
            "UPDATE duty_lease SET holder = 'other', epoch = epoch + 1, expires_at = now() + interval '1 hour'"
        )
        await until(lambda: not is_active())
        count = await scene.one("SELECT count(*) FROM action")
        assert scheduler.lease is None
        with pytest.raises(lease.LeaseLost):
            await scheduler._share(scheduler.duties[0], lease.Lease(str(scheduler.registered.process_id), 1))
        assert await scene.one("SELECT count(*) FROM action") == count


async def test_who_cannot_reach_the_database_is_not_active_when_the_lease_is_over(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RENEW_S", 0.05)
    monkeypatch.setattr(lease, "LEASE_S", 0.3)
    scheduler = await registered(scene)
    async with running(scheduler):
        await until(is_active)

        async def away(*_: Any) -> None:
            raise Unavailable("planted")

        monkeypatch.setattr(lease, "take", away)
        await until(lambda: not is_active())
        assert scheduler.breaker.is_open


async def test_what_waiting_does_not_mend_ends_the_scheduler(scene: Scene) -> None:
    async def refused(conn: Connection) -> bool:
        raise Fatal("planted")

    async with running(await registered(scene, duty("refused", refused))) as task:
        with pytest.raises(Fatal, match="planted"):
            await task


async def test_a_standby_does_nothing_until_the_other_leaves(scene: Scene) -> None:
    done: list[str] = []

    def noting(name: str) -> Duty:
        async def note(conn: Connection) -> bool:
            done.append(name)
            return False

        return duty("noting", note)

    first, second = await registered(scene, noting("first")), await registered(scene, noting("second"))
    async with AsyncExitStack() as only_first:
        await only_first.enter_async_context(running(first))
        await until(lambda: "first" in done)
        async with running(second):
            await until(lambda: done.count("first") > 3)
            assert "second" not in done
            before = first.lease
            await only_first.aclose()
            await until(lambda: "second" in done)
            assert before is not None
            assert second.lease is not None
            assert second.lease.epoch == before.epoch + 1
