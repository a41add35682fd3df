"""What must not stop a partition: keys that are there already, whoever put them there and however long ago."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import asyncpg
import pytest

from hitl_stream.contract import content
from hitl_stream.review import lifecycle
from hitl_stream.store import adoption, ledger
from hitl_stream.store.database import Database
from tests.event import binary, data, outcome
from tests.store.world import RESULTS, World


async def forget_identities(database: str) -> None:
    """What retention does after twice the topics' retention."""
    owner = await asyncpg.connect(database)
    async with owner.transaction():
        await owner.execute("SELECT set_config('hitl.retention', 'on', true)")
        await owner.execute("DELETE FROM event_seen")
    await owner.close()


async def adopt_from_earliest(database: str) -> None:
    operator = await Database.open(database, "hitl_operator", size=1, name="test-operator")
    async with operator.transaction() as conn:
        await adoption.adopt(conn, "cluster", RESULTS, dict.fromkeys(range(4), 0), "id-1", "ann", "recreated")
    await operator.close()


async def test_an_approval_handed_over_inside_a_batch_is_recorded(world: World) -> None:
    """p-9 lets the apv_id go and p-1 takes it over: rows in the order of ids alone would break the unique index."""
    await world.feed(binary("e-1", data(patch_id="p-1", wargame__expected_results=2, patch__diff="one")))
    await world.feed(binary("e-2", data(patch_id="p-9", patch__diff="nine")))
    contradicting = data(patch_id="p-9", patch__diff="nine", wargame__run_id="run-2", ml__prediction=False)
    completing = data(patch_id="p-1", patch__diff="one", wargame__expected_results=2, wargame__run_id="run-2")
    recorded = await world.feed(binary("e-3", contradicting), binary("e-4", completing))
    assert recorded.fates == {"revoked": 1, "approved": 1}
    assert await world.rows("SELECT patch_id, state FROM patch ORDER BY 1") == [("p-1", "approved"), ("p-9", "pending")]


async def test_after_an_adoption_from_earliest_everything_is_read_again_and_nothing_stops(
    world: World, database: str
) -> None:
    records = [binary("e-1", data()), *(binary(f"e-{n}", b"{") for n in range(2, 12))]
    assert (await world.feed(*records)).fates == {"approved": 1, "bad_record": 10}
    await adopt_from_earliest(database)
    await world.claim()
    assert (await world.feed(*records)).fates == {"duplicate": 1, "bad_record": 10}
    assert await world.rows("SELECT count(*) FROM decision") == [(1,)]


async def test_an_event_repeated_after_its_identity_is_forgotten_is_still_a_duplicate(
    world: World, database: str
) -> None:
    digest = "sha256:" + sha256(data()["patch"]["diff"].encode()).hexdigest()
    await world.feed(binary("e-1", data()))
    await world.feed(outcome("o-1", "p-1", patch_digest=digest))
    await forget_identities(database)
    fresh = binary("e-2", data(patch_id="p-2", apv_id="APV-2"))
    assert (await world.feed(binary("e-1", data()), fresh)).fates == {"duplicate": 1, "approved": 1}
    assert (await world.feed(outcome("o-1", "p-1", patch_digest=digest))).fates == {"duplicate": 1}
    await forget_identities(database)
    assert (await world.feed(binary("e-1", data(ml__confidence=0.1)))).fates == {"conflict": 1}
    assert (await world.feed(outcome("o-1", "p-1", outcome="failed", patch_digest=digest))).fates == {"conflict": 1}
    assert await world.gate() == (True, "approved")


def spelled_otherwise(content: dict[str, Any]) -> bytes:
    return json.dumps(dict(reversed(content.items())), indent=1).encode()


