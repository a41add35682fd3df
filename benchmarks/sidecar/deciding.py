"""Decisions per second and their latency: the sidecar, the bare route, and pgbench with the same statements."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.pipeline import measure
from benchmarks.sidecar import fill, load, pgbench
from benchmarks.sidecar.load import Question
from benchmarks.sidecar.stand import Served, Stand
from tests.harness import database

SIDECAR, WITH_KEY, BARE, PGBENCH = "sidecar", "sidecar, Idempotency-Key", "bare FastAPI + asyncpg", "pgbench"
CONTESTANTS = (SIDECAR, WITH_KEY, BARE, PGBENCH)
LATENCY_RATE = 100.0
WARM = 200
REASON = {"reason": "incomplete fix"}


@dataclass(frozen=True, slots=True)
class Rate:
    """One run. CPU is that of the process that answers and of Postgres, µs per decision; none of pgbench's own."""

    contestant: str
    round: int
    per_second: float
    server_us: float
    postgres_us: float


def rates(stand: Stand, decisions: int, rounds: int) -> Iterator[Rate]:
    """Every contestant in turn, each in a fresh database."""
    for round_ in range(1, rounds + 1):
        for contestant in CONTESTANTS:
            with database.migrated(stand.postgres) as url:
                asyncio.run(fill.fill(url, (decisions + WARM + 1) * fill.PENDING_OF, told=lambda _: None))
                yield _run(stand, contestant, url, decisions, round_)


def _run(stand: Stand, contestant: str, url: str, decisions: int, round_: int) -> Rate:
    if contestant == PGBENCH:
        idle = measure.cpu_s([stand.postgres.pid])
        with tempfile.TemporaryDirectory() as folder:
            rate = asyncio.run(pgbench.run(url, Path(folder), load.CONNECTIONS, decisions))
        spent = measure.cpu_s([stand.postgres.pid]) - idle
        return Rate(contestant, round_, rate, 0.0, spent / decisions * 1e6)
    serve = stand.bare if contestant == BARE else stand.sidecar
    with serve(url) as served:
        questions = rejections(stand, 1, decisions + WARM, with_key=contestant == WITH_KEY)
        asyncio.run(load.closed(served.url, questions[:WARM])).must_be(200)
        before = _spent(stand, served)
        answered = asyncio.run(load.closed(served.url, questions[WARM:])).must_be(200)
        after = _spent(stand, served)
    server, postgres = ((b - a) / decisions * 1e6 for a, b in zip(before, after, strict=True))
    return Rate(contestant, round_, decisions / answered.seconds, server, postgres)


def latency(stand: Stand, served: Served, decisions: int) -> list[float]:
    """Milliseconds of each decision at LATENCY_RATE, from its scheduled time; the first are made to warm up."""
    warm = decisions // 4
    questions = rejections(stand, 1, warm + decisions, with_key=True)
    asyncio.run(load.scheduled(served.url, questions[:warm], LATENCY_RATE)).must_be(200)
    return asyncio.run(load.scheduled(served.url, questions[warm:], LATENCY_RATE)).must_be(200).milliseconds


def rejections(stand: Stand, first: int, count: int, *, with_key: bool) -> list[Question]:
    """Of that many pending patches from the first-th on, by all reviewers in turn."""
    asked = []
    for number in range(first, first + count):
        who = number % len(stand.people)
        headers = {"Authorization": f"Bearer {stand.tokens[who]}", "If-Match": '"1"', "X-Person": stand.people[who]}
        if with_key:
            headers["Idempotency-Key"] = f"key-{number}"
        path = f"/hitl/patches/{fill.patch_name(number * fill.PENDING_OF)}/reject"
        asked.append(Question("POST", path, headers, REASON))
    return asked


def _spent(stand: Stand, served: Served) -> tuple[float, float]:
    return measure.cpu_s([served.pid]), measure.cpu_s([stand.postgres.pid])
