"""The kill −9 proof: real broker, real database, real processes, each killed again and again while results pour in.

    python -m tests.faults.campaign [--results 50000] [--seed 1 …] [--report FILE] [--keep FOLDER]

Starts everything itself. Ends when every record is recorded and the outbox is empty; then the checker compares the world.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from hitl_stream.embedded.postgres import free_port
from tests.faults import report, stage, toll
from tests.faults.judge import checker, snapshot
from tests.faults.program import Program
from tests.faults.report import Summary
from tests.faults.stage import COMMAND, Stage
from tests.faults.toll import Blow, Witness
from tests.faults.upstream import corpus, generate
from tests.faults.upstream.story import Planned

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "eureka_consumer.py"
RESULTS = 50_000
KILLS_PER_WORKER, KILLS_OF_SCHEDULER, KILLS_OF_EUREKA = 5, 2, 2
DEADLINE_S = 240.0
POLL_S = 0.1
CALM_SHARE = 0.8  # of the blows that wait until the one before is got over
TIMED_SHARE, DELAY_S_MAX, PROGRESS_S_MAX = 0.4, 0.6, 3.0
FROZEN_S = 12.0  # the group gives a silent worker up after 10


@dataclass
class Campaign:
    """One run on a prepared stage. `freezes` is how often each worker stands still for longer than its session lasts."""

    stage: Stage
    directory: Path
    results: int = RESULTS
    seed: int = 1
    freezes: int = 1
    blows: list[Blow] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    _started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)
        self._witness = Witness(self.stage.url, self.stage.servers)
        eureka = [sys.executable, str(EXAMPLE), "--bootstrap", self.stage.servers, "--out", str(self._copy)]
        self._workers = [
            self._program("worker-1", "worker_1", "worker", "--processes", "1"),
            self._program("worker-2", "worker_2", "worker", "--processes", "1", "--instance", "second"),
        ]
        self._scheduler = self._program("scheduler", "scheduler", "scheduler")
        self._eureka = Program("eureka", eureka, {}, self.directory / "eureka.log")
        self._programs = [*self._workers, self._scheduler, self._eureka]

    def run(self) -> Summary:
        """Everything: produce under fire, drain, compare."""
        planned = generate.plan(self.results, seed=self.seed, patches=corpus.find())
        self.mark(f"planned {len(planned)} records about {corpus.describe(corpus.find())}")
        upstream = generate.Upstream(self.stage.servers, self.seed)
        codes = {}
        try:
            for program in self._programs:
                program.start()
            self._wait("the workers are ready", lambda: all(p.is_ready() for p in self._programs if p.port))
            self._fire(upstream, planned)
            self.mark("all is produced")
            self._wait("everything is recorded and published", self._witness.is_drained)
            self.mark("everything is recorded and published")
        finally:
            codes = {program.name: program.stop() for program in self._programs}
            self._witness.close()
        return self._judge(upstream, codes)

    def mark(self, what: str) -> None:
        self.marks.append(f"{time.monotonic() - self._started:7.1f} s  {what}")
        print(self.marks[-1], flush=True)

    @property
    def _copy(self) -> Path:
        return self.directory / "eureka.jsonl"

    def _program(self, name: str, login: str, *arguments: str) -> Program:
        port = free_port()
        environment = self.stage.environment(login, port)
        return Program(name, [COMMAND, *arguments], environment, self.directory / f"{name}.log", port)

    def _fire(self, upstream: generate.Upstream, planned: Sequence[Planned]) -> None:
        """One slice of the records per blow, the blow falling somewhere into its processing."""
        blows: list[Callable[[], None]] = [
            *(partial(self._kill, program) for program in self._victims()),
            *(partial(self._freeze, worker) for worker in self._workers * self.freezes),
            self._kill_kafka,
            self._kill_postgres,
        ]
        self._rng.shuffle(blows)
        size = -(-len(planned) // (len(blows) + 1))
        for number, blow in enumerate(blows):
            if self._rng.random() < CALM_SHARE:
                self._wait("the workers are ready", lambda: all(worker.is_ready() for worker in self._workers))
            with ThreadPoolExecutor(1) as thread:
                producing = thread.submit(upstream.send, planned[number * size : (number + 1) * size])
                self._bide(size)
                blow()
                producing.result(DEADLINE_S)
            self._revive()
        upstream.send(planned[len(blows) * size :])
        upstream.finish()

    def _bide(self, size: int) -> None:
        """Let some of the slice be recorded, or just some time pass: any moment must do."""
        moment = self._rng.random()
        if self._rng.random() < TIMED_SHARE:
            self._pause(moment * DELAY_S_MAX)
            return
        goal = self._witness.recorded() + moment * size / 2
        deadline = time.monotonic() + PROGRESS_S_MAX
        while self._witness.recorded() < goal and time.monotonic() < deadline:
            self._pause(0.002)

    def _victims(self) -> list[Program]:
        return [
            *self._workers * KILLS_PER_WORKER,
            *[self._scheduler] * KILLS_OF_SCHEDULER,
            *[self._eureka] * KILLS_OF_EUREKA,
        ]

    def _kill(self, program: Program) -> None:
        program.kill()
        self._note(program.name, *self._witness.left_by(program.pid))
        self._pause(self._rng.choice((0.0, 0.0, 1.0)))
        program.start()

    def _freeze(self, worker: Program) -> None:
        worker.freeze()
        self._note(f"{worker.name} frozen", *self._witness.left_by(worker.pid))
        self._pause(FROZEN_S)
        worker.thaw()

    def _kill_kafka(self) -> None:
        self.stage.kafka.kill()
        self._note("Kafka", 0, self._witness.unpublished())
        self._pause(self._rng.uniform(0.0, 2.0))
        self.stage.kafka.start()

    def _kill_postgres(self) -> None:
        self.stage.postgres.kill()
        self._pause(self._rng.uniform(0.0, 2.0))
        self.stage.postgres.start()
        self._note("Postgres", self._witness.unrecorded(), self._witness.unpublished())

    def _note(self, victim: str, unrecorded: int, unpublished: int) -> None:
        self.blows.append(Blow(victim, unrecorded, unpublished))
        self.mark(f"{victim}: {unrecorded} records unrecorded, {unpublished} outbox rows unpublished")

    def _pause(self, seconds: float) -> None:
        """Not waiting for anything: when a blow falls, and how long somebody is away, is left to chance."""
        threading.Event().wait(seconds)

    def _revive(self) -> None:
        for program in self._programs:
            program.revive()

    def _wait(self, what: str, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {DEADLINE_S:.0f} s: {what}; logs in {self.directory}")
            self._revive()
            self._pause(POLL_S)

    def _judge(self, upstream: generate.Upstream, codes: dict[str, int]) -> Summary:
        """Let Eureka read to the end, take the snapshot, compare."""
        end = [*self._eureka.arguments, "--until-end"]
        subprocess.run(end, check=True, timeout=DEADLINE_S)
        self.mark("Eureka has read to the end")
        manifest = self.directory / "manifest.jsonl"
        generate.write_manifest(upstream.places, manifest)
        world = asyncio.run(snapshot.capture(self.stage.url, self.stage.servers, self._copy, manifest))
        self.mark("snapshot taken")
        violations = checker.check(world)
        self.mark(f"compared: {len(violations)} violations")
        return Summary(
            seed=self.seed,
            results=self.results,
            corpus=corpus.describe(corpus.find()),
            seconds=time.monotonic() - self._started,
            kills={p.name: p.kills for p in self._programs} | {"Kafka": 1, "Postgres": 1},
            deaths={p.name: p.deaths for p in self._programs},
            codes={name: code for name, code in codes.items() if name != self._eureka.name},
            blows=self.blows,
            cut=toll.cut_transactions(self.stage.postgres.folder / "postgres.log"),
            told=toll.told(worker.log for worker in self._workers),
            figures=checker.figures(world) | {"aborted and never seen": upstream.aborted},
            violations=violations,
            marks=self.marks,
        )


def run(results: int, seed: int, directory: Path, *, freezes: int = 1) -> Summary:
    """One campaign on servers of its own. Raises Fatal when they cannot be had."""
    with stage.standing() as standing:
        campaign = Campaign(standing, directory, results, seed, freezes)
        return campaign.run()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--results", type=int, default=RESULTS)
    parser.add_argument("--seed", type=int, nargs="+", default=[1])
    parser.add_argument("--freezes", type=int, default=1, help="how often each worker stands still for 12 s")
    parser.add_argument("--report", type=Path, help="write the figures as Markdown")
    parser.add_argument("--keep", type=Path, help="where logs and copies go; default: a folder that is removed")
    given = parser.parse_args(arguments)
    summaries = []
    for seed in given.seed:
        with tempfile.TemporaryDirectory(prefix="hitl-faults-") as scratch:
            folder = given.keep / f"seed-{seed}" if given.keep else Path(scratch)
            folder.mkdir(parents=True, exist_ok=not given.keep)  # an older copy of Eureka's would be gone on with
            summaries.append(run(given.results, seed, folder, freezes=given.freezes))
            print(report.text(summaries[-1]))
    if given.report:
        report.write(summaries, given.report)
    return 1 if any(summary.violations for summary in summaries) else 0


if __name__ == "__main__":
    sys.exit(main())
