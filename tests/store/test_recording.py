"""What one transaction records, on a real Postgres: every record has exactly one fate, and the position moves past it."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from typing import Any

import orjson
import pytest

from hitl_stream.errors import PositionLost
from hitl_stream.review import lifecycle
from hitl_stream.store import command
from hitl_stream.store.database import Database
from tests.event import DIFF, binary, data, outcome
from tests.harness.people import reviewer
from tests.store.world import RESULTS, World


async def test_a_good_result_becomes_an_approval_the_gate_and_eureka_can_read(world: World) -> None:
    recorded = await world.feed(binary("e-1", data()))
    assert recorded.fates == {"approved": 1}
    assert await world.gate() == (True, "approved")
    topics = [(topic, message["data"]["decision"]) for topic, message in await world.messages()]
    assert topics == [("auto_approved", "approved"), ("decisions", "approved")]
    ((decision, decided_by, audit),) = await world.rows("SELECT decision, decided_by, audit_log FROM hitl_decisions")
    assert (decision, decided_by) == ("approved", "policy")
    assert [entry["action"] for entry in orjson.loads(audit)] == ["approved"]


async def test_the_same_event_again_changes_nothing(world: World) -> None:
    await world.feed(binary("e-1", data()))
    again = orjson.dumps(data(), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
    recorded = await world.feed(binary("e-1", again, key=b"p-1"), binary("e-1", data()))
    assert recorded.fates == {"duplicate": 2}
    assert await world.rows("SELECT count(*) FROM evidence") == [(1,)]
    assert len(await world.messages()) == 2


async def test_the_same_event_on_another_partition_is_one_event(world: World) -> None:
    await world.feed(binary("e-1", data()))
    assert (await world.feed(binary("e-1", data(), partition=2))).fates == {"duplicate": 1}


async def test_the_same_id_with_other_content_is_kept_and_never_applied(world: World) -> None:
    await world.feed(binary("e-1", data()))
    recorded = await world.feed(binary("e-1", data(ml__confidence=0.1)))
    assert recorded.fates == {"conflict": 1}
    assert await world.gate() == (True, "approved")
    assert await world.rows("SELECT error, partition, record_offset, state FROM dead_letter") == [
        ("conflict", 0, 1, "open")
    ]


async def test_a_bad_record_is_dead_lettered_with_its_bytes_and_the_position_moves(world: World) -> None:
    recorded = await world.feed(binary("e-1", b"{not json"), binary("e-2", data()))
    assert recorded.fates == {"bad_record": 1, "approved": 1}
    assert await world.rows("SELECT record_value, record_key FROM dead_letter") == [(b"{not json", b"key")]
    positions = await world.rows(
        "SELECT next_offset FROM consumer_position WHERE topic = $1 AND partition = 0", RESULTS
    )
    assert positions == [(2,)]


async def test_an_old_epoch_writes_nothing(world: World) -> None:
    span = world.span([binary("e-1", data())])
    await world.claim()
    with pytest.raises(PositionLost):
        await world.recorder.record_results([span])
    assert await world.rows("SELECT count(*) FROM patch") == [(0,)]
    assert await world.rows("SELECT count(*) FROM event_seen") == [(0,)]


async def test_a_batch_behind_another_position_writes_nothing(world: World) -> None:
    span = world.span([binary("e-1", data())])
    await world.recorder.record_results([span])
    with pytest.raises(PositionLost):
        await world.recorder.record_results([span])
    assert await world.rows("SELECT count(*) FROM evidence") == [(1,)]


async def test_results_of_one_patch_in_one_batch_fold_in_order(world: World) -> None:
    both = [
        binary(f"e-{n}", data(wargame__run_id=f"run-{n}", wargame__expected_results=2, ml__confidence=0.95 + n / 100))
        for n in (1, 2)
    ]
    recorded = await world.feed(*both)
    assert recorded.fates == {"collecting": 1, "approved": 1}
    assert await world.rows("SELECT ml_confidence, seq, version FROM patch") == [(0.96, 1, 2)]


async def test_results_of_one_patch_in_two_batches_fold_too(world: World) -> None:
    await world.feed(binary("e-1", data(wargame__run_id="run-1", wargame__expected_results=2)))
    await world.feed(binary("e-2", data(wargame__run_id="run-2", wargame__expected_results=2), partition=3))
    assert await world.gate() == (True, "approved")
    assert await world.rows("SELECT home FROM patch") == [(0,)]
    assert await world.rows("SELECT DISTINCT shard FROM outbox") == [(0,)]


async def test_two_patches_of_one_apv_are_never_both_approved_by_policy(world: World) -> None:
    recorded = await world.feed(binary("e-1", data()), binary("e-2", data(patch_id="p-2")))
    assert recorded.fates == {"approved": 1, "pending": 1}
    assert recorded.reasons == {"no_approved_sibling": 1}


async def test_two_patches_of_one_apv_at_the_same_moment_are_never_both_approved(world: World) -> None:
    for round_ in range(10):
        spans = [
            world.span([binary(f"e-{round_}-{n}", data(patch_id=f"p-{round_}-{n}", apv_id=f"A-{round_}"), partition=n)])
            for n in range(4)
        ]
        await asyncio.gather(*(world.recorder.record_results([span]) for span in spans))
        await world.claim()
        states = await world.rows(
            "SELECT state, count(*) FROM patch WHERE apv_id = $1 GROUP BY 1 ORDER BY 1", f"A-{round_}"
        )
        assert states == [("approved", 1), ("pending", 3)]


async def test_the_same_new_patch_on_two_partitions_at_once_is_one_patch(world: World) -> None:
    for round_ in range(10):
        spans = [
            world.span(
                [
                    binary(
                        f"e-{round_}-{n}",
                        data(
                            patch_id=f"p-{round_}",
                            apv_id=f"A-{round_}",
                            wargame__run_id=f"r-{n}",
                            wargame__expected_results=4,
                        ),
                        partition=n,
                    )
                ]
            )
            for n in range(4)
        ]
        await asyncio.gather(*(world.recorder.record_results([span]) for span in spans))
        await world.claim()
        assert await world.gate(f"p-{round_}") == (True, "approved")


async def test_contradicting_evidence_closes_the_gate(world: World) -> None:
    await world.feed(binary("e-1", data()))
    recorded = await world.feed(binary("e-2", data(wargame__run_id="run-2", ml__prediction=False)))
    assert recorded.fates == {"revoked": 1}
    assert await world.gate() == (False, "pending_review")
    decisions = [m["data"]["seq"] for topic, m in await world.messages() if topic == "decisions"]
    assert decisions == [1, 2]


async def test_a_new_artefact_opens_a_round_and_keeps_the_old_one(world: World) -> None:
    await world.feed(binary("e-1", data()))
    await world.feed(binary("e-2", data(patch__diff="other")))
    assert await world.gate() == (False, "pending_review")
    rows = await world.rows("SELECT round, decision FROM hitl_decisions ORDER BY round")
    assert rows == [(1, "revoked"), (2, "pending")]
    await world.feed(binary("e-3", data(wargame__run_id="run-3")))
    assert await world.rows("SELECT round FROM evidence ORDER BY event_id") == [(1,), (2,), (1,)]


async def test_a_person_decides_what_the_policy_does_not(world: World) -> None:
    await world.feed(binary("e-1", data(ml__confidence=0.91)))
    assert await world.gate() == (False, "pending_review")
    async with world.reader.connection() as conn:
        with pytest.raises(command.Stale):
            await command.approve(conn, "p-1", 99, reviewer("alice"))
        approval = await command.approve(conn, "p-1", 1, reviewer("alice"), "looked at it")
        with pytest.raises(command.NotPossible):
            await command.reject(conn, "p-1", approval.version, reviewer("bob"), "too late")
    event = approval.event
    assert event is not None
    assert (event.mode, event.decided_by, event.approvers) == ("human", "alice", ("alice",))
    assert await world.gate() == (True, "approved")
    assert [t for t, _ in await world.messages()] == ["pending_review", "decisions"]


async def test_after_a_rejection_the_policy_never_approves_that_diff_again(world: World) -> None:
    await world.feed(binary("e-1", data(ml__confidence=0.5)))
    async with world.reader.connection() as conn:
        await command.reject(conn, "p-1", 1, reviewer("alice"), "incomplete", ("incomplete_fix",))
    assert (await world.feed(binary("e-2", data()))).fates == {"filed": 1}
    other = await world.feed(binary("e-3", data(patch_id="p-9", apv_id="APV-9")))
    assert other.reasons == {"no_rejection": 1}
    sibling = await world.feed(binary("e-4", data(patch_id="p-8", patch__diff="fresh")))
    assert sibling.reasons == {"no_rejection": 1}


async def test_a_deployment_that_was_never_approved_rings(world: World) -> None:
    await world.feed(binary("e-1", data(ml__confidence=0.5)))
    digest = "sha256:" + sha256(DIFF.encode()).hexdigest()
    recorded = await world.feed(outcome("o-1", "p-1", patch_digest=digest))
    assert [(a.patch_id, a.event_id, a.reason) for a in recorded.alarms] == [("p-1", "o-1", "unapproved_deployment")]
    assert await world.rows("SELECT unapproved FROM outcome") == [(True,)]
    assert await world.rows("SELECT count(*) FROM action WHERE action = 'unapproved_deployment'") == [(1,)]


async def test_a_deployment_of_what_stands_approved_is_quiet(world: World) -> None:
    await world.feed(binary("e-1", data()))
    digest = "sha256:" + sha256(DIFF.encode()).hexdigest()
    assert (await world.feed(outcome("o-1", "p-1", patch_digest=digest))).alarms == []
    assert (await world.feed(outcome("o-1", "p-1", patch_digest=digest))).fates == {"duplicate": 1}


async def test_the_switch_in_the_database_binds_the_next_batch(world: World, database: str) -> None:
    admin = await Database.open(database, "hitl_operator", size=1, name="test-admin")
    async with admin.connection() as conn:
        await conn.execute("UPDATE policy_state SET auto_approve = false, changed_by = 'test'")
    await admin.close()
    assert (await world.feed(binary("e-1", data()))).reasons == {"enabled": 1}


async def test_a_bug_in_pure_code_is_a_dead_letter_and_the_batch_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = lifecycle.receive

    def fails_on_one(patch: Any, result: Any, situation: Any) -> Any:
        if result.event_id == "e-1":
            raise ZeroDivisionError("planted")
        return sound(patch, result, situation)

    monkeypatch.setattr(lifecycle, "receive", fails_on_one)
    recorded = await world.feed(binary("e-1", data()), binary("e-2", data(patch_id="p-2", apv_id="APV-2")))
    assert recorded.fates == {"defect": 1, "approved": 1}
    ((error, reason),) = await world.rows("SELECT error, reason FROM dead_letter")
    assert error == "defect"
    assert "planted" in reason
