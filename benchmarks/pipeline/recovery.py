"""How long decisions stay away when one of two processes is killed, at a steady rate: the longest that any result waits.

Two processes share the partitions; one dies by SIGKILL in the middle, and is started again at once, the product's under the
name in the group that it had (static membership).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.pipeline import contestant as contestants
from benchmarks.pipeline import load, measure
from benchmarks.pipeline.contestant import CONTESTANTS, OURS, Contestant
from benchmarks.pipeline.latency import Seen, send
from benchmarks.pipeline.run import RunFailed, wait_ready
from benchmarks.pipeline.world import World

RATE, SECONDS = 100.0, 40.0
KILL_AFTER_S = 10.0
LAST_S = 90.0
AMONG = (OURS, CONTESTANTS["getmany"], CONTESTANTS["faststream_batch"])


@dataclass(frozen=True, slots=True)
class Recovery:
    """Of one contestant in one round: seconds that the result which waited longest did, and how many waited over a second."""

    contestant: str
    round: int
    longest_s: float
    waited: int


def rounds(world: World, size: int, count: int) -> Iterator[Recovery]:
    """Every contestant in turn, `count` times. Raises RunFailed."""
    for number in range(1, count + 1):
        for contestant in AMONG:
            yield measure_once(world, contestant, size, number)


def measure_once(world: World, contestant: Contestant, size: int, round_: int) -> Recovery:
    """Kill one of two. Raises RunFailed when a decision never comes."""
    sent = list(load.events(size, round(RATE * SECONDS), round_, review_share=0.0))
    with world.stage() as stage:
        children = [contestants.start_one(contestant, stage, part) for part in range(2)]
        try:
            wait_ready(contestant, stage, children, 2)

            def kill() -> None:
                children[0].kill()
                children.append(contestants.start_one(contestant, stage, 0))

            timer = threading.Timer(KILL_AFTER_S, kill)
            with Seen(stage) as seen:
                timer.start()
                try:
                    scheduled, _ = send(stage, sent, RATE)
                finally:
                    timer.cancel()  # of one that has fallen nothing is left to cancel
                    timer.join()
                if not measure.until(lambda: len(seen.at) >= len(sent), LAST_S):
                    raise RunFailed(f"{contestant.label}: {len(seen.at)} of {len(sent)} decisions after a kill")
        finally:
            for child in children:
                child.stop()
    waits = [seen.at[one.patch_id] - scheduled[one.patch_id] for one in sent]
    return Recovery(contestant.name, round_, max(waits), sum(wait > 1 for wait in waits))
