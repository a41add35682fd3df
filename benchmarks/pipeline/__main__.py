"""`make bench`: every contestant, both sizes, interleaved rounds; latency at one rate and at many; one, two and four processes;
a kill; a long run; then the report with its plots.

Exit code 0: every run has a figure and every goal is met. 1: a run failed or a goal was missed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.pipeline import growth, latency, load, machine, recovery
from benchmarks.pipeline.contestant import CONTESTANTS, Contestant, layers
from benchmarks.pipeline.report import Report
from benchmarks.pipeline.run import Figure, RunFailed, run
from benchmarks.pipeline.sink import Sink
from benchmarks.pipeline.world import World

PROCESSES = (1, 2)
SCALED = (1, 2, 4)
SCALING = ("hitl_stream", "getmany", "arroyo_copy")


def main() -> int:
    """Measure what is asked for, print and write the report."""
    options = _options()
    report = Report(machine.describe())
    try:
        with World() as world:
            for part in options.parts:
                PARTS[part](world, options, report)
    finally:
        _write(report, options.report)
    return 1 if report.failures or not all(goal.met for _, goal in report.goals()) else 0


def _throughput(world: World, options: argparse.Namespace, report: Report) -> None:
    runs = [(size, name, n) for size in options.sizes for name in options.contestants for n in options.processes]
    for round_ in range(1, options.rounds + 1):
        for size, name, processes in runs:
            report.figures += _run(world, options, report, CONTESTANTS[name], size, processes, round_)


def _scaling(world: World, options: argparse.Namespace, report: Report) -> None:
    for round_ in range(1, options.rounds + 1):
        for name in SCALING:
            for processes in SCALED:
                report.scaling += _run(world, options, report, CONTESTANTS[name], options.sizes[0], processes, round_)


def _layers(world: World, options: argparse.Namespace, report: Report) -> None:
    with Sink() as sink:
        for round_ in range(1, options.rounds + 1):
            for layer in layers(sink.endpoint):
                sink.spans = 0
                report.layers += _run(world, options, report, layer, options.sizes[0], 1, round_, sink)


def _run(
    world: World,
    options: argparse.Namespace,
    report: Report,
    who: Contestant,
    size: int,
    processes: int,
    round_: int,
    sink: Sink | None = None,
) -> list[Figure]:
    """One figure, or none and a failure."""
    if not who.installed:
        report.failures.append(f"{who.name} is not installed: {who.python} is missing")
        return []
    try:
        figure = run(world, who, size, options.events, processes, round_, sink)
    except RunFailed as failure:
        _failed(report, failure)
        return []
    print(_line(figure), flush=True)
    return [figure]


def _latency(world: World, options: argparse.Namespace, report: Report) -> None:
    for size in options.sizes:
        try:
            report.latencies.extend(latency.rounds(world, size, options.latency_seconds, options.rounds))
        except RunFailed as failure:
            _failed(report, failure)


def _sweep(world: World, options: argparse.Namespace, report: Report) -> None:
    try:
        report.sweep.extend(latency.sweep(world, options.sizes[0], options.latency_seconds))
    except RunFailed as failure:
        _failed(report, failure)


def _recovery(world: World, options: argparse.Namespace, report: Report) -> None:
    try:
        report.recoveries.extend(recovery.rounds(world, options.sizes[0], options.rounds))
    except RunFailed as failure:
        _failed(report, failure)


def _growth(world: World, options: argparse.Namespace, report: Report) -> None:
    try:
        report.growths.append(growth.watch(world, options.sizes[0], options.growth_events))
    except RunFailed as failure:
        _failed(report, failure)


PARTS = {
    "throughput": _throughput, "latency": _latency, "sweep": _sweep, "layers": _layers, "scaling": _scaling,
    "recovery": _recovery, "growth": _growth,
}  # fmt: skip


def _failed(report: Report, failure: RunFailed) -> None:
    report.failures.append(str(failure))
    print(f"FAILED {failure}", file=sys.stderr, flush=True)


def _line(figure: Figure) -> str:
    return (
        f"round {figure.round}  {load.label(figure.size):>7}  {figure.contestant:<16} x{figure.processes}"
        f"  {figure.events_s:>8,.0f} events/s  {figure.cpu_us:>7,.1f} µs CPU (Postgres {figure.postgres_us:,.1f})"
        f"  broker {figure.broker_us:,.1f}  first after {figure.first_s:.2f} s"
    )


def _write(report: Report, path: Path | None) -> None:
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".csv").write_text(report.csv())
    print(report.render())
    if path is not None:
        for name, drawn in report.plots().items():
            path.with_name(f"{path.stem}-{name}.svg").write_text(drawn)
        path.write_text(report.render(path.stem))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pipeline", description=__doc__)
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=list(PARTS))
    parser.add_argument(
        "--events", type=int, default=60_000, help="events of a run; a slow contestant gets a share of them"
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=list(load.SIZES), help="bytes of a result")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--processes", type=int, nargs="+", default=list(PROCESSES))
    parser.add_argument("--contestants", nargs="+", default=list(CONTESTANTS), choices=list(CONTESTANTS))
    parser.add_argument("--latency-seconds", type=float, default=30.0, help="of each contestant in each round")
    parser.add_argument(
        "--growth-events", type=int, default=2_000_000, help="of the long run; ten million take an hour"
    )
    parser.add_argument("--report", type=Path, help="Markdown goes here; plots and every run beside it")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
