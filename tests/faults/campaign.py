"""`make faults`: one episode after the other, each on servers of its own, until the time is over; then the report of all.

    python -m tests.faults.campaign [--seed 1] [--minutes 30] [--only KIND …] [--state FOLDER] [--report FILE]

What an episode came to is kept in the state folder: started again, the campaign goes on after the last one. Logs and copies of
one that went wrong are kept in `wrong` there. Exit code 1 where anything was violated or did not come to rest.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from tests.faults import report, stage
from tests.faults.episode import Episode
from tests.faults.nemesis import failpoint
from tests.faults.nemesis.catalogue import KINDS
from tests.faults.nemesis.kind import Kind
from tests.faults.report import Outcome
from tests.faults.stage import Setting
from tests.faults.storm import RESULTS_PER_FAULT, Storm, choose

FAULTS_PER_EPISODE: Final = 25
RESULTS_FOR_POINTS: Final = 8_000
POINTS: Final = "points"
TRIES: Final = 3  # of a point that nobody came to, or where nothing was under way
# Of twenty episodes one has three brokers and one a small disk.
EVERY: Final = 20
ELSEWHERE: Final = {0: Setting.REPLICATED, 10: Setting.SMALL_DISK}
STATE: Final = Path("build") / "faults"


def run(
    seed: int,
    kinds: Sequence[Kind],
    directory: Path,
    *,
    setting: Setting = Setting.USUAL,
    points: Path | None = None,
    product: Path | None = None,
) -> Outcome:
    """One episode on servers of its own. Raises Fatal when they cannot be had.

    `points` is a folder for the points that programs come to, `product` where another copy of the product lies.
    """
    with stage.standing(setting, product=product) as standing:
        results = RESULTS_PER_FAULT if points is None else RESULTS_FOR_POINTS
        return Episode(standing, directory, seed, points=points).run(Storm(kinds, results))


def main(arguments: list[str] | None = None) -> int:
    given = _options(arguments)
    given.state.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + given.minutes * 60
    for name, episode in _failpoints(given) if given.failpoints else _episodes(given):
        if time.monotonic() >= deadline:
            break
        kept = given.state / f"{name}.json"
        if not kept.exists():
            with tempfile.TemporaryDirectory(prefix="hitl-faults-") as scratch:
                folder = given.keep / name if given.keep else Path(scratch)
                folder.mkdir(parents=True, exist_ok=not given.keep)  # an older copy of Eureka's would be gone on with
                outcome = episode(folder)
                if not outcome.is_good and not given.keep:
                    shutil.copytree(folder, given.state / "wrong" / name, dirs_exist_ok=True)
            report.keep(outcome, kept)
            print(report.text(outcome))
    outcomes = report.load(given.state)
    if given.report:
        points = given.state / POINTS
        report.write(outcomes, given.report, failpoint.missed(failpoint.reached(points)) if points.exists() else {})
    return 0 if all(outcome.is_good for outcome in outcomes) else 1


def _episodes(given: argparse.Namespace) -> Iterator[tuple[str, Callable[[Path], Outcome]]]:
    """One after the other, for ever; now and then one in another setting."""
    kinds = [kind for name, kind in KINDS.items() if name in (given.only or KINDS)]
    by_setting = {setting: [kind for kind in kinds if kind.setting is setting] for setting in Setting}
    for seed in itertools.count(given.seed):
        setting = ELSEWHERE.get(seed % EVERY, Setting.USUAL)
        if not by_setting[setting]:
            setting = next(one for one, those in by_setting.items() if those)
        chosen = choose(seed, by_setting[setting], given.faults)
        yield f"episode-{seed}", partial(run, seed, chosen, setting=setting)


def _failpoints(given: argparse.Namespace) -> Iterator[tuple[str, Callable[[Path], Outcome]]]:
    """One episode in which programs note every point that they come to; then those in which they die there.

    Where one died with something under way, none dies again: an episode noted anew adds only what is new.
    """
    points = given.state / POINTS
    points.mkdir(exist_ok=True)
    yield "failpoints-0", partial(run, given.seed, [], points=points)
    left = list(failpoint.kinds(failpoint.reached(points)))
    for number in itertools.count(1):
        struck = [one for outcome in report.load(given.state) for one in outcome.struck]
        tries, bitten = Counter(one.kind for one in struck), {one.kind for one in struck if one.bite}
        left = [kind for kind in left if kind.name not in bitten and tries[kind.name] < TRIES]
        if not left:
            return
        name = f"failpoints-{number}"
        if not (given.state / f"{name}.json").exists():
            yield name, partial(run, given.seed + number, left[: given.faults])


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=1, help="of the first episode; the next ones count on")
    parser.add_argument("--minutes", type=float, default=30.0, help="no episode begins later than this")
    parser.add_argument("--only", nargs="+", choices=[*KINDS], metavar="KIND", help="; ".join(KINDS))
    parser.add_argument("--failpoints", action="store_true", help="instead: die before and after every statement")
    parser.add_argument("--faults", type=int, default=FAULTS_PER_EPISODE, help="of one episode")
    parser.add_argument("--state", type=Path, default=STATE, help="what each episode came to")
    parser.add_argument("--report", type=Path, help="write all of it as Markdown")
    parser.add_argument("--keep", type=Path, help="where logs and copies go; default: a folder that is removed")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
