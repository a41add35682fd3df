"""`make bench-sidecar`: decisions beside a bare route, reads at two sizes, live updates; then the report.

Exit code 0: every goal is met. 1: one was missed.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.pipeline import machine
from benchmarks.pipeline.measure import percentile
from benchmarks.sidecar import deciding, disk, fill, living, plan, reading
from benchmarks.sidecar.deciding import Rate
from benchmarks.sidecar.reading import Timed
from benchmarks.sidecar.report import Report, size
from benchmarks.sidecar.stand import Stand
from tests.harness import database

PARTS = ("decisions", "reads", "live")
LATENCY_SHARE = 0.6  # of the pending patches at most: the lists stay what they were


def main() -> int:
    """Measure what is asked for, print and write the report."""
    options = _options()
    report = Report(machine.describe())
    try:
        with Stand() as stand:
            if "decisions" in options.parts:
                with _disk(stand, report, "decisions per second"):
                    for rate in deciding.rates(stand, options.decisions, options.rounds):
                        report.rates.append(rate)
                        _say(_line(rate))
            if "live" in options.parts:
                _live(stand, options, report)
            if "reads" in options.parts:
                for patches in options.patches:
                    _reads(stand, options, report, patches)
    finally:
        text = report.render()
        print(text)
        if options.report is not None:
            options.report.write_text(text)
    return 0 if all(one.met for _, one in report.goals()) else 1


def _reads(stand: Stand, options: argparse.Namespace, report: Report, patches: int) -> None:
    with database.migrated(stand.postgres) as url:
        asyncio.run(fill.fill(url, patches, _say))
        with stand.sidecar(url) as served:
            with _disk(stand, report, f"reads, {size(patches)}"):
                for one in reading.read(stand, served, patches, options.rounds):
                    report.reads.append(one)
                    half, late = (percentile(one.milliseconds, share) for share in (0.5, 0.99))
                    _say(f"{one.name:<36} {patches:>10,} p50 {half:.1f} p99 {late:.1f} ms")
            decisions = min(options.seconds * deciding.LATENCY_RATE, patches / fill.PENDING_OF * LATENCY_SHARE)
            with _disk(stand, report, f"decisions, {size(patches)}"):
                taken = deciding.latency(stand, served, int(decisions))
            report.decisions.append(Timed("reject", patches, taken))
        if patches == max(options.patches):
            report.sizes = asyncio.run(plan.sizes(url))
            report.plans = asyncio.run(plan.plans(url, patches))


def _live(stand: Stand, options: argparse.Namespace, report: Report) -> None:
    with database.migrated(stand.postgres) as url:
        asyncio.run(fill.fill(url, 40_000, _say))
        with stand.sidecar(url) as served:
            with _disk(stand, report, "live updates"):
                report.deliveries.append(living.deliver(stand, served, url, options.clients, options.seconds, 1))
            _say("live updates delivered")
            report.floods.append(living.flood(stand, served, url, options.clients, options.seconds))


@contextmanager
def _disk(stand: Stand, report: Report, during: str) -> Iterator[None]:
    with disk.beside(during, stand.postgres.data) as asked:
        report.disks.append(asked)
        yield


def _line(rate: Rate) -> str:
    spent = f"{rate.server_us:>6,.0f} µs of CPU and {rate.postgres_us:,.0f} of Postgres"
    return f"{rate.contestant:<26} {rate.per_second:>7,.0f}/s  {spent}"


def _say(line: str) -> None:
    print(line, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sidecar", description=__doc__)
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=PARTS)
    parser.add_argument("--decisions", type=int, default=3_000, help="of one contestant in one round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--patches",
        type=int,
        nargs="+",
        default=[10_000, 10_000_000],
        help="sizes of the database; the largest needs 40 GB",
    )
    parser.add_argument("--seconds", type=float, default=30.0, help="of latency and of live updates")
    parser.add_argument("--clients", type=int, default=1_000, help="that listen")
    parser.add_argument("--report", type=Path, help="Markdown goes here")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
