"""Faults of clocks: a program that lives two hours ahead or behind, and one whose clock is set while it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from hitl_stream.errors import Fatal
from tests.faults.nemesis.kind import Kind
from tests.faults.program import Program
from tests.faults.toll import Bite

if TYPE_CHECKING:
    from tests.faults.episode import Episode

LIVED_S: Final = 6.0
AHEAD, BEHIND = "+7200", "-7200"


def library() -> Path:
    """What makes a program believe another time (https://github.com/wolfcw/libfaketime). Raises Fatal."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not found:
        raise Fatal("libfaketime is not installed")
    return found[0]


def live_ahead(episode: Episode) -> Bite:
    return _live(episode, AHEAD)


def live_behind(episode: Episode) -> Bite:
    return _live(episode, BEHIND)


def set_while_running(episode: Episode) -> Bite:
    """Ahead, behind and right again, every two seconds."""
    said = episode.directory / "time"
    said.write_text("+0")
    program = _another_life(episode, FAKETIME_TIMESTAMP_FILE=str(said), FAKETIME_NO_CACHE="1")
    bite = episode.bite()
    for offset in (AHEAD, BEHIND, "+0"):
        said.write_text(offset)
        episode.pause(LIVED_S / 3)
    _right_again(program)
    return bite


def _live(episode: Episode, offset: str) -> Bite:
    program = _another_life(episode, FAKETIME=offset)
    bite = episode.bite()
    episode.pause(LIVED_S)
    _right_again(program)
    return bite


def _another_life(episode: Episode, **said: str) -> Program:
    """One program, started again under the wrong clock, once it is ready."""
    program = episode.rng.choice([*episode.workers, *episode.sidecars, episode.scheduler])
    program.kill()
    program.start(LD_PRELOAD=str(library()), FAKETIME_DONT_FAKE_MONOTONIC="1", **said)
    episode.until(program.is_ready, LIVED_S)
    return program


def _right_again(program: Program) -> None:
    program.kill()
    program.start()


KINDS: Final = (
    Kind("clock two hours ahead", live_ahead),
    Kind("clock two hours behind", live_behind),
    Kind("clock set while running", set_while_running),
)
