"""Parts of the report: latency at many rates, more processes, a kill, a long run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from statistics import median

from benchmarks.pipeline import goal, latency, load, plot
from benchmarks.pipeline.contestant import CONTESTANTS, LAYERS, OURS
from benchmarks.pipeline.growth import MILLION, Growth
from benchmarks.pipeline.latency import Latency
from benchmarks.pipeline.recovery import RATE, Recovery
from benchmarks.pipeline.run import Figure

TABLES_SHOWN = 8


def sweep(latencies: Sequence[Latency]) -> str:
    """Latency by rate, as far as each kept up."""
    by_rate = {(one.contestant, one.rate): one for one in latencies}
    lines = [
        "## Latency from 20 events/s to saturation",
        "",
        f"{load.label(latencies[0].size)} results, one process, arrivals by the clock whatever becomes of those",
        "before; in ms from the scheduled time of sending. None: the p99 was over a second, or decisions were missing",
        f"{latency.LAST_S:.0f} s after the last result. Beside it how late the sender was itself, at worst.",
        "",
        "| events/s | relay p50 | p99 | max | sender | hitl-stream p50 | p99 | max | sender |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for rate in sorted({one.rate for one in latencies}):
        both = [by_rate.get((name, rate)) for name in ("relay", "hitl_stream")]
        lines.append(f"| {rate:,.0f} | " + " | ".join(_percentiles(one) for one in both) + " |")
    return "\n".join(lines)


def sweep_plot(latencies: Sequence[Latency]) -> str:
    """The same, drawn."""
    drawn = {
        f"{name}, {label}": [(one.rate, one.percentile(share)) for one in latencies if one.contestant == name]
        for name in ("relay", "hitl_stream")
        for label, share in (("p50", 0.5), ("p99", 0.99))
    }
    kept = {name: points for name, points in drawn.items() if points}
    return plot.lines("Latency by rate", "events/s", "ms from the scheduled time", kept, "log")


def layers(figures: Sequence[Figure]) -> str:
    """What audit, metrics and traces cost."""
    rates = _rates(figures)
    bare = rates.get(LAYERS[0].label)
    lines = [
        "## What is done beside deciding",
        "",
        f"{load.label(figures[0].size)} results, one process, median of the rounds. Bare writes identity, evidence, patch,",
        "review and messages. Audit: a row for each decision and action.",
        "Tracing: a span for every event, to a collector on this machine.",
        "",
        "| layer | events/s | of bare | CPU per event, µs |",
        "|---|--:|--:|--:|",
    ]
    for one in LAYERS:
        if one.label in rates:
            cpu = median(figure.cpu_us for figure in figures if figure.contestant == one.name)
            share = f"{rates[one.label] / bare:.2f}" if bare else ""
            lines.append(f"| {one.label} | {rates[one.label]:,.0f} | {share} | {cpu:,.1f} |")
    return "\n".join(lines)


def _rates(figures: Sequence[Figure]) -> dict[str, float]:
    """Events/s of each layer that was measured, by its label, in their order."""
    found = {one.label: [f.events_s for f in figures if f.contestant == one.name] for one in LAYERS}
    return {label: median(rates) for label, rates in found.items() if rates}


def scaling(figures: Sequence[Figure]) -> str:
    """One, two and four processes."""
    lines = [
        "## More processes",
        "",
        f"{load.label(figures[0].size)} results, median of the rounds. Broker and Postgres have the same cores.",
        "",
        "| contestant | processes | events/s | × one | CPU per event, µs | resident, MB |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name, among in groupby(
        sorted(figures, key=lambda one: (one.contestant, one.processes)), lambda one: one.contestant
    ):
        one_rate = 0.0
        for processes, runs in groupby(among, lambda one: one.processes):
            those = list(runs)
            rate = median(run.events_s for run in those)
            one_rate = one_rate or rate
            cpu, rss = median(run.cpu_us for run in those), median(run.rss_mb for run in those)
            label = CONTESTANTS[name].label
            lines.append(f"| {label} | {processes} | {rate:,.0f} | {rate / one_rate:.2f} | {cpu:,.1f} | {rss:,.0f} |")
    return "\n".join(lines)


def recovery(recoveries: Sequence[Recovery]) -> str:
    """After a kill."""
    lines = [
        "## One of two processes is killed",
        "",
        f"At {RATE:.0f} events/s; another is started at once. The longest that any result waited for its decision, in each",
        "round, and how many waited longer than a second.",
        "",
        "| contestant | longest wait, s | waited > 1 s |",
        "|---|---|--:|",
    ]
    for name in dict.fromkeys(one.contestant for one in recoveries):
        those = [one for one in recoveries if one.contestant == name]
        waits = ", ".join(f"{one.longest_s:.1f}" for one in those)
        lines.append(f"| {CONTESTANTS[name].label} | {waits} | {median(one.waited for one in those):,.0f} |")
    return "\n".join(lines)


def growth(one: Growth) -> str:
    """Memory, the cost of each million, what stays."""
    lines = [
        f"## {one.events:,} events of {load.label(one.size)}",
        "",
        f"One worker process: {one.mb:.0f} MB resident, growing by {one.mb_per_million:+.2f} MB per million events after the"
        f" first ({len(one.samples)} samples). A million events leave {one.bytes_per_million / 1e9:.2f} GB in the database;",
        f"{one.wal_bytes / one.events * MILLION / 1e9:.2f} GB are written ahead.",
        "",
        "| million | CPU per event, µs | of it Postgres |",
        "|--:|--:|--:|",
        *(f"| {n} | {both:.1f} | {postgres:.1f} |" for n, (both, postgres) in enumerate(one.costs, 1)),
        "",
        "| table | bytes per event | of it indexes |",
        "|---|--:|--:|",
    ]
    largest = sorted(one.tables.items(), key=lambda item: -item[1][0])[:TABLES_SHOWN]
    lines += [f"| {name} | {total / one.events:,.0f} | {part / one.events:,.0f} |" for name, (total, part) in largest]
    return "\n".join(lines)


def growth_plots(one: Growth) -> Iterator[tuple[str, str]]:
    """Memory and cost, drawn."""
    resident = [(sample.events / MILLION, sample.rss / 1e6) for sample in one.samples]
    yield "memory", plot.lines("Resident memory of a worker", "million events", "MB", {"hitl-stream worker": resident})
    if one.costs:
        drawn = {
            "worker and Postgres": [(n, both) for n, (both, _) in enumerate(one.costs, 1)],
            "Postgres": [(n, postgres) for n, (_, postgres) in enumerate(one.costs, 1)],
        }
        yield (
            "cost",
            plot.lines(
                "Cost of an event", "million", "µs of CPU", {k: [(float(n), y) for n, y in v] for k, v in drawn.items()}
            ),
        )


def goals(
    layered: Sequence[Figure], recoveries: Sequence[Recovery], growths: Sequence[Growth]
) -> Iterator[tuple[str, goal.Goal]]:
    """What these measured of what has a limit."""
    rates = _rates(layered)
    if bare := rates.pop(LAYERS[0].label, None):
        yield from (("layers", one) for one in goal.layers(bare, rates))
    waits = {
        name: [one.longest_s for one in recoveries if one.contestant == name]
        for name in {o.contestant for o in recoveries}
    }
    ours = waits.pop(OURS.name, [])
    if ours:
        yield from (("kill", one) for one in goal.recovery(median(ours), [median(theirs) for theirs in waits.values()]))
    for grown in growths:
        about = f"{grown.events / MILLION:.1f} million of {load.label(grown.size)}"
        yield from ((about, one) for one in goal.growth(grown.mb_per_million, [both for both, _ in grown.costs]))


def _percentiles(one: Latency | None) -> str:
    if one is None:
        return "none | | | "
    return " | ".join(f"{ms:,.1f}" for ms in (*map(one.percentile, (0.5, 0.99, 1.0)), one.late_ms))
