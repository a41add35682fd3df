"""The samples: each ends as it says, through the real recorder; the same seed gives the same traffic."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import pytest

from hitl_stream.broker.publisher import Outgoing, Publisher
from hitl_stream.contract.record import StoredRecord
from hitl_stream.embedded import sample
from hitl_stream.embedded.happening import Happening
from hitl_stream.embedded.neighbour.sidecar import Sidecar
from hitl_stream.embedded.neighbour.wargame import Wargame
from hitl_stream.embedded.sample import Sample
from hitl_stream.embedded.storyteller import Storyteller
from hitl_stream.errors import Fatal
from hitl_stream.store import command, position, review
from hitl_stream.store.batch import Span
from hitl_stream.store.database import Database
from hitl_stream.store.recording import Recorder
from tests.harness.people import reviewer

RESULTS = "wargaming.results"


class Direct(Publisher):
    """Records what is published at once, without a broker."""

    def __init__(self, recorder: Recorder, epoch: int, loop: asyncio.AbstractEventLoop) -> None:
        self.recorder = recorder
        self.epoch = epoch
        self.loop = loop
        self.published: list[Outgoing] = []

    def publish(self, topic: str, records: Iterable[Outgoing]) -> int:
        for record in records:
            at = len(self.published)
            placed = StoredRecord(
                topic, 0, at, 1_790_000_000_000, record.key, record.value, tuple(record.headers.items())
            )
            span = Span(topic, 0, at, at + 1, self.epoch, [placed])
            asyncio.run_coroutine_threadsafe(self.recorder.record_results([span]), self.loop).result(10)
            self.published.append(record)
        return 1


class Clerk(Sidecar):
    """Decides without HTTP."""

    def __init__(self, database: Database, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__("")
        self.database = database
        self.loop = loop

    def patch(self, patch_id: str) -> tuple[dict[str, Any], str]:
        return {}, asyncio.run_coroutine_threadsafe(self._version(patch_id), self.loop).result(10)

    def decide(self, patch_id: str, action: str, version: str, body: dict[str, Any]) -> dict[str, Any]:
        return asyncio.run_coroutine_threadsafe(self._decide(patch_id, action, int(version)), self.loop).result(10)

    async def _version(self, patch_id: str) -> str:
        async with self.database.connection() as conn:
            found = await review.read_standing(conn, patch_id)
        assert found is not None
        return str(found.version)

    async def _decide(self, patch_id: str, action: str, version: int) -> dict[str, Any]:
        async with self.database.connection() as conn:
            if action == "reject":
                return {
                    "decision": (await command.reject(conn, patch_id, version, reviewer("clerk"), "because")).decision
                }
            event = (await command.approve(conn, patch_id, version, reviewer("clerk"))).event
        return {"decision": event and event.decision}


class Patient(Happening):
    """Has seen everything."""

    def wait(self, what: str, patch_id: str, timeout_s: float) -> bool:
        return True


class World:
    def __init__(self, teller: Storyteller, database: Database, failures: list[str]) -> None:
        self.teller = teller
        self.database = database
        self.failures = failures

    async def tell(self, told: Sample) -> str:
        patch = await asyncio.to_thread(self.teller.tell, told)
        return patch.patch_id

    async def stands(self, patch_id: str) -> tuple[str, set[str]]:
        """The state of a patch and the rules that its card names."""
        async with self.database.connection() as conn:
            row = await conn.fetchrow("SELECT state, reasons FROM patch WHERE patch_id = $1", patch_id)
        if row is None:
            return "dead", set()
        return row["state"], {reason["rule"] for reason in orjson.loads(row["reasons"] or "[]")}


@pytest.fixture
async def world(database: str) -> AsyncIterator[World]:
    worker = await Database.open(database, "hitl_worker", size=2, name="test-worker")
    clerk = await Database.open(database, "hitl_sidecar", size=2, name="test-clerk")
    async with worker.connection() as conn:
        claims = await position.claim(conn, "cluster", RESULTS, {0: (0, 10**9)}, "id-1", "me")
        await position.claim_shards(conn, [0], "me")
    loop, failures = asyncio.get_running_loop(), list[str]()

    def tell(what: str, patch_id: str, more: str) -> None:
        if what == "failed":
            failures.append(f"{patch_id}: {more}")

    wargame = Wargame(Direct(Recorder(worker, "cluster"), claims[0].epoch, loop), RESULTS, "test", 1)
    yield World(Storyteller("test", wargame, [Clerk(clerk, loop)], Patient(), tell), clerk, failures)
    await worker.close()
    await clerk.close()


async def test_every_sample_ends_as_it_says(world: World) -> None:
    for told in sample.story():
        state, reasons = await world.stands(await world.tell(told))
        assert (told.name, state) == (told.name, told.ends)
        if told.ends == "pending":
            assert (told.name, reasons) == (told.name, set(told.reasons))
    assert world.failures == []


async def test_bad_and_contradicting_records_are_in_the_dead_letters(world: World) -> None:
    for told in sample.story():
        await world.tell(told)
    async with world.database.connection() as conn:
        rows = await conn.fetch("SELECT error, reason FROM dead_letter ORDER BY id")
    assert [row["error"] for row in rows] == ["conflict", "bad_record", "bad_record"]
    assert "confidence" in rows[1]["reason"]


async def test_the_trickle_is_all_usable_and_of_every_kind(world: World) -> None:
    states = set()
    for told in islice(sample.trickle(7), 60):
        states.add((await world.stands(await world.tell(told)))[0])
    assert {"approved", "pending"} <= states
    assert "dead" not in states


def test_the_same_seed_gives_the_same_traffic() -> None:
    assert list(islice(sample.trickle(7), 50)) == list(islice(sample.trickle(7), 50))
    assert list(islice(sample.trickle(7), 50)) != list(islice(sample.trickle(8), 50))


def test_every_diff_of_ours_counts_its_lines_rightly() -> None:
    for told in sample.story():
        header, *lines = re.split(r"(?m)^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@.*\n", told.patch.get("diff", ""))
        for before, after, body in zip(lines[0::3], lines[1::3], lines[2::3], strict=True):
            signs = [line[:1] for line in body.splitlines()]
            counted = (signs.count(" ") + signs.count("-"), signs.count(" ") + signs.count("+"))
            assert (told.name, counted) == (told.name, (int(before or 1), int(after or 1)))
            assert header.startswith("--- a/")


def test_patches_from_a_file_are_told_once_each(tmp_path: Path) -> None:
    file = tmp_path / "patches.jsonl"
    lines = [
        {"cve_id": f"CVE-{n}", "diff": f"--- a\n+++ b\n@@ -1 +1 @@\n-{n}\n+x\n", "severity": "HIGH"} for n in range(20)
    ]
    file.write_bytes(b"\n".join(map(orjson.dumps, lines)) + b"\n\n")
    told = list(sample.from_file(file, 3))
    assert [one.cve for one in told] == [line["cve_id"] for line in lines]
    assert [one.patch["diff"] for one in told] == [line["diff"] for line in lines]
    assert told == list(sample.from_file(file, 3))


def test_a_line_that_is_no_patch_is_named(tmp_path: Path) -> None:
    file = tmp_path / "patches.jsonl"
    for wrong in (b"{", b"[]", b'{"cve_id": "CVE-1"}', b"7"):
        file.write_bytes(b'{"cve_id": "CVE-1", "diff": ""}\n' + wrong + b"\n")
        with pytest.raises(Fatal, match=r"patches.jsonl:2: "):
            list(sample.from_file(file, 3))
