"""Faults of the lines: slow, reset, half open (answers get lost), a black hole (everything does, and nobody says so), cut."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from tests.faults.nemesis.kind import Kind
from tests.faults.stage import Line
from tests.faults.toll import Bite

if TYPE_CHECKING:
    from tests.faults.episode import Episode

Toxic = Mapping[str, Any]

SLOW: Final[Toxic] = {"type": "latency", "attributes": {"latency": 200, "jitter": 150}}
RESET: Final[Toxic] = {"type": "reset_peer", "attributes": {"timeout": 0}}
ANSWERS_LOST: Final[Toxic] = {"type": "timeout", "stream": "downstream", "attributes": {"timeout": 0}}
QUESTIONS_LOST: Final[Toxic] = {"type": "timeout", "stream": "upstream", "attributes": {"timeout": 0}}
# How each is done, and for how many seconds: longer than sessions last, and than anybody waits for an answer.
WAYS: Final[Mapping[str, tuple[tuple[Toxic, ...], float]]] = {
    "slow": ((SLOW,), 6.0),
    "reset": ((RESET,), 2.0),
    "half open": ((ANSWERS_LOST,), 25.0),
    "a black hole": ((ANSWERS_LOST, QUESTIONS_LOST), 25.0),
}


def _kinds() -> Iterator[Kind]:
    for line in Line:
        for way, (toxics, seconds) in WAYS.items():

            def strike(
                episode: Episode, line: Line = line, toxics: tuple[Toxic, ...] = toxics, seconds: float = seconds
            ) -> Bite:
                bite = _under_way(episode, line)
                with episode.stage.lines.poisoned(line, *toxics):
                    episode.pause(seconds)
                return bite

            yield Kind(f"{line} {way}", strike)


def _under_way(episode: Episode, line: Line) -> Bite:
    """Of those who use this line."""
    match line:
        case Line.SIDECARS_POSTGRES:
            episode.until(lambda: episode.crew.open_requests() > 0)
            return Bite(open_requests=episode.crew.open_requests())
        case Line.SCHEDULER_POSTGRES:
            episode.until(lambda: episode.witness.overdue() > 0)
            return Bite(overdue=episode.witness.overdue())
        case _:
            return episode.witness.everything()


KINDS: Final = tuple(_kinds())
