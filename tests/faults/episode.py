"""One world from its making to its judgement: results pour in, people work, and something is done to it meanwhile."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from signal import SIGTERM
from typing import Final

from hitl_stream.embedded.postgres import free_port
from tests.faults import report, toll
from tests.faults.crew.crew import Crew
from tests.faults.crew.people import PEOPLE
from tests.faults.crew.watching import Decided
from tests.faults.journal import Journal
from tests.faults.judge import checker, snapshot
from tests.faults.judge.snapshot import Record, World
from tests.faults.judge.watched import Cursor
from tests.faults.nemesis import failpoint
from tests.faults.program import Program
from tests.faults.report import Outcome, Struck
from tests.faults.stage import COMMAND, Stage
from tests.faults.toll import Bite, Witness
from tests.faults.upstream import corpus, generate
from tests.faults.upstream.story import Planned

ROOT: Final = Path(__file__).parents[2]
EXAMPLE: Final = ROOT / "examples" / "eureka_consumer.py"
DEADLINE_S: Final = 240.0
POLL_S: Final = 0.1
BITE_S: Final = 3.0
TRICKLE_S: Final = 0.05
RECOVERY_S_MAX: Final = 60.0
LISTENED_S: Final = 2.0
NEWEST_CHANGE: Final = "SELECT max(xid)::text FROM change"


@dataclass
class Episode:
    """One run on a prepared stage. What is done to it may look at and torment everything: processes, servers, the witness."""

    stage: Stage
    directory: Path
    seed: int
    points: Path | None = None  # a folder for the points that each program comes to
    marks: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    gone: list[Record] = field(default_factory=list)  # deleted from its topic after it was recorded, or may have been
    lost: set[tuple[str, int, int]] = field(default_factory=set)  # what was deleted before anybody had recorded it
    _started: float = field(default_factory=time.monotonic)
    _struck: list[Struck] = field(default_factory=list)
    _sending: Future[None] | None = None
    _hurry: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.witness = Witness(self.stage.url, self.stage.servers)
        self.everybody: list[Program] = []
        self.upstreams: list[generate.Upstream] = []
        self.journal = Journal(self.directory / "journal.jsonl")
        self.source = self.upstream()
        self.workers = [
            self._program("worker-1", "worker_1", "worker", "--processes", "1"),
            self._program("worker-2", "worker_2", "worker", "--processes", "1", "--instance", "second"),
        ]
        self.sidecars = [self._program(f"sidecar-{n}", f"sidecar_{n}", "sidecar") for n in (1, 2)]
        self.scheduler = self._program("scheduler", "scheduler", "scheduler")
        eureka = [sys.executable, str(EXAMPLE), "--bootstrap", self.stage.servers, "--out", str(self._copy)]
        self.eureka = Program("eureka", eureka, {}, self.directory / "eureka.log")
        self.everybody.append(self.eureka)
        self.programs = [*self.workers, *self.sidecars, self.scheduler, self.eureka]
        self.crew = Crew(
            [sidecar.url for sidecar in self.sidecars],
            self.stage.provider,
            self.journal,
            self.seed,
            Decided(self._copy).approved,
        )

    def run(self, work: Callable[[Episode], None]) -> Outcome:
        """Everything: this is done, which begins the work and sends the records too; then heal, drain, compare.

        What goes wrong before anything can be compared is what it came to.
        """
        came_to_rest = False
        try:
            work(self)
            self.source.finish()
            self.mark("all is produced")
            self.crew.rest()
            self.wait("everything is recorded and published", self.witness.is_drained)
            self.scheduler.stop()  # it would go on ending reviews
            self.wait("the last reviews that it ended are published", self.witness.is_drained)
            self.wait("every listener heard everything", self._all_heard)
            self.mark("everything is recorded, published and heard")
            came_to_rest = True
        except Exception as failure:  # noqa: BLE001 - whatever it was: a world that does not come to rest is not as it must be
            self.failures.append(f"{type(failure).__name__}: {failure}")
            self.mark(f"given up: {self.failures[-1]}")
        finally:
            self.crew.stop()
            for program in self.programs:
                program.stop()
            self.witness.close()
            self.journal.close()
        return self._judge() if came_to_rest else self._came_to(None)

    def begin(self) -> None:
        """Start everything that is not there yet; let people in."""
        for program in self.programs:
            if not program.pid:
                program.start()
        self.wait_ready()
        self.stage.admit()
        for person in PEOPLE:
            self.journal.write("person", who=person.name, roles=person.roles)
        self.crew.start()

    def plan(self, results: int, part: int = 0) -> Sequence[Planned]:
        """About so many results, and everything around them."""
        found = corpus.find()
        planned = generate.plan(results, seed=self.seed, partitions=self.stage.partitions, patches=found, part=part)
        self.mark(f"planned {len(planned)} records about {corpus.describe(found)}")
        return planned

    @contextmanager
    def sending(self, planned: Sequence[Planned]) -> Iterator[None]:
        """These are produced meanwhile: half of them at once, the others slowly, so that what lasts long has something to hit.

        At the end all are handed over.
        """
        over = threading.Event()
        with ThreadPoolExecutor(1) as thread:
            self._hurry, self._sending = over.set, thread.submit(self._send, planned, over)
            try:
                yield
            finally:
                over.set()
            self._sending.result(DEADLINE_S)

    def _send(self, planned: Sequence[Planned], over: threading.Event) -> None:
        half = len(planned) // 2
        self.source.send(planned[:half])
        for record in planned[half:]:
            over.wait(TRICKLE_S)
            self.source.send([record])

    def all_sent(self) -> None:
        """Return when what is being sent is acknowledged."""
        if self._sending is not None:
            self._hurry()
            self._sending.result(DEADLINE_S)
        self.source.finish()

    def note(self, struck: Struck) -> None:
        """A fault fell, and is over."""
        self._struck.append(struck)
        self.journal.write("struck", **asdict(struck))
        over = "" if struck.recovered_s is None else f", got over {struck.recovered_s:.1f} s later"
        self.mark(f"{struck.kind}: {struck.bite}{over}")
        if (struck.recovered_s or 0) > RECOVERY_S_MAX:
            self.failures.append(f"{struck.kind} was got over only {struck.recovered_s:.0f} s later")

    def mark(self, what: str) -> None:
        """Say what happens."""
        self.marks.append(f"{time.monotonic() - self._started:7.1f} s  {what}")
        print(self.marks[-1], flush=True)

    def pause(self, seconds: float) -> None:
        """Not waiting for anything: when a fault falls, and how long somebody is away, is left to chance."""
        threading.Event().wait(seconds)

    def until(self, condition: Callable[[], object], seconds: float = BITE_S) -> bool:
        """Look closely until something is so, for a short while only; whether it was."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            self.pause(0.002)
        return True

    def wait(self, what: str, condition: Callable[[], bool]) -> None:
        """Let what has ended by itself start again, until something is so. Raises TimeoutError."""
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {DEADLINE_S:.0f} s: {what}; logs in {self.directory}")
            self.revive()
            self.pause(POLL_S)

    def wait_ready(self) -> None:
        """Until everybody says so who was started."""
        self.wait(
            "everybody is ready",
            lambda: all(program.is_ready() for program in self.programs if program.port and program.pid),
        )

    def upstream(self) -> generate.Upstream:
        """Somebody who produces; what they were told is acknowledged must be there at the end."""
        self.upstreams.append(
            generate.Upstream(self.stage.servers, self.seed * 1_000 + len(self.upstreams), self.journal)
        )
        return self.upstreams[-1]

    def command(self, *words: str, **said: str) -> None:
        """What an operator types. `said` is of the environment."""
        where = {"HITL_DATABASE_URL": self.stage.urls["operator"], "HITL_KAFKA_BOOTSTRAP_SERVERS": self.stage.servers}
        environment = {**os.environ, **self.stage.environ, **where, **said}
        done = subprocess.run([COMMAND, *words], env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)}: {done.stderr}")

    def bite(self) -> Bite:
        """What is under way of everybody; waits a moment for something that is."""
        return self._look(lambda: self.witness.everything(self.crew.open_requests()))

    def unrecorded(self) -> Bite:
        """What upstream has sent and nobody has recorded; waits a moment for something."""
        return self._look(lambda: Bite(unrecorded=self.witness.everything().unrecorded))

    def _look(self, look: Callable[[], Bite]) -> Bite:
        found = Bite()

        def is_under_way() -> bool:
            nonlocal found
            found = look()
            return bool(found)

        self.until(is_under_way)
        return found

    @contextmanager
    def passing(self, name: str, login: str, *arguments: str) -> Iterator[Program]:
        """One more program for a while."""
        program = self._program(name, login, *arguments)
        program.start()
        try:
            yield program
        finally:
            program.stop()

    @property
    def _copy(self) -> Path:
        return self.directory / "eureka.jsonl"

    def _program(self, name: str, login: str, *arguments: str) -> Program:
        port = free_port()
        environment = self.stage.environment(login, port)
        if self.points is not None:
            environment |= failpoint.seen(self.points / name)
        program = Program(name, [COMMAND, *arguments], environment, self.directory / f"{name}.log", port)
        self.everybody.append(program)
        return program

    def revive(self) -> None:
        """What ended by itself is started again."""
        for program in self.programs:
            if program.revive():
                self.mark(f"{program.name} ended by itself: {program.last_words()[:300]}")

    def _all_heard(self) -> bool:
        """Those who listen to everything; the others are there, and would have heard what is for them."""
        newest, cursors = self.witness.ask(NEWEST_CHANGE), self.crew.cursors()
        is_heard = newest is None or all(cursor and Cursor.read(cursor).sees(int(newest)) for cursor in cursors)
        return is_heard and self.crew.are_listening(LISTENED_S)

    def _bad_ends(self) -> Iterator[str]:
        """Who did not end in order and in time when asked to."""
        for program in self.everybody:
            yield from (f"{program.name} ended with {code}" for code in program.codes if code not in (0, -SIGTERM))

    def _judge(self) -> Outcome:
        """Let Eureka read to the end, take the snapshot, compare."""
        subprocess.run([*self.eureka.arguments, "--until-end"], check=True, timeout=DEADLINE_S)
        self.mark("Eureka has read to the end")
        world = asyncio.run(snapshot.capture(self.stage.url, self.stage.servers, self._copy, journal=self.journal.path))
        # What was deleted lay there first; a broker that is killed soon afterwards forgets where its topic begins by then.
        places = {record.place: record for record in (*world.inputs, *reversed(self.gone))}
        world.inputs = [places[place] for place in sorted(places)]
        world.excused = sorted(self.lost)
        self.mark("snapshot taken")
        outcome = self._came_to(world)
        self.mark(f"compared: {len(outcome.violations)} violations")
        if outcome.violations:
            snapshot.save(world, self.directory / "world.json")
        return outcome

    def _came_to(self, world: World | None) -> Outcome:
        aborted = {"aborted and never seen": sum(one.aborted for one in self.upstreams)}
        return Outcome(
            seed=self.seed,
            commit=report.commit(),
            seconds=time.monotonic() - self._started,
            struck=self._struck,
            deaths={program.name: program.deaths for program in self.everybody},
            cut=toll.cut_transactions(self.stage.postgres.folder / "postgres.log"),
            told=dict(toll.told(program.log for program in self.programs)),
            figures={} if world is None else checker.figures(world) | aborted,
            failures=[*self.failures, *self.crew.failures, *self._bad_ends()],
            violations=[] if world is None else checker.check(world),
            marks=self.marks,
        )
