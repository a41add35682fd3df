"""What the product has to reach, and the arithmetic from figures to verdicts. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Protocol

FAUST_SHARE_MAX = 1 / 30
BATCHED_SHARE_MAX = 1 / 1.8
CEILING_SHARE_MAX = 1.7
RATE_SHARE_MIN = {1_250: 0.55, 4_300: 0.75}  # of the ceiling's events/s
P50_MAX, P99_MAX, P99_MS_MAX = 2.0, 3.0, 25.0  # times the relay's; ms
GROWTH_MAX_MB = 1.0  # per million events after the first
LAYER_SHARE_MIN = 0.85  # of bare
LAST_MILLION_MAX = 1.1  # times the first


class Measured(Protocol):
    """What of a run's figure is needed here."""

    @property
    def contestant(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def processes(self) -> int: ...
    @property
    def cpu_us(self) -> float: ...
    @property
    def events_s(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Best:
    """The better of one and two processes, each by the median of its rounds, with the lowest and the highest of them."""

    value: float
    low: float
    high: float
    processes: int


@dataclass(frozen=True, slots=True)
class Goal:
    """One goal: `value` must not pass `limit`, from above or from below."""

    name: str
    value: float
    limit: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether it is reached."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def cheapest(figures: Sequence[Measured], name: str, size: int) -> Best | None:
    """µs of CPU per event; None when there is no figure."""
    return _best(figures, name, size, lambda figure: figure.cpu_us, min)


def fastest(figures: Sequence[Measured], name: str, size: int) -> Best | None:
    """Events per second; None when there is no figure."""
    return _best(figures, name, size, lambda figure: figure.events_s, max)


def throughput(figures: Sequence[Measured], size: int, batched: Sequence[str]) -> list[Goal]:
    """The goals that these figures say something about."""
    ours, ceiling = cheapest(figures, "hitl_stream", size), cheapest(figures, "ceiling", size)
    faust = cheapest(figures, "faust_event", size)
    peers = [best for name in batched if (best := cheapest(figures, name, size))]
    goals = []
    if ours and faust:
        goals.append(Goal("CPU per event of idiomatic Faust's", ours.value / faust.value, FAUST_SHARE_MAX))
    if ours and peers:
        goals.append(
            Goal(
                "CPU per event of the best batched peer's", ours.value / min(p.value for p in peers), BATCHED_SHARE_MAX
            )
        )
    if ours and ceiling:
        goals.append(Goal("CPU per event of the ceiling's", ours.value / ceiling.value, CEILING_SHARE_MAX))
    speed, limit = fastest(figures, "hitl_stream", size), fastest(figures, "ceiling", size)
    if speed and limit and size in RATE_SHARE_MIN:
        goals.append(Goal("events/s of the ceiling's", speed.value / limit.value, RATE_SHARE_MIN[size], at_least=True))
    return goals


def latency(ours: tuple[float, float], relay: tuple[float, float]) -> list[Goal]:
    """From (p50, p99) of both, in ms."""
    return [
        Goal("p50 of the relay's", ours[0] / relay[0], P50_MAX),
        Goal("p99 of the relay's", ours[1] / relay[1], P99_MAX),
        Goal("p99 in ms", ours[1], P99_MS_MAX),
    ]


def layers(bare: float, upon: Mapping[str, float]) -> list[Goal]:
    """From the events/s of bare and with each layer on it."""
    return [
        Goal(f"events/s {name}, of bare's", rate / bare, LAYER_SHARE_MIN, at_least=True) for name, rate in upon.items()
    ]


def growth(mb_per_million: float, costs: Sequence[float]) -> list[Goal]:
    """Flat, or not; `costs` are those of an event in each million."""
    goals = [Goal("MB of growth per million events", mb_per_million, GROWTH_MAX_MB)]
    if len(costs) > 1:
        goals.append(Goal("cost of the last million of the first's", costs[-1] / costs[0], LAST_MILLION_MAX))
    return goals


def recovery(ours: float, peers: Sequence[float]) -> list[Goal]:
    """From the longest waits after a kill, in seconds."""
    return [Goal("longest wait after a kill of the best peer's", ours / min(peers), 1.0)] if peers else []


def _best(
    figures: Sequence[Measured],
    name: str,
    size: int,
    read: Callable[[Measured], float],
    better: Callable[..., Best],
) -> Best | None:
    found: dict[int, list[float]] = {}
    for figure in figures:
        if figure.contestant == name and figure.size == size:
            found.setdefault(figure.processes, []).append(read(figure))
    candidates = [Best(median(values), min(values), max(values), processes) for processes, values in found.items()]
    return better(candidates, key=lambda best: best.value) if candidates else None
