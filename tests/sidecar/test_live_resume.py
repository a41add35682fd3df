"""Who comes back to live updates with a cursor: nothing is missing, or they are told to begin anew."""

from __future__ import annotations

import asyncpg
import pytest
from websockets.exceptions import ConnectionClosed

from hitl_stream.sidecar import hub
from tests.sidecar.conftest import Upstream
from tests.sidecar.listening import Running, end_of, hear

CHANGES = "INSERT INTO change (kind, patch_id) SELECT 'review_changed', 'p-1'"


async def test_after_a_reconnect_nothing_is_missing_however_transactions_overlap(
    running: Running, upstream: Upstream, database: str
) -> None:
    for name in ("early", "late"):
        given = {"patch_id": name, "apv_id": f"A-{name}", "patch__diff": name, "ml__confidence": 0.5}
        await upstream.result(f"e-{name}", **given)
    early, late = await asyncpg.connect(database), await asyncpg.connect(database)
    attempt = early.transaction()
    await attempt.start()
    await early.execute("INSERT INTO change (kind, patch_id) VALUES ('review_changed', 'early')")
    async with running.listening() as socket:
        cursor = (await hear(socket))["cursor"]
    await late.execute("INSERT INTO change (kind, patch_id) VALUES ('review_changed', 'late')")
    async with running.listening(cursor=cursor) as socket:
        told = [await hear(socket) for _ in range(2)]
        assert [message.get("patch_id") for message in told] == ["late", None]
        cursor = told[-1]["cursor"]
    await attempt.commit()  # it began before the first cursor, and commits behind the second
    async with running.listening(cursor=cursor) as socket:
        assert (await hear(socket))["patch_id"] == "early"
    await early.close()
    await late.close()


async def test_who_was_away_for_longer_than_changes_are_kept_is_told_to_begin_anew(
    running: Running, upstream: Upstream, database: str
) -> None:
    await upstream.result(ml__confidence=0.5)
    async with running.listening() as socket:
        before = (await hear(socket))["cursor"]
    owner = await asyncpg.connect(database)
    await owner.execute(CHANGES)
    async with running.listening() as socket:
        after = (await hear(socket))["cursor"]
    await owner.execute("UPDATE change SET at = at - interval '2 hours'")
    assert await owner.fetchval("SELECT forget_changes('1 hour', 1000)") >= 1
    await owner.close()
    async with running.listening(cursor=before) as socket:
        assert (await end_of(socket)).code == hub.NOT_ALLOWED
    async with running.listening(cursor=after) as socket:
        assert (await hear(socket))["type"] == "queue_changed"


@pytest.mark.parametrize("cursor", ["x", "1:2", "9:1:"])
async def test_what_is_no_cursor_ends_the_connection(running: Running, cursor: str) -> None:
    async with running.listening(cursor=cursor) as socket:
        with pytest.raises(ConnectionClosed):
            await hear(socket)


async def test_a_cursor_from_the_middle_of_a_batch_brings_the_rest_again(
    running: Running, upstream: Upstream, database: str
) -> None:
    await upstream.result("e-1", ml__confidence=0.5)
    owner = await asyncpg.connect(database)
    async with running.listening() as socket:
        await hear(socket)
        await owner.execute(f"{CHANGES} FROM generate_series(1, 3)")
        told = [await hear(socket) for _ in range(3)]
    async with running.listening(cursor=told[0]["cursor"]) as socket:
        assert [(await hear(socket))["type"] for _ in range(4)] == ["review_changed"] * 3 + ["queue_changed"]
    async with running.listening(cursor=told[-1]["cursor"]) as socket:
        assert (await hear(socket))["type"] == "queue_changed"
    await owner.close()


async def test_what_is_left_out_of_too_many_changes_can_be_for_anybody(
    running: Running, upstream: Upstream, database: str
) -> None:
    await upstream.result("e-1", ml__confidence=0.5)
    owner = await asyncpg.connect(database)
    async with running.listening(query="severity=critical") as socket:
        cursor = (await hear(socket))["cursor"]
        tagged = CHANGES.replace("patch_id)", "patch_id, tags)")
        low = f"{tagged}, '{{severity:low}}' FROM generate_series(1, {hub.CHANGES_MAX})"
        await owner.execute(f"{low}; {tagged}, '{{severity:critical}}'")
        message = await hear(socket)
        assert (message["type"], message["count"]) == ("queue_changed", hub.CHANGES_MAX)
    async with running.listening(query="severity=critical", cursor=cursor) as socket:
        message = await hear(socket)
        assert (message["type"], message["count"]) == ("queue_changed", hub.CHANGES_MAX)
    await owner.close()
