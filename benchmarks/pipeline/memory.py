"""Whether the worker's memory stays flat: resident size against events, over as many events as asked for."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.pipeline import contestant as contestants
from benchmarks.pipeline import measure
from benchmarks.pipeline.contestant import OURS
from benchmarks.pipeline.feed import Feed
from benchmarks.pipeline.run import RunFailed, wait_ready
from benchmarks.pipeline.world import World

SAMPLE_S = 1.0
STUCK_S = 120.0
WARM_SHARE = 1 / 3  # caches and pools fill up at first; what counts is whether it ends


@dataclass(frozen=True, slots=True)
class Memory:
    """Samples of one long run: (events concluded, resident bytes)."""

    size: int
    samples: Sequence[tuple[int, int]]

    @property
    def events(self) -> int:
        """How many events the run had."""
        return self.samples[-1][0] if self.samples else 0

    @property
    def settled(self) -> Sequence[tuple[int, int]]:
        """The samples after warming up."""
        return [sample for sample in self.samples if sample[0] >= self.events * WARM_SHARE]

    @property
    def mb(self) -> float:
        """Mean resident size after warming up."""
        return sum(rss for _, rss in self.settled) / max(1, len(self.settled)) / 1e6

    @property
    def mb_per_million(self) -> float:
        """Growth after warming up, in MB per million events."""
        return measure.slope((float(events), float(rss)) for events, rss in self.settled)


def watch(world: World, size: int, events: int) -> Memory:
    """Let one worker process record so many events. Raises RunFailed."""
    samples: list[tuple[int, int]] = []
    with world.stage() as stage:
        children = contestants.start(OURS, stage, 1)
        try:
            wait_ready(OURS, stage, children, 1)
            with Feed(stage, size, events) as feed:
                moved_at = time.monotonic()
                while not samples or samples[-1][0] < events:
                    time.sleep(SAMPLE_S)
                    concluded = feed.concluded()
                    if samples and concluded == samples[-1][0]:
                        if time.monotonic() - moved_at > STUCK_S or not children[0].alive:
                            raise RunFailed(f"the worker stands still at {concluded}: {children[0].log_tail()}")
                        continue
                    moved_at = time.monotonic()
                    samples.append((concluded, measure.rss_bytes([children[0].pid])))
        finally:
            for child in children:
                child.stop()
    return Memory(size, samples)
