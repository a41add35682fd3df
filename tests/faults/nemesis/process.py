"""Faults of the product's own processes: killed, frozen, told to end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

from tests.faults.nemesis.kind import Kind
from tests.faults.program import Program
from tests.faults.toll import Bite
from tests.faults.upstream import generate

if TYPE_CHECKING:
    from tests.faults.episode import Episode

SESSION_OVER_S: Final = 12.0  # the group gives a silent worker up after 10
LEASE_OVER_S: Final = 20.0  # it lasts 15
REQUEST_OVER_S: Final = 8.0
THAWED_S: Final = 3.0
JOINED_S: Final = 10.0
JOIN_S, JOINS = 3.0, 4
BURST, BURSTS, BURST_S = 300, 5, 3.0  # more records than are written without a COPY
CUT_OFF_S: Final = 75.0  # session time-out, half a minute of silence, and a wait for the lock
STOPPED_S = 0.2
# Whose client has said half of something, since when, and that it holds what the next owner of a partition needs.
HOLDING: Final = """
SELECT string_agg(DISTINCT s.pid || ' ' || s.state_change, ',')
  FROM pg_stat_activity AS s JOIN pg_locks AS l ON l.pid = s.pid AND l.granted AND l.relation = 'consumer_position'::regclass
 WHERE s.usename = $1 AND s.state = 'active' AND s.wait_event = 'ClientRead' AND l.mode = 'RowExclusiveLock'"""


def kill_worker(episode: Episode) -> Bite:
    worker = episode.rng.choice(episode.workers)
    worker.kill()
    bite = episode.witness.left_by(worker.pid)
    _start_again(episode, worker)
    return bite


def freeze_worker(episode: Episode) -> Bite:
    """For longer than its session lasts: what it goes on with afterwards belongs to somebody else by then."""
    worker = episode.rng.choice(episode.workers)
    with _frozen(worker):
        bite = episode.witness.left_by(worker.pid)
        episode.pause(SESSION_OVER_S)
    return bite


def freeze_worker_within_statement(episode: Episode) -> Bite:
    """Where no time limit of Postgres reaches (in a COPY, before it runs what it prepared): who needs its locks cuts it off."""
    worker = episode.rng.choice(episode.workers)
    login = worker.name.replace("-", "_")
    with ExitStack() as frozen:
        frozen.callback(worker.thaw)
        if not any(_freeze_within_statement(episode, worker, login) for _ in range(BURSTS)):
            return Bite()
        bite = episode.witness.left_by(worker.pid)
        if not episode.until(lambda: not episode.witness.left_by(worker.pid), CUT_OFF_S):
            episode.failures.append(f"{worker.name}, frozen in a statement, kept what it owned for {CUT_OFF_S:.0f} s")
    return bite


def end_worker(episode: Episode) -> Bite:
    worker = episode.rng.choice(episode.workers)
    bite = episode.witness.left_by(worker.pid)
    worker.stop()
    _start_again(episode, worker)
    return bite


def kill_sidecar(episode: Episode) -> Bite:
    sidecar, open_requests = _busy_sidecar(episode)
    sidecar.kill()
    _start_again(episode, sidecar)
    return Bite(open_requests=open_requests)


def freeze_sidecar(episode: Episode) -> Bite:
    sidecar, open_requests = _busy_sidecar(episode)
    with _frozen(sidecar):
        episode.pause(episode.rng.uniform(1.0, REQUEST_OVER_S))
    return Bite(open_requests=open_requests)


def end_sidecar(episode: Episode) -> Bite:
    sidecar, open_requests = _busy_sidecar(episode)
    sidecar.stop()
    _start_again(episode, sidecar)
    return Bite(open_requests=open_requests)


def kill_scheduler(episode: Episode) -> Bite:
    overdue = _something_overdue(episode)
    episode.scheduler.kill()
    _start_again(episode, episode.scheduler)
    return Bite(overdue=overdue)


def freeze_scheduler(episode: Episode) -> Bite:
    """For longer than its lease lasts, with another one there to take it."""
    overdue = _something_overdue(episode)
    with episode.passing("scheduler-2", "scheduler", "scheduler"):
        with _frozen(episode.scheduler):
            episode.pause(LEASE_OVER_S)
        episode.pause(THAWED_S)  # both are there, and one of them does not know that its lease is over
    return Bite(overdue=overdue)


def kill_eureka(episode: Episode) -> Bite:
    unpublished = [0]

    def is_publishing() -> bool:
        unpublished[0] = episode.witness.everything().unpublished
        return unpublished[0] > 0

    episode.until(is_publishing)
    episode.eureka.kill()
    bite = Bite(unpublished=unpublished[0])
    _start_again(episode, episode.eureka)
    return bite


def storm_of_rebalances(episode: Episode) -> Bite:
    """A third worker joins and leaves again and again."""
    bite = episode.witness.everything()
    joined = 0
    for _ in range(JOINS):
        with episode.passing("worker-3", "worker_3", "worker", "--processes", "1", "--instance", "third") as worker:
            joined += episode.until(worker.is_ready, JOINED_S)
            episode.pause(JOIN_S)
    return bite if joined else Bite()


def _freeze_within_statement(episode: Episode, worker: Program, login: str) -> bool:
    """Whether it worked; a statement takes a few milliseconds, and its end may be on its way already."""

    def is_in_a_statement() -> bool:
        worker.freeze()
        if held := episode.witness.ask(HOLDING, login):
            episode.pause(STOPPED_S)
            if episode.witness.ask(HOLDING, login) == held:
                return True
        worker.thaw()
        return False

    upstream = episode.upstream()
    upstream.send(generate.burst(BURST, seed=episode.rng.getrandbits(32)))
    try:
        return episode.until(is_in_a_statement, BURST_S)
    finally:
        upstream.finish()


@contextmanager
def _frozen(program: Program) -> Iterator[None]:
    program.freeze()
    try:
        yield
    finally:
        program.thaw()


def _start_again(episode: Episode, program: Program) -> None:
    episode.pause(episode.rng.choice((0.0, 0.0, 1.0)))
    program.start()


def _busy_sidecar(episode: Episode) -> tuple[Program, int]:
    """One of them, with a request under way: they are short."""
    sidecar = episode.rng.choice(episode.sidecars)
    found = [0]

    def is_busy() -> bool:
        found[0] = episode.crew.open_requests(sidecar.url)
        return found[0] > 0

    episode.until(is_busy)
    return sidecar, found[0]


def _something_overdue(episode: Episode) -> int:
    found = [0]

    def is_overdue() -> bool:
        found[0] = episode.witness.overdue()
        return found[0] > 0

    episode.until(is_overdue)
    return found[0]


KINDS: Final = (
    Kind("worker killed", kill_worker),
    Kind("worker frozen", freeze_worker),
    Kind("worker frozen within a statement", freeze_worker_within_statement),
    Kind("worker ended", end_worker),
    Kind("sidecar killed", kill_sidecar),
    Kind("sidecar frozen", freeze_sidecar),
    Kind("sidecar ended", end_sidecar),
    Kind("scheduler killed", kill_scheduler),
    Kind("scheduler frozen", freeze_scheduler),
    Kind("Eureka killed", kill_eureka),
    Kind("storm of rebalances", storm_of_rebalances),
)
