"""Programs that die exactly before and after every statement, publication and acknowledgement, one point after the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hitl_stream.store import statement
from tests.faults.nemesis.kind import Kind
from tests.faults.program import Program
from tests.faults.toll import Bite

if TYPE_CHECKING:
    from tests.faults.episode import Episode

FOLDER: Final = Path(__file__).parents[1] / "failpoint"
REACHED_S: Final = 20.0
ROLES: Final = {"worker-1": "hitl_worker", "sidecar-1": "hitl_sidecar", "scheduler": "hitl_scheduler"}


def seen(file: Path) -> dict[str, str]:
    """What a program is told so that it notes the points that it reaches."""
    return {"PYTHONPATH": str(FOLDER), "HITL_FAILPOINTS_SEEN": str(file)}


def read(file: Path) -> list[str]:
    """The points that were noted, sorted."""
    return sorted(set(file.read_text(encoding="utf-8").splitlines())) if file.exists() else []


def reached(folder: Path) -> dict[str, set[str]]:
    """By program, the points that were noted there; what one of two alike came to, the other may come to."""
    found: dict[str, set[str]] = defaultdict(set)
    for file in sorted(folder.iterdir()):
        found[file.name.replace("-2", "-1")] |= {*read(file)}
    return found


def missed(points: Mapping[str, Collection[str]]) -> dict[str, list[str]]:
    """By program, the statements that it may run and never came to."""
    return {
        name: sorted(
            one.name
            for one in statement.load().values()
            if ROLES[name] in one.roles and f"before {one.name}" not in points[name]
        )
        for name in ROLES
        if name in points
    }


def kinds(points: Mapping[str, Collection[str]]) -> Iterator[Kind]:
    """One for each point of each program, by the program's name."""
    for name, those in points.items():
        for point in sorted(those):

            def strike(episode: Episode, name: str = name, point: str = point) -> Bite:
                return _die(episode, next(one for one in episode.programs if one.name == name), point)

            yield Kind(f"{name} dies {point}", strike)


def _die(episode: Episode, program: Program, point: str) -> Bite:
    """Started again with the point; whether it came to it shows in its death. No bite where it did not."""
    program.kill()
    program.start(PYTHONPATH=str(FOLDER), HITL_FAILPOINT=point)
    died = episode.until(lambda: not program.is_alive, REACHED_S)
    bite = episode.bite() if died else Bite()
    if not died:
        episode.mark(f"{program.name} never came to: {point}")
        program.kill()
    program.start()
    return bite
