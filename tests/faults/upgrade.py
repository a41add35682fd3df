"""From release 0.1.0 to this revision, back, and here again, process by process, with records and reviews in flight.

    python -m tests.faults.upgrade [--seed 1] [--report FILE]

The schema goes forward while the old workers record; going back is going back with the programs, as the schema of the new ones
serves both. The sidecar of 0.1.0 takes no part: it knew nobody, and the new schema lets nobody decide by it. Exit code 1 where
anything was violated or somebody ended by itself.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

from tests.faults import report, stage
from tests.faults.episode import ROOT, Episode
from tests.faults.program import Program
from tests.faults.report import Outcome, Struck

RELEASE: Final = "5051673"  # 0.1.0
PARTS: Final = ("hitl_stream", "topics.yaml")
RESULTS_PER_STEP: Final = 600

Step: TypeAlias = tuple[str, Callable[[], None]]


def take_out(revision: str, folder: Path) -> Path:
    """The product as it was; returns what PYTHONPATH must name. Raises CalledProcessError where the history is not there."""
    folder.mkdir()
    archive = subprocess.run(["git", "archive", revision, *PARTS], cwd=ROOT, capture_output=True, check=True)
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    return folder


class Upgrade:
    """The steps, each in the middle of its own slice of the records: at first with the old ones only, at last with the new."""

    def __init__(self, before: Path, after: Path) -> None:
        self._before, self._after = str(before), str(after)

    def __call__(self, episode: Episode) -> None:
        """Do them all; after each, those who are there now record and publish all there is."""
        episode.journal.write("older_release", release=RELEASE)
        for program in (*_recording(episode), episode.eureka):
            program.start()
        episode.wait_ready()
        steps = self._steps(episode)
        planned = episode.plan(RESULTS_PER_STEP * (len(steps) + 1))
        size = -(-len(planned) // (len(steps) + 1))
        for number, (name, step) in enumerate(steps):
            with episode.sending(planned[number * size : (number + 1) * size]):
                episode.pause(episode.rng.uniform(0.1, 0.5))
                at = episode.journal.write("fault", kind=name)
                bite = episode.bite()
                step()
                episode.wait_ready()
            episode.wait("everything is recorded and published by those who are there", episode.witness.is_drained)
            episode.note(Struck(name, at, bite))
        episode.source.send(planned[len(steps) * size :])

    def _steps(self, episode: Episode) -> Sequence[Step]:
        owner = {"PYTHONPATH": self._after, "HITL_DATABASE_URL": episode.stage.url}
        return [
            ("the schema goes forward", lambda: episode.command("migrate", "up", **owner)),
            *self._each(_recording(episode), self._after, "goes forward"),
            *self._each(episode.sidecars, self._after, "begins"),
            ("people come", episode.begin),
            *self._each(_recording(episode), self._before, "goes back"),
            *self._each(_recording(episode), self._after, "goes forward again"),
        ]

    def _each(self, programs: Sequence[Program], product: str, what: str) -> Sequence[Step]:
        return [(f"{program.name} {what}", partial(_go_over, program, product)) for program in programs]


def _recording(episode: Episode) -> Sequence[Program]:
    return (*episode.workers, episode.scheduler)


def _go_over(program: Program, product: str) -> None:
    """Ended in order, and started as another one."""
    program.stop()
    program.environment = {**program.environment, "PYTHONPATH": product}
    program.start()


def run(seed: int, directory: Path) -> Outcome:
    """On servers of its own. Raises Fatal when they cannot be had."""
    before = take_out(RELEASE, directory / "before")
    with stage.standing(product=before) as standing:
        return Episode(standing, directory, seed).run(Upgrade(before, ROOT))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="hitl-upgrade-") as scratch:
        outcome = run(given.seed, Path(scratch))
    told = report.text(outcome)
    print(told)
    if given.report:
        lines = ["# From 0.1.0 to this revision, back, and here again", "", "```", *outcome.marks, "", told, "```", ""]
        given.report.write_text("\n".join(lines))
    return 1 if outcome.violations or outcome.failures or any(outcome.deaths.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