async def test_the_same_content_in_another_spelling_is_a_duplicate_in_the_batch_and_later(world: World) -> None:
    first, other, same = data(), data(ml__confidence=0.1), spelled_otherwise(data())
    recorded = await world.feed(*(binary("e-1", value) for value in (first, same, other, first, same)))
    assert recorded.fates == {"approved": 1, "duplicate": 3, "conflict": 1}
    recorded = await world.feed(*(binary("e-1", value) for value in (same, other, first, data(patch_id="p-2"))))
    assert recorded.fates == {"duplicate": 2, "conflict": 2}
    report = outcome("o-1", "p-1")
    assert report.value is not None
    again = report._replace(value=json.dumps(json.loads(report.value), indent=1).encode())
    assert (await world.feed(report, again)).fates == {"outcome": 1, "duplicate": 1}
    assert (await world.feed(again, outcome("o-1", "p-1", outcome="failed"))).fates == {"duplicate": 1, "conflict": 1}


async def test_more_repeats_than_are_compared_at_once_each_end_in_one_place(world: World) -> None:
    count = ledger.COMPARED_AT_ONCE * 2 + 1
    given = [data(patch_id=f"p-{n}", apv_id=f"APV-{n}") for n in range(count)]
    await world.feed(*(binary(f"e-{n}", content) for n, content in enumerate(given)))
    again = [binary(f"e-{n}", spelled_otherwise(content)) for n, content in enumerate(given)]
    assert (await world.feed(*again)).fates == {"duplicate": count}


