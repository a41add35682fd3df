"""What any load costs: lines through the measured figures. Pure; docs/scale.md says what follows from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.pipeline import goal, load, measure
from benchmarks.pipeline.contestant import OURS
from benchmarks.pipeline.growth import Growth
from benchmarks.pipeline.run import Figure

LOADS = (10, 100, 1_000, 10_000, 100_000)  # events per second
DAY_S = 86_400

PARTS: Mapping[str, Callable[[Figure], float]] = {
    "worker": lambda figure: figure.cpu_us - figure.postgres_us,
    "Postgres": lambda figure: figure.postgres_us,
    "broker": lambda figure: figure.broker_us,
}


@dataclass(frozen=True, slots=True)
class Line:
    """µs of CPU of an event: `fixed` and for each KB of its value."""

    fixed: float
    per_kb: float

    def at(self, size: int) -> float:
        """µs of an event of so many bytes."""
        return self.fixed + self.per_kb * size / 1_000

    def cores(self, size: int, per_second: float) -> float:
        """How many CPUs so many events a second keep busy."""
        return self.at(size) * per_second / 1e6


def lines(figures: Sequence[Figure]) -> dict[str, Line]:
    """By part of the system, through the medians of each size, with as many processes as were cheapest; needs two sizes."""
    points: dict[str, list[tuple[float, float]]] = {part: [] for part in PARTS}
    for size in sorted({figure.size for figure in figures}):
        best = goal.cheapest(figures, OURS.name, size)
        if best is None:
            continue
        rounds = [f for f in figures if (f.contestant, f.size, f.processes) == (OURS.name, size, best.processes)]
        for part, of in PARTS.items():
            points[part].append((size / 1_000, median(map(of, rounds))))
    return {part: _through(those) for part, those in points.items() if len(those) > 1}


def render(figures: Sequence[Figure], growths: Sequence[Growth]) -> str:
    """Markdown; empty where too little was measured."""
    found = lines(figures)
    return "\n".join(_shown(found, sorted({figure.size for figure in figures}), growths)) if found else ""


def _through(points: Sequence[tuple[float, float]]) -> Line:
    per_kb = measure.slope(points)
    mean_x, mean_y = (sum(axis) / len(points) for axis in zip(*points, strict=True))
    return Line(mean_y - per_kb * mean_x, per_kb)


def _shown(found: Mapping[str, Line], sizes: Sequence[int], growths: Sequence[Growth]) -> Iterator[str]:
    yield "## What a load costs"
    yield ""
    yield "Lines through the figures above, at full batches (fewer events a second make smaller batches, which cost more each):"
    yield "; ".join(f"{part} {line.fixed:.0f} µs + {line.per_kb:.1f} µs/KB" for part, line in found.items()) + "."
    yield ""
    yield f"| events/s | size | {' | '.join(f'CPUs, {part}' for part in found)} |"
    yield f"|--:|---|{'--:|' * len(found)}"
    for per_second in LOADS:
        for size in sizes:
            cores = " | ".join(f"{line.cores(size, per_second):.2f}" for line in found.values())
            yield f"| {per_second:,} | {load.label(size)} | {cores} |"
    for one in growths:
        kept, written = one.bytes_per_million / 1e6, one.wal_bytes / one.events
        yield ""
        yield f"| events/s of {load.label(one.size)} | GB a day in the database | MB/s written ahead |"
        yield "|--:|--:|--:|"
        for per_second in LOADS:
            yield f"| {per_second:,} | {kept * per_second * DAY_S / 1e9:,.1f} | {written * per_second / 1e6:,.2f} |"
