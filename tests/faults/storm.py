"""One fault after the other falls into a stream of records, each somewhere into the processing of its own slice of them."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.faults.episode import Episode
from tests.faults.nemesis.kind import Kind
from tests.faults.report import Struck

RESULTS_PER_FAULT: Final = 400
CALM_SHARE: Final = 0.7  # of the faults that wait until the one before is got over
TIMED_SHARE, DELAY_S_MAX, PROGRESS_S_MAX = 0.4, 0.6, 3.0


@dataclass(frozen=True)
class Storm:
    """The faults of one episode, in their order."""

    kinds: Sequence[Kind]
    results_per_fault: int = RESULTS_PER_FAULT

    def __call__(self, episode: Episode) -> None:
        """One slice of the records for each, and one to end with."""
        episode.begin()
        planned = episode.plan(self.results_per_fault * (len(self.kinds) + 1))
        size = -(-len(planned) // (len(self.kinds) + 1))
        for number, kind in enumerate(self.kinds):
            with episode.sending(planned[number * size : (number + 1) * size]):
                _bide(episode, size)
                at = episode.journal.write("fault", kind=kind.name)
                bite = kind.strike(episode)
                healed_at = time.monotonic()
            episode.revive()
            recovered_s = None
            if episode.rng.random() < CALM_SHARE:
                episode.wait_ready()
                episode.wait("the fault is got over", episode.witness.is_drained)
                recovered_s = time.monotonic() - healed_at
            episode.note(Struck(kind.name, at, bite, recovered_s))
        episode.source.send(planned[len(self.kinds) * size :])


def choose(seed: int, kinds: Sequence[Kind], faults: int) -> list[Kind]:
    """The faults of one episode: every kind as often as any other, or once more, in an order of its own."""
    rng = random.Random(seed)
    chosen: list[Kind] = []
    while len(chosen) < faults:
        chosen += rng.sample(kinds, min(len(kinds), faults - len(chosen)))
    rng.shuffle(chosen)
    return chosen


def _bide(episode: Episode, size: int) -> None:
    """Let some of the slice be recorded, or just some time pass: any moment must do."""
    moment = episode.rng.random()
    if episode.rng.random() < TIMED_SHARE:
        episode.pause(moment * DELAY_S_MAX)
        return
    goal = episode.witness.recorded() + moment * size / 2
    episode.until(lambda: episode.witness.recorded() >= goal, PROGRESS_S_MAX)
