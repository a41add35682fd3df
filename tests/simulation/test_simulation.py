"""Stories in which anybody may die at any statement: at their end everything is recorded, rightly, once, and told in order.

Hypothesis makes them up and tells a failing one as short as it can: the steps that it prints are what happened. The judge is
that of the fault campaign, which knows nothing of the product.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import Coroutine, Iterator
from typing import Any, ClassVar, TypeVar

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from hitl_stream.store.database import Database
from tests.faults import stage
from tests.faults.judge import checker, snapshot
from tests.faults.upstream import corpus, event
from tests.faults.upstream.event import Event, Raw
from tests.harness import database as databases
from tests.harness.availability import scaled
from tests.harness.postgres import PostgresServer
from tests.simulation.fragile import Fuse
from tests.simulation.simulated import PARTITIONS, Simulation

T = TypeVar("T")
TEMPLATE = "simulation_template"
ROLES = ("hitl_worker", "hitl_scheduler", "hitl_sidecar")
PATCHES = ("p-1", "p-2", "p-3")
APVS = {"p-1": "APV-1", "p-2": "APV-1", "p-3": "APV-3"}
SEVERITIES = {"p-1": "low", "p-2": "high", "p-3": "critical"}  # two must approve the last one
PEOPLE = ("ann", "bob", "eve")
CHANGES: dict[str, tuple[tuple[str, Any], ...]] = {
    "good": (),
    "doubtful": (("ml.confidence", 0.5),),
    "contradicting": (("ml.prediction", False),),
    "critical": (("vulnerability.severity", "critical"),),
    "one of two": (("wargame.expected_results", 2),),
    "by ann": (("patch.author", event.ANN_AS_AUTHOR), ("ml.confidence", 0.5)),
    "by nobody known": (("patch.author", event.UNKNOWN_AUTHOR), ("ml.confidence", 0.5)),
    "another diff": (("patch.diff", "+another diff\n"),),
    "without a diff": (("patch.diff", ...),),
}
patches, people, partitions = st.sampled_from(PATCHES), st.sampled_from(PEOPLE), st.integers(0, PARTITIONS - 1)
workers, kinds = st.integers(0, 1), st.sampled_from(sorted(CHANGES))
# Most live; the others die at one of the first statements, before it or after.
deaths = st.one_of(st.none(), st.none(), st.tuples(st.integers(0, 14), st.booleans()))
asked = st.sampled_from(("approve", "approve", "approve", "reject", "revoke", "reopen", "claim"))
happened: Counter[str] = Counter()


def fuse(death: tuple[int, bool] | None) -> Fuse:
    return Fuse(None, after=False) if death is None else Fuse(death[0], after=death[1])


class Story(RuleBasedStateMachine):
    """`server` is set by the test."""

    server: ClassVar[PostgresServer]

    @initialize(first=st.lists(st.tuples(patches, kinds, partitions), min_size=4, max_size=8))
    def begin(self, first: list[tuple[str, str, int]]) -> None:
        self._fresh = databases.fresh(self.server, TEMPLATE)
        url = self._fresh.__enter__()
        self._runner = asyncio.Runner()
        self._ids = itertools.count(1)
        self._sent: list[Raw] = []
        self._seen: dict[str, int] = {}
        self._last: tuple[str, str, str] | None = None
        self._simulation = self._run(self._open(url))
        for result in first:
            self.send(*result)
        for worker, partition in ((0, 0), (1, 1)):
            self.claim(worker, partition, None)
            self.poll(worker, len(first), None)

    async def _open(self, url: str) -> Simulation:
        roles = {role: await Database.open(url, role, size=1, name="simulation") for role in ROLES}
        return Simulation(await asyncpg.connect(url), roles)

    @rule(patch_id=patches, kind=kinds, partition=partitions)
    def send(self, patch_id: str, kind: str, partition: int) -> None:
        """A result of upstream."""
        self._send(event.binary(self._event(patch_id, kind)), partition)

    @rule(partition=partitions, which=st.integers(0, 9))
    def repeat(self, partition: int, which: int) -> None:
        """The same bytes again, wherever."""
        if self._sent:
            self._send(self._sent[which % len(self._sent)], partition)

    @rule(partition=partitions)
    def send_poison(self, partition: int) -> None:
        self._send(Raw(b"p-1", b"{", ()), partition)

    @rule(worker=workers, partition=partitions, death=deaths)
    def claim(self, worker: int, partition: int, death: tuple[int, bool] | None) -> None:
        """The group changes its mind; who had it before may not know."""
        self._run(self._simulation.claim(self._simulation.workers[worker], partition, fuse(death)))

    @rule(worker=workers, count=st.integers(1, 4), death=deaths)
    def poll(self, worker: int, count: int, death: tuple[int, bool] | None) -> None:
        """What it believes to be its own, partition by partition."""
        for partition in sorted(self._simulation.workers[worker].claims):
            self._run(self._simulation.poll(self._simulation.workers[worker], partition, count, fuse(death)))

    @rule(worker=workers, death=deaths)
    def publish(self, worker: int, death: tuple[int, bool] | None) -> None:
        self._run(self._simulation.publish(self._simulation.workers[worker], fuse(death)))

    @rule(patch_id=patches)
    def look(self, patch_id: str) -> None:
        """Somebody opens a card, and leaves it open."""
        found = self._run(self._simulation.version_of(patch_id))
        if found is not None:
            self._seen[patch_id] = found

    @rule(what=asked, who=people, patch_id=patches, death=deaths, old=st.integers(0, 3))
    def ask(self, what: str, who: str, patch_id: str, death: tuple[int, bool] | None, old: int) -> None:
        """Of what is there, or of what was there when the card was opened."""
        version = self._run(self._simulation.version_of(patch_id)) if old else self._seen.get(patch_id)
        if version is not None:
            self._last = (what, who, patch_id)
            self._run(self._simulation.ask(what, who, patch_id, version, fuse(death)))

    @rule(who=people, patch_id=patches, times=st.integers(1, 2))
    def approve_what_is_there(self, who: str, patch_id: str, times: int) -> None:
        """What people mostly do; some of them twice."""
        for _ in range(times):
            self.ask("approve", who, patch_id, None, 1)

    @rule(death=deaths)
    def ask_again(self, death: tuple[int, bool] | None) -> None:
        """The same person, the same thing, as it stands now."""
        if self._last is not None:
            self.ask(*self._last, death, 1)

    @rule(patch_id=patches)
    def let_time_pass(self, patch_id: str) -> None:
        self._run(self._simulation.let_time_pass(patch_id))

    @rule(death=deaths)
    def end_what_is_due(self, death: tuple[int, bool] | None) -> None:
        self._run(self._simulation.end_what_is_due(fuse(death)))

    def teardown(self) -> None:
        if not hasattr(self, "_simulation"):
            return
        try:
            world = self._run(self._simulation.settle())
            violations = checker.check(world)
            assert violations == [], checker.report(world, violations, "text")
            happened.update({name: number > 0 for name, number in checker.figures(world).items()})
        finally:
            self._run(self._close())
            self._runner.close()
            self._fresh.__exit__(None, None, None)

    async def _close(self) -> None:
        await self._simulation.owner.close()
        for database in self._simulation.roles.values():
            await database.close()

    def _event(self, patch_id: str, kind: str) -> Event:
        number = next(self._ids)
        made = event.approvable(random.Random(number), number, patch_id, APVS[patch_id], corpus.load(seed=1)[0])
        made = made.changed("patch.author", event.MACHINE)
        made = made.changed("vulnerability.severity", SEVERITIES[patch_id])
        for path, value in CHANGES[kind]:
            made = made.changed(path, value)
        return made

    def _send(self, raw: Raw, partition: int) -> None:
        self._sent.append(raw)
        self._simulation.broker.inputs[partition].append(raw)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)


@pytest.fixture(scope="module")
def prepared(postgres: PostgresServer) -> Iterator[PostgresServer]:
    """A server with a template: all migrations, spies, people."""

    async def prepare(url: str) -> None:
        connection = await asyncpg.connect(url)
        await snapshot.install_spy(connection)
        await connection.execute("DELETE FROM access_group_role")
        await stage.admit_people(connection)
        await connection.close()

    with databases.migrated(postgres) as url:
        databases.run(prepare(url))
        name = url.rpartition("/")[2]
        databases.run(databases.execute(postgres.url(), f"CREATE DATABASE {TEMPLATE} TEMPLATE {name}"))
    yield postgres
    databases.run(databases.execute(postgres.url(), f"DROP DATABASE {TEMPLATE} WITH (FORCE)"))


def test_whoever_dies_wherever_the_story_ends_well(prepared: PostgresServer) -> None:
    Story.server = prepared
    happened.clear()
    run_state_machine_as_test(
        Story,
        settings=settings(
            max_examples=scaled(50, 400),
            stateful_step_count=scaled(40, 60),
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=scaled(1, 0) == 1,
            database=None,
        ),
    )
    wanted = (
        "results applied",
        "duplicates",
        "bad records",
        "decisions",
        "decisions by people",
        "votes",
        "revoked",
        "expired",
    )
    assert [name for name in wanted if happened[name] == 0] == []
