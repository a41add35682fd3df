"""One run: a contestant gets warm, then does a load once, from when it is let in to its last message; its work is checked."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import chain

from confluent_kafka import ConsumerGroupState, KafkaException
from confluent_kafka.admin import AdminClient

from benchmarks.pipeline import contestant as contestants
from benchmarks.pipeline import measure, verify
from benchmarks.pipeline.contestant import Contestant
from benchmarks.pipeline.gate import Gate, let_through
from benchmarks.pipeline.load import Work
from benchmarks.pipeline.peer.place import Place
from benchmarks.pipeline.sink import Sink
from benchmarks.pipeline.world import PARTITIONS, Stage, World
from hitl_stream.embedded.child import Child

READY_S = 90.0
WARM_UP = 3_000  # events before those that are measured: statements are prepared, code is compiled, caches are filled
SETTLE_S = 1.0
TAIL_S = 0.5  # after the last message: offsets are committed, the outbox is emptied
EVENTS_S_MIN = 100.0  # slower than this is stuck
POLL_S = 0.2
SPANS_S = 15.0


class RunFailed(Exception):
    """A contestant ended, hung, or did not do the work."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What one run measured."""

    contestant: str
    size: int
    processes: int
    round: int
    events: int
    first_s: float
    seconds: float
    contestant_s: float
    postgres_s: float
    broker_s: float
    rss_mb: float

    @property
    def events_s(self) -> float:
        """Events per second."""
        return self.events / self.seconds

    @property
    def cpu_us(self) -> float:
        """µs of CPU per event of the contestant's processes and of Postgres; the broker's stand apart."""
        return (self.contestant_s + self.postgres_s) / self.events * 1e6

    @property
    def postgres_us(self) -> float:
        """Postgres' part of `cpu_us`."""
        return self.postgres_s / self.events * 1e6

    @property
    def broker_us(self) -> float:
        """The broker's µs of CPU per event."""
        return self.broker_s / self.events * 1e6


def run(
    world: World, contestant: Contestant, size: int, events: int, processes: int, round_: int, sink: Sink | None = None
) -> Figure:
    """Measure once; with a sink for the spans of one that is traced. Raises RunFailed."""
    work = Work(size, max(1_000, round(events * contestant.share)), max(400, round(WARM_UP * contestant.share)), round_)
    warm = verify.expect(work.first())
    expected = verify.expect(chain(work.first(), work.measured())).without(contestant.leaves_out)
    with world.stage() as stage:
        children = contestants.start(contestant, stage, processes, work)
        watch = verify.Watch(stage)
        try:
            wait_ready(contestant, stage, children, processes)
            gate = None
            if contestant.consumes:
                let_through(stage, work.first())
                _await(contestant, stage, children, watch, warm)
                gate = Gate(stage, work.measured())
            stage.checkpoint()
            time.sleep(SETTLE_S)
            pids = tuple(child.pid for child in children)
            meter = measure.Meter(pids, stage.postgres_pid, stage.broker_pid)
            before = meter.read()
            started_at = _let_in(stage, gate)
            _await(contestant, stage, children, watch, expected)
            time.sleep(TAIL_S)
            if contestant.traced and sink is not None:
                _await_spans(contestant, sink, work.warm_up + work.events)
            used, rss = meter.read() - before, measure.rss_bytes(pids)
            first_at, ended_at = _times(contestant, stage, children, expected, started_at)
        finally:
            watch.close()
            for child in children:
                child.stop()
    return Figure(
        contestant.name, size, processes, round_, work.events, first_at - started_at, ended_at - started_at,
        used.contestant_s, used.postgres_s, used.broker_s, rss / 1e6,
    )  # fmt: skip


def _await_spans(contestant: Contestant, sink: Sink, spans: int) -> None:
    """Every span is sent before the meter is read. Raises RunFailed where one is missing."""
    if not measure.until(lambda: sink.spans >= spans, SPANS_S, POLL_S) or sink.spans > spans:
        raise RunFailed(f"{contestant.label}: {sink.spans} spans of {spans}")


def _await(
    contestant: Contestant, stage: Stage, children: list[Child], watch: verify.Watch, expected: verify.Expectation
) -> None:
    """Wait until so many messages are out and every event is recorded. Raises RunFailed.

    A message may come twice, so their number alone says nothing; the database is not asked before it is reached.
    """
    events = expected.rows["event_seen"]
    deadline_s = events / EVENTS_S_MIN + 60

    def is_done() -> bool:
        return watch.published() >= expected.total and verify.recorded(stage) >= events

    done = measure.until(lambda: _over(children) or is_done(), deadline_s, POLL_S)
    if not done or _over(children):
        raise RunFailed(
            f"{contestant.label}: {verify.recorded(stage)} of {events} events recorded, {watch.published()} messages of "
            f"{expected.total} within {deadline_s:.0f} s: {_trouble(children)}"
        )


def _times(
    contestant: Contestant, stage: Stage, children: list[Child], expected: verify.Expectation, since: float
) -> tuple[float, float]:
    """When the first and the last message were published. Raises RunFailed when the work was not done."""
    try:
        return verify.check(stage, expected, since)
    except verify.Mismatch as difference:
        raise RunFailed(f"{contestant.label}: {difference}; {_trouble(children)}") from difference


def wait_ready(contestant: Contestant, stage: Stage, children: list[Child], processes: int) -> None:
    """Wait until all partitions are assigned to so many processes. Raises RunFailed."""
    client = AdminClient(stage.client())

    def is_ready() -> bool:
        if _over(children):
            return True
        if not contestant.consumes:
            return all((stage.folder / f"ready.{part}").exists() for part in range(processes))
        return _assigned(client, stage, processes)

    if not measure.until(is_ready, READY_S, POLL_S) or _over(children):
        raise RunFailed(f"{contestant.label} is not ready: {_trouble(children)}")


def _assigned(client: AdminClient, stage: Stage, processes: int) -> bool:
    try:
        group = client.describe_consumer_groups([stage.group])[stage.group].result()
    except KafkaException:  # there is no coordinator yet
        return False
    if group.state is not ConsumerGroupState.STABLE or len(group.members) != processes:
        return False
    places = [tp for member in group.members for tp in member.assignment.topic_partitions if tp.topic == stage.results]
    return len(places) == PARTITIONS


def _let_in(stage: Stage, gate: Gate | None) -> float:
    if gate is not None:
        return gate.open()
    Place("", "", "", {}, str(stage.folder), 0, 0, 0, 0, 0, 1).go.touch()
    return time.time()


def _over(children: list[Child]) -> bool:
    return not all(child.alive for child in children)


def _trouble(children: list[Child]) -> str:
    return "; ".join(f"{'alive' if child.alive else 'ended'}: {child.log_tail()}" for child in children)
