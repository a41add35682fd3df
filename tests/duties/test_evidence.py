"""Rounds whose evidence is overdue go to a person: once, with all reasons, whatever arrives at the same moment."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from hitl_stream.contract import encode
from hitl_stream.duties import evidence
from hitl_stream.duties.duty import Duty
from hitl_stream.store import policy, statement
from tests.duties.scene import Scene
from tests.harness.availability import scaled

DUTY = evidence.duty(auto_approve=True)


async def reasons(scene: Scene) -> list[str]:
    return [row[0] for row in encode.parse_reasons(await scene.one("SELECT reasons FROM patch"))]


async def test_a_round_collects_until_its_deadline_and_not_longer(any_scene: Scene) -> None:
    await any_scene.collecting()
    await any_scene.pass_time(seconds=1799)
    assert await any_scene.all_of(DUTY) == 1
    assert (await any_scene.state(), await any_scene.sayings()) == ("collecting", [])
    await any_scene.pass_time(seconds=2)
    await any_scene.all_of(DUTY)
    assert await any_scene.state() == "pending"
    assert await reasons(any_scene) == ["evidence_complete", "evidence_incomplete"]


async def test_the_review_is_told_on_the_home_shard_and_stands_in_the_audit(scene: Scene) -> None:
    await scene.collecting(partition=3)
    await scene.pass_time(hours=1)
    await scene.all_of(DUTY)
    assert await scene.sayings() == [("pending_review", "p-1", None)]
    ((_, message),) = await scene.world.messages()
    assert message["data"]["seq"] == 1
    assert await scene.rows("SELECT shard FROM outbox") == [(3,)]
    assert await scene.rows("SELECT action, actor, seq FROM action") == [("review_opened", "policy", 1)]
    assert await scene.rows("SELECT source, author, package FROM review") == [("/wargaming/crisol", "eureka", "shop")]
    assert await scene.rows("SELECT evidence_due_at, seq, version FROM patch") == [(None, 0, 2)]
    assert await scene.world.gate() == (False, "pending_review")


async def test_the_time_limit_follows_the_class(scene: Scene) -> None:
    expected = {("critical", "low"): 1, ("low", "high"): 3, ("medium", "low"): 7, ("none", "low"): 14}
    for severity, risk in expected:
        await scene.collecting(f"{severity}/{risk}", vulnerability__severity=severity, patch__risk=risk)
    await scene.pass_time(hours=1)
    await scene.all_of(DUTY)
    limits = dict(await scene.rows("SELECT patch_id, expires_at - opened_at FROM patch"))
    assert limits == {f"{severity}/{risk}": timedelta(days=days) for (severity, risk), days in expected.items()}


async def test_a_switch_that_is_off_is_one_of_the_reasons(scene: Scene) -> None:
    await scene.collecting()
    await scene.pass_time(hours=1)
    await scene.all_of(evidence.duty(auto_approve=False))
    assert "enabled" in await reasons(scene)


async def test_once_more_changes_nothing(scene: Scene) -> None:
    await scene.collecting()
    await scene.pass_time(hours=1)
    await scene.all_of(DUTY)
    before = await scene.rows("SELECT * FROM patch")
    assert await scene.all_of(DUTY) == 1
    assert await scene.rows("SELECT * FROM patch") == before
    assert len(await scene.sayings()) == 1


async def test_many_rounds_are_ended_a_share_at_a_time(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        await scene.collecting(f"p-{number}", partition=number % 4)
    await scene.pass_time(hours=1)
    monkeypatch.setattr(evidence, "PATCHES_MAX", 2)
    assert await scene.all_of(DUTY) == 3
    assert await scene.rows("SELECT DISTINCT state FROM patch") == [("pending",)]
    assert len(await scene.sayings()) == 5


async def test_the_last_result_after_the_deadline_but_before_the_duty_goes_to_a_person_too(any_scene: Scene) -> None:
    await any_scene.collecting()
    await any_scene.pass_time(hours=1)
    last = any_scene.feed(wargame__expected_results=2)
    answers = await any_scene.in_this_order("p-1", last, any_scene.share(DUTY))
    assert answers[1] is False
    assert await any_scene.state() == "pending"
    assert await any_scene.sayings() == [("pending_review", "p-1", None)]
    await any_scene.assert_consistent()


async def test_the_last_result_just_after_the_deadline_is_shown_to_the_person(any_scene: Scene) -> None:
    await any_scene.collecting()
    await any_scene.pass_time(hours=1)
    last = any_scene.feed(wargame__expected_results=2)
    await any_scene.in_this_order("p-1", any_scene.share(DUTY), last)
    assert await any_scene.rows("SELECT state, seq, version FROM patch") == [("pending", 0, 3)]
    assert await any_scene.rows("SELECT count(*) FROM evidence") == [(2,)]
    assert await any_scene.sayings() == [("pending_review", "p-1", None)]
    await any_scene.assert_consistent()


async def test_a_result_and_the_deadline_at_once_leave_one_state(scene: Scene) -> None:
    for number in range(scaled(15, 200)):
        await scene.collecting(f"p-{number}")
        await scene.pass_time(hours=1)
        works = [scene.feed(f"p-{number}", wargame__expected_results=2), scene.share(DUTY)]
        await asyncio.gather(*(works if number % 2 else works[::-1]))
    left = {state for (state,) in await scene.rows("SELECT DISTINCT state FROM patch")}
    assert left <= {"approved", "pending"}
    told = [topic for topic, _, _ in await scene.sayings()]
    counts = dict(await scene.rows("SELECT state, count(*) FROM patch GROUP BY 1"))
    assert told.count("pending_review") == counts.get("pending", 0)
    assert told.count("decisions") == counts.get("approved", 0)
    await scene.assert_consistent()


async def test_a_stored_result_that_is_no_longer_read_holds_nobody_up(scene: Scene) -> None:
    """Accepted by an older version: it goes to a person with the others, and so does what comes after it."""
    for name in ("p-1", "p-2", "p-3"):
        await scene.collecting(name)
    async with scene.owner.transaction():
        await scene.owner.execute("SELECT set_config('hitl.retention', 'on', true)")
        await scene.owner.execute("UPDATE evidence SET payload = '{' WHERE patch_id IN ('p-1', 'p-3')")
    assert (await scene.feed("p-3", wargame__expected_results=2)).fates == {"pending": 1}
    await scene.pass_time(hours=1)
    await scene.share(DUTY)
    assert await scene.rows("SELECT state, count(*) FROM patch GROUP BY 1") == [("pending", 3)]
    ((reasons,),) = await scene.rows("SELECT reasons FROM patch WHERE patch_id = 'p-1'")
    assert "a stored result can no longer be read" in reasons
    await scene.assert_consistent()


async def test_a_new_policy_waits_for_the_duty_and_the_duty_for_a_new_policy(scene: Scene) -> None:
    await scene.collecting()
    await scene.pass_time(hours=1)

    async def activate() -> int:
        async with scene.operator.connection() as conn:
            return await policy.activate(conn, 1, "ann", "trial")

    async with scene.scheduler.transaction() as conn:
        await DUTY.work(conn)
        activating = asyncio.create_task(activate())
        await scene.wait_waiting(1)
        assert not activating.done()
    assert await activating == 1
    async with scene.owner.transaction():
        await scene.owner.execute(statement.get("take_policy_lock"))
        working = asyncio.create_task(scene.share(DUTY))
        await scene.wait_waiting(1)
        assert not working.done()
    await working


def test_the_duty_is_done_every_second() -> None:
    assert isinstance(DUTY, Duty)
    assert (DUTY.name, DUTY.every_s) == ("evidence_deadline", 1.0)
