"""Live updates: from the commit to the last of a thousand clients, and memory when more happens than anybody can follow."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import orjson

from benchmarks.pipeline import measure
from benchmarks.sidecar import fill
from benchmarks.sidecar.stand import Served, Stand
from hitl_stream.store import statement
from tests.harness.provider import GROUP

CHANGES_PER_S, FLOOD_PER_S = 20, 5_000
SILENT = 10
SETTLE_S = 2.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """Milliseconds from asking to commit a change to each client's hearing of it, and how many were to be heard."""

    clients: int
    milliseconds: list[float]
    expected: int


@dataclass(frozen=True, slots=True)
class Flood:
    """Resident MB of the sidecar before, and the most while it was flooded; its slope in MB per minute over the second half."""

    clients: int
    before_mb: float
    most_mb: float
    mb_per_minute: float
    told_only_that: int
    let_go: int


def deliver(stand: Stand, served: Served, url: str, clients: int, seconds: float, first: int) -> Delivery:
    """Claims of pending patches from the first-th on, CHANGES_PER_S, heard by everybody."""
    with _listeners(stand, served, clients, 0) as heard:
        committed = asyncio.run(_claim(stand, url, int(CHANGES_PER_S * seconds), first))
        time.sleep(SETTLE_S)
    at = heard["at"]
    late = [(when - committed[patch_id]) * 1_000 for patch_id, times in at.items() for when in times]
    return Delivery(clients, late, len(committed) * clients)


def flood(stand: Stand, served: Served, url: str, clients: int, seconds: float) -> Flood:
    """FLOOD_PER_S changes; SILENT of the clients read nothing."""
    with _listeners(stand, served, clients, SILENT) as heard:
        before = measure.rss_bytes([served.pid]) / 1e6
        samples = asyncio.run(_flood(served, url, seconds))
    half = samples[len(samples) // 2 :]
    counts = heard["counts"]
    return Flood(
        clients,
        before,
        max(mb for _, mb in samples),
        measure.slope(half) * 60,
        counts.get("queue_changed", 0),
        counts.get("let_go", 0),
    )


@contextmanager
def _listeners(stand: Stand, served: Served, clients: int, silent: int) -> Iterator[dict[str, Any]]:
    """What they heard is there when the block has ended."""
    heard: dict[str, Any] = {}
    words = [sys.executable, "-m", "benchmarks.sidecar.listeners", served.url, str(clients), str(silent)]
    child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write("\n".join(stand.tokens).encode())
        child.stdin.close()
        if child.stdout.readline() != b"ready\n":
            raise RuntimeError("the listeners did not all join")
        yield heard
        child.terminate()
        heard |= orjson.loads(child.stdout.read())
    finally:
        child.kill()
        child.wait()


async def _claim(stand: Stand, url: str, count: int, first: int) -> dict[str, float]:
    """When each was asked to be committed, by patch."""
    conn = await asyncpg.connect(url, server_settings={"role": "hitl_sidecar"})
    committed: dict[str, float] = {}
    started = time.monotonic()
    for number in range(count):
        await asyncio.sleep(max(0.0, started + number / CHANGES_PER_S - time.monotonic()))
        patch_id = fill.patch_name((first + number) * fill.PENDING_OF)
        async with conn.transaction():
            person = stand.people[number % len(stand.people)]
            await conn.fetchrow(statement.get("claim_by_person"), patch_id, person, [GROUP], None, False, None, None)
            committed[patch_id] = time.time()
    await conn.close()
    return committed


async def _flood(served: Served, url: str, seconds: float) -> list[tuple[float, float]]:
    conn = await asyncpg.connect(url)
    samples, started, step = [], time.monotonic(), 0.1
    rows = int(FLOOD_PER_S * step)
    for number in range(int(seconds / step)):
        await asyncio.sleep(max(0.0, started + number * step - time.monotonic()))
        # Each a change of another patch, as one big batch of a worker makes them.
        await conn.execute(
            f"INSERT INTO change (kind, patch_id) SELECT 'review_changed', patch_name({fill.PENDING_OF} * n)"
            f" FROM generate_series(1, {rows}) AS n"
        )
        samples.append((time.monotonic() - started, measure.rss_bytes([served.pid]) / 1e6))
    await conn.close()
    return samples