async def test_repeats_of_one_id_read_what_is_stored_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand small conflicts with one large event must not take a thousand times what it takes to read that one."""
    await world.feed(binary("e-1", data()))
    await world.feed(outcome("o-1", "p-1"))
    read: list[bytes] = []

    def keep(payload: bytes) -> Any:
        read.append(payload)
        return json.loads(payload)

    monkeypatch.setattr(content, "read", keep)
    repeats = [binary("e-1", data(attempt=n)) for n in range(50)]
    fresh = [binary("e-2", data(patch_id="p-2", apv_id="APV-2", attempt=n)) for n in range(50)]
    assert (await world.feed(*repeats, *fresh)).fates == {"conflict": 99, "approved": 1}
    assert len(read) == 51 + 1 + 49  # the stored one and each of its repeats, the new one and each of its


async def test_an_identity_of_the_other_topic_is_known_until_it_is_forgotten(world: World, database: str) -> None:
    await world.feed(outcome("x-1", "p-1", detail="first"))
    assert (await world.feed(binary("x-1", data(), source="/eureka"))).fates == {"conflict": 1}
    await forget_identities(database)
    other = binary("e-9", data(patch_id="p-9", apv_id="APV-9"))
    recorded = await world.feed(binary("x-1", data(), source="/eureka"), other)
    assert recorded.fates == {"pending": 1, "approved": 1}


async def test_a_payload_that_was_let_go_is_compared_by_its_digest(world: World, database: str) -> None:
    await world.feed(binary("e-1", data()))
    owner = await asyncpg.connect(database)
    async with owner.transaction():
        await owner.execute("SELECT set_config('hitl.retention', 'on', true)")
        await owner.execute("UPDATE evidence SET payload = NULL")
    await owner.close()
    assert (await world.feed(binary("e-1", data()))).fates == {"duplicate": 1}
    assert (await world.feed(binary("e-1", spelled_otherwise(data())))).fates == {"conflict": 1}


async def test_a_deployment_told_by_its_decision_alone_counts_when_the_approval_ends(world: World) -> None:
    await world.feed(binary("e-1", data()))
    ((decision_id,),) = await world.rows("SELECT decision_id::text FROM decision")
    assert (await world.feed(outcome("o-1", "p-1", decision_id=decision_id))).alarms == []
    recorded = await world.feed(binary("e-2", data(wargame__run_id="run-2", ml__prediction=False)))
    assert [alarm.reason for alarm in recorded.alarms] == ["revoked_after_deployment"]
    assert await world.rows("SELECT deployed FROM decision WHERE decision = 'revoked'") == [("yes",)]


async def test_a_result_that_names_another_apv_id_brings_its_rejection_along(world: World) -> None:
    await world.feed(binary("e-1", data(patch_id="p-7", apv_id="APV-B", patch__diff="b", ml__confidence=0.5)))
    await world.reject("p-7", 1)
    await world.feed(binary("e-2", data(apv_id="APV-A", wargame__expected_results=2)))
    last = data(apv_id="APV-B", wargame__expected_results=2, wargame__run_id="run-2")
    assert (await world.feed(binary("e-3", last))).reasons == {"no_rejection": 1}


@pytest.mark.parametrize("apart", [False, True], ids=["in one batch", "in two"])
async def test_what_a_later_result_of_another_patch_names_stands_in_the_way_too(world: World, apart: bool) -> None:
    half = {"wargame__expected_results": 2}
    approved = [
        binary("a-1", data(apv_id="APV-A", **half)),
        binary("a-2", data(apv_id="APV-X", wargame__run_id="run-2", **half)),
    ]
    sibling = binary("b-1", data(patch_id="p-2", apv_id="APV-X", patch__diff="b"))
    if apart:
        await world.feed(*approved)
        recorded = await world.feed(sibling)
    else:
        recorded = await world.feed(*approved, sibling)
    assert recorded.reasons == {"no_approved_sibling": 1}
    assert await world.rows("SELECT apv_id, patch_id FROM other_apv") == [("APV-X", "p-1")]
    # It no longer stands approved: another patch may be.
    await world.feed(binary("a-3", data(apv_id="APV-A", ml__prediction=False, wargame__run_id="run-3", **half)))
    await world.feed(binary("c-1", data(patch_id="p-3", apv_id="APV-X", patch__diff="c")))
    states = "SELECT patch_id, state FROM patch ORDER BY 1"
    assert await world.rows(states) == [("p-1", "pending"), ("p-2", "pending"), ("p-3", "approved")]
    # A person rejected it: nothing that it named is approved by policy any more, whenever it was named.
    ((version,),) = await world.rows("SELECT version FROM patch WHERE patch_id = 'p-1'")
    await world.reject("p-1", version)
    late = binary("a-4", data(apv_id="APV-Y", wargame__run_id="run-4", **half))
    others = [binary(f"d-{n}", data(patch_id=f"q-{n}", apv_id=f"APV-{n}", patch__diff=n)) for n in "XYZ"]
    if apart:
        await world.feed(late)
        await world.feed(*others)
    else:
        await world.feed(late, *others)
    states = "SELECT patch_id, state FROM patch WHERE patch_id LIKE 'q%' ORDER BY 1"
    assert await world.rows(states) == [("q-X", "pending"), ("q-Y", "pending"), ("q-Z", "approved")]


async def test_a_result_without_a_diff_does_not_hide_that_its_artefact_was_rejected(world: World) -> None:
    await world.feed(binary("e-1", data(patch_id="p-7", apv_id="APV-B", ml__confidence=0.5)))
    await world.feed(binary("e-2", data(apv_id="APV-A", wargame__expected_results=2)))
    await world.reject("p-7", 1)
    last = data(apv_id="APV-A", wargame__expected_results=2, wargame__run_id="run-2", patch__diff=None)
    recorded = await world.feed(binary("e-3", last))
    assert recorded.fates == {"pending": 1}
    assert "no_rejection" in recorded.reasons


async def test_what_a_full_round_does_not_take_is_a_dead_letter_that_can_come_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as limited:
        limited.setattr(lifecycle, "RESULTS_MAX", 1)
        records = [binary(f"e-{n}", data(ml__confidence=0.9, wargame__run_id=f"run-{n}")) for n in (1, 2, 1)]
        recorded = await world.feed(*records)
        assert recorded.fates == {"pending": 1, "bad_record": 1, "duplicate": 1}
        assert await world.rows("SELECT event_id FROM event_seen") == [("e-1",)]
        ((reason,),) = await world.rows("SELECT reason FROM dead_letter")
        assert reason == "round 1 of this patch has 1 results and takes no more"
    assert (await world.feed(records[1])).fates == {"filed": 1}
