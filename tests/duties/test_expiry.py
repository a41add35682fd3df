"""Reviews that nobody decided in time expire, closed; time in which no sidecar was there is given back, once."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from hitl_stream.duties import expiry
from hitl_stream.errors import Refused
from tests.duties.scene import Scene
from tests.harness.availability import scaled

DUTY = expiry.duty()
HIGH_H = 72
NEAR = timedelta(seconds=30)


async def limits(scene: Scene) -> dict[str, datetime]:
    return dict(await scene.rows("SELECT patch_id, expires_at FROM patch"))


async def test_a_review_expires_at_its_limit_and_not_before(any_scene: Scene) -> None:
    await any_scene.pending(partition=2)
    await any_scene.pass_time(hours=HIGH_H, seconds=-10)
    await any_scene.sidecar_starts()
    await any_scene.all_of(DUTY)
    assert await any_scene.state() == "pending"
    await any_scene.pass_time(seconds=11)
    await any_scene.sidecars_beat()
    await any_scene.all_of(DUTY)
    assert await any_scene.state() == "expired"
    assert await any_scene.rows("SELECT seq, version FROM patch") == [(1, 2)]
    said = await any_scene.rows("SELECT decision, mode, decided_by, approvers, seq, round FROM decision")
    assert said == [("expired", "policy", "policy", [], 1, 1)]
    assert await any_scene.sayings() == [("pending_review", "p-1", None), ("decisions", "p-1", "expired")]
    assert await any_scene.rows("SELECT DISTINCT shard FROM outbox") == [(2,)]
    assert await any_scene.world.gate() == (False, "expired")
    assert await any_scene.rows("SELECT decision FROM hitl_decisions") == [("expired",)]
    await any_scene.assert_consistent()


async def test_once_more_changes_nothing(scene: Scene) -> None:
    await scene.pending()
    await scene.pass_time(hours=HIGH_H + 1)
    await scene.sidecar_starts()
    await scene.all_of(DUTY)
    assert await scene.all_of(DUTY) == 1
    assert await scene.rows("SELECT count(*) FROM decision") == [(1,)]


async def test_many_reviews_expire_a_share_at_a_time(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        await scene.pending(f"p-{number}", partition=number % 4)
    await scene.pass_time(hours=HIGH_H + 1)
    await scene.sidecar_starts()
    monkeypatch.setattr(expiry, "REVIEWS_MAX", 2)
    assert await scene.all_of(DUTY) == 3
    assert await scene.rows("SELECT DISTINCT state FROM patch") == [("expired",)]
    await scene.assert_consistent()


@pytest.mark.parametrize("wish", ["approve", "reject"])
async def test_a_person_who_is_first_wins_over_the_limit(scene: Scene, wish: str) -> None:
    await scene.pending()
    await scene.pass_time(hours=HIGH_H + 1)
    await scene.sidecar_starts()
    assert await scene.in_this_order("p-1", scene.decide(wish=wish), scene.share(DUTY)) == [None, False]
    assert await scene.rows("SELECT mode FROM decision") == [("human",)]
    await scene.assert_consistent()


async def test_a_person_who_is_second_is_told_that_it_changed(any_scene: Scene) -> None:
    await any_scene.pending()
    await any_scene.pass_time(hours=HIGH_H + 1)
    await any_scene.sidecar_starts()
    _, refused = await any_scene.in_this_order("p-1", any_scene.share(DUTY), any_scene.decide())
    assert isinstance(refused, Refused)
    assert await any_scene.rows("SELECT decision FROM decision") == [("expired",)]
    await any_scene.assert_consistent()


async def test_a_person_and_the_limit_at_once_leave_one_decision(scene: Scene) -> None:
    await scene.sidecar_starts()
    rounds = scaled(15, 200)
    for number in range(rounds):
        await scene.pending(f"p-{number}")
        await scene.pass_time(hours=HIGH_H + 1)
        await scene.sidecars_beat()
        await scene.owner.execute("DELETE FROM duty_run")
        works = [scene.decide(f"p-{number}"), scene.share(DUTY)]
        await asyncio.gather(*(works if number % 2 else works[::-1]), return_exceptions=True)
    assert await scene.rows("SELECT count(*) FROM decision") == [(rounds,)]
    await scene.assert_consistent()


async def test_nothing_expires_while_no_sidecar_is_there(scene: Scene) -> None:
    await scene.pending()
    await scene.sidecar_starts()
    await scene.all_of(DUTY)
    await scene.pass_time(hours=HIGH_H, seconds=-20)
    await scene.sidecars_beat()
    await scene.all_of(DUTY)
    await scene.sidecars_leave()
    for seconds in (30, 250, 60, 36_000):
        await scene.pass_time(seconds=seconds)
        await scene.all_of(DUTY)
        assert await scene.state() == "pending", seconds


async def test_nothing_expires_where_there_never_was_a_sidecar(scene: Scene) -> None:
    await scene.pending()
    await scene.pass_time(hours=HIGH_H + 1)
    await scene.all_of(DUTY)
    assert await scene.state() == "pending"


async def test_a_long_absence_is_given_back_once(any_scene: Scene) -> None:
    await any_scene.pending()
    await any_scene.sidecar_starts()
    await any_scene.all_of(DUTY)
    await any_scene.sidecars_leave()
    await any_scene.pass_time(hours=80)
    before = await limits(any_scene)
    await any_scene.sidecar_starts()
    assert await any_scene.all_of(DUTY) == 4  # notice, extend, see that nothing is left, expire what is due
    after = await limits(any_scene)
    assert abs(after["p-1"] - before["p-1"] - timedelta(hours=80)) < NEAR
    assert await any_scene.state() == "pending"
    await any_scene.all_of(DUTY)
    assert await limits(any_scene) == after
    told = (
        "SELECT actor, patch_id, round, seq, detail::jsonb->>'expires_at' FROM action WHERE action = 'review_extended'"
    )
    ((*said, until),) = await any_scene.rows(told)
    assert (said, datetime.fromisoformat(until)) == (["policy", "p-1", 1, 1], after["p-1"])
    await any_scene.pass_time(hours=HIGH_H + 1)
    await any_scene.sidecars_beat()
    await any_scene.all_of(DUTY)
    assert await any_scene.state() == "expired", "and then it runs again"


async def test_a_short_absence_is_not(scene: Scene) -> None:
    await scene.pending()
    await scene.sidecar_starts()
    await scene.all_of(DUTY)
    await scene.sidecars_leave()
    await scene.pass_time(minutes=4)
    before = await limits(scene)
    await scene.sidecar_starts()
    assert await scene.all_of(DUTY) == 1
    assert await limits(scene) == before


async def test_a_sidecar_that_could_not_reach_the_database_was_away_too(scene: Scene) -> None:
    await scene.pending()
    await scene.sidecar_starts()
    await scene.all_of(DUTY)
    await scene.pass_time(hours=80)
    await scene.all_of(DUTY)  # it is there, as a process, but has not said so for long
    before = await limits(scene)
    await scene.sidecars_beat()
    await scene.all_of(DUTY)
    assert abs((await limits(scene))["p-1"] - before["p-1"] - timedelta(hours=80)) < NEAR
    assert await scene.state() == "pending"


async def test_a_scheduler_that_was_away_gives_nothing_back(scene: Scene) -> None:
    await scene.pending()
    await scene.sidecar_starts()
    await scene.all_of(DUTY)
    await scene.pass_time(hours=10)
    await scene.sidecars_beat()
    before = await limits(scene)
    await scene.all_of(DUTY)
    assert await limits(scene) == before


async def test_a_review_gets_back_only_the_part_in_which_it_was_open(any_scene: Scene) -> None:
    await any_scene.sidecar_starts()
    await any_scene.pending("whole")
    await any_scene.all_of(DUTY)
    await any_scene.sidecars_leave()
    await any_scene.pass_time(hours=6)
    await any_scene.pending("part")
    await any_scene.pass_time(hours=4)
    before = await limits(any_scene)
    await any_scene.sidecar_starts()
    await any_scene.pending("none")
    before |= {"none": (await limits(any_scene))["none"]}
    await any_scene.all_of(DUTY)
    given = {name: round((at - before[name]) / timedelta(hours=1), 1) for name, at in (await limits(any_scene)).items()}
    assert given == {"whole": 10.0, "part": 4.0, "none": 0.0}


async def test_a_scheduler_that_dies_between_the_shares_gives_nothing_back_twice(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "EXTENSIONS_MAX", 2)
    for number in range(5):
        await scene.pending(f"p-{number}", partition=number % 4)
    await scene.sidecar_starts()
    await scene.all_of(DUTY)
    await scene.sidecars_leave()
    await scene.pass_time(hours=80)
    before = await limits(scene)
    await scene.sidecar_starts()
    for _ in range(8):  # every share is done twice: once it dies before the commit, once it does not
        with pytest.raises(ZeroDivisionError):
            async with scene.scheduler.transaction() as conn:
                await DUTY.work(conn)
                raise ZeroDivisionError("dies here")
        await scene.share(DUTY)
    given = {name: at - before[name] for name, at in (await limits(scene)).items()}
    assert all(abs(one - timedelta(hours=80)) < NEAR for one in given.values()), given
    assert await scene.rows("SELECT DISTINCT state FROM patch") == [("pending",)]
