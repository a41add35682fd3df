"""What one transaction looks at is bounded: a round takes so many results, and much evidence is read in portions."""

from __future__ import annotations

from collections import Counter

import pytest

from hitl_stream.contract.record import StoredRecord
from hitl_stream.review import lifecycle
from hitl_stream.store import deadline, surroundings
from hitl_stream.store.database import Database
from tests.event import binary, data
from tests.harness import database as databases
from tests.store.world import RESULTS, World

PATCHES = ("p-1", "p-2", "p-3", "p-4")


async def test_a_result_that_its_round_does_not_take_is_a_dead_letter_and_ends_the_review(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "RESULTS_MAX", 2)
    results = [binary(f"e-{n}", data(wargame__run_id=f"run-{n}", ml__confidence=0.9)) for n in range(4)]
    recorded = await world.feed(*results)
    assert recorded.fates == Counter(pending=2, bad_record=2)
    assert "takes no more" in recorded.refused[0].reason
    assert await world.rows("SELECT state, seq FROM patch") == [("expired", 1)]
    assert [data["data"]["decision"] for topic, data in await world.messages() if topic == "decisions"] == ["expired"]
    assert await world.rows("SELECT event_id FROM evidence ORDER BY 1") == [("e-0",), ("e-1",)]
    assert (await world.feed(results[3])).fates == Counter(bad_record=1)
    assert await world.rows("SELECT count(*) FROM dead_letter") == [(3,)]


async def test_much_evidence_is_read_in_portions(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.feed(*_of_each("e", ml__confidence=0.9))
    monkeypatch.setattr(surroundings, "BYTES_MAX", 1)
    monkeypatch.setattr(surroundings, "ROWS_AT_ONCE", 1)
    recorded = await world.feed(*_of_each("f", ml__confidence=0.8))
    assert recorded.fates == Counter(pending=4)
    seen = await world.rows("SELECT count(*), count(DISTINCT xmin::text) FROM evidence WHERE event_id LIKE 'f-%'")
    assert seen == [(4, 4)]
    assert await world.rows("SELECT DISTINCT ml_confidence FROM patch") == [(0.8,)]
    positions = await world.rows(
        "SELECT next_offset FROM consumer_position WHERE topic = $1 AND partition = 0", RESULTS
    )
    assert positions == [(8,)]


async def test_rounds_with_much_evidence_end_in_portions(
    world: World, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.feed(*_of_each("e", wargame__expected_results=2))
    await databases.execute(database, "UPDATE patch SET evidence_due_at = changed_at - interval '1 minute'")
    monkeypatch.setattr(surroundings, "BYTES_MAX", 1)
    scheduler = await Database.open(database, "hitl_scheduler", size=1, name="test")
    for ended in range(1, 5):
        async with scheduler.transaction() as conn:
            assert await deadline.end_collecting(conn, 10) == 5 - ended
        assert await world.rows("SELECT count(*) FROM patch WHERE state = 'pending'") == [(ended,)]
    await scheduler.close()


def _of_each(prefix: str, **changes: object) -> list[StoredRecord]:
    return [
        binary(f"{prefix}-{patch_id}", data(patch_id=patch_id, apv_id=patch_id, wargame__run_id=prefix, **changes))
        for patch_id in PATCHES
    ]
