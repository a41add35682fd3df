"""Figures as Markdown and CSV: what was measured and how, ratios, goals met or missed."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from benchmarks.pipeline import cost, goal, latency, load, measure, section
from benchmarks.pipeline.contestant import CONTESTANTS
from benchmarks.pipeline.goal import Best, Goal
from benchmarks.pipeline.growth import Growth
from benchmarks.pipeline.latency import Latency
from benchmarks.pipeline.recovery import Recovery
from benchmarks.pipeline.run import Figure

HOW = """\
Every contestant does the same work on the same records: it validates, looks up or inserts the identity, applies the rules,
inserts patch, evidence and decision (or review and action), commits, publishes the same messages, and is at least once.
Rows, messages and their bytes are counted after each run; a run that differs has no figure. The load lies in Kafka before a
run and is let in at one moment, when the contestant is warm; time is from then to the broker's time of the last message. The
better of one and two processes counts, by the median of the rounds (lowest–highest beside it). **CPU per event is that of the
contestant's processes and of Postgres**, children that ended included; the broker's stands apart: nobody's code runs there.
The ceiling is the same rows by plain COPY from memory and the same bytes produced, without any consumption."""


COLUMNS = (
    "contestant", "size", "processes", "round", "events", "seconds", "events_s", "cpu_us", "postgres_us", "broker_us", "rss_mb",
)  # fmt: skip


@dataclass(slots=True)
class Report:
    """Everything that was measured."""

    machine: Sequence[str]
    figures: list[Figure] = field(default_factory=list)
    latencies: list[Latency] = field(default_factory=list)
    sweep: list[Latency] = field(default_factory=list)
    layers: list[Figure] = field(default_factory=list)
    scaling: list[Figure] = field(default_factory=list)
    recoveries: list[Recovery] = field(default_factory=list)
    growths: list[Growth] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def goals(self) -> list[tuple[str, Goal]]:
        """All goals that something was measured for, with what they are about."""
        batched = [name for name, contestant in CONTESTANTS.items() if contestant.best_batched]
        found = [(load.label(s), g) for s in self.sizes() for g in goal.throughput(self.figures, s, batched)]
        for size in sorted({one.size for one in self.latencies}):
            about = f"latency, {load.label(size)}"
            found += [
                (about, g)
                for g in goal.latency(self._percentiles("hitl_stream", size), self._percentiles("relay", size))
            ]
        return [*found, *section.goals(self.layers, self.recoveries, self.growths)]

    def plots(self) -> dict[str, str]:
        """SVG by name."""
        found = {"sweep": section.sweep_plot(self.sweep)} if self.sweep else {}
        return found | {name: drawn for one in self.growths for name, drawn in section.growth_plots(one)}

    def sizes(self) -> list[int]:
        """Sizes with figures."""
        return sorted({figure.size for figure in self.figures})

    def render(self, stem: str | None = None) -> str:
        """Markdown; the plots are shown where the files are named by a stem."""
        parts = ["# Benchmark: the pipeline", "\n".join(f"- {fact}" for fact in self.machine)]
        if self.figures:
            parts += [HOW, *(self._throughput(size) for size in self.sizes())]
        if self.latencies:
            parts.append(self._latency())
        parts += [section.sweep(self.sweep)] if self.sweep else []
        parts += [section.layers(self.layers)] if self.layers else []
        parts += [section.scaling(self.scaling)] if self.scaling else []
        parts += [section.recovery(self.recoveries)] if self.recoveries else []
        parts += [section.growth(one) for one in self.growths]
        parts += [priced] if (priced := cost.render(self.figures, self.growths)) else []
        if stem is not None:
            parts += [f"![{name}]({stem}-{name}.svg)" for name in self.plots()]
        parts.append(self._goals())
        if self.failures:
            parts.append("## Runs without a figure\n\n" + "\n".join(f"- {failure}" for failure in self.failures))
        return "\n\n".join(parts) + "\n"

    def csv(self) -> str:
        """Every run, one line each."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(COLUMNS)
        for f in self.figures:
            numbers = (f.seconds, f.events_s, f.cpu_us, f.postgres_us, f.broker_us, f.rss_mb)
            writer.writerow([f.contestant, f.size, f.processes, f.round, f.events, *(f"{n:.2f}" for n in numbers)])
        return out.getvalue()

    def _percentiles(self, name: str, size: int) -> tuple[float, float]:
        values = latency.pooled(self.latencies, name, size)
        return measure.percentile(values, 0.5), measure.percentile(values, 0.99)

    def _throughput(self, size: int) -> str:
        ours = goal.cheapest(self.figures, "hitl_stream", size)
        lines = [
            f"## {load.label(size)} results",
            "",
            "| contestant | events/s | processes | CPU per event, µs | processes | × ours | of it Postgres | broker, apart |",
            "|---|--:|--:|--:|--:|--:|--:|--:|",
        ]
        for name, contestant in CONTESTANTS.items():
            cheap, fast = goal.cheapest(self.figures, name, size), goal.fastest(self.figures, name, size)
            if cheap is None or fast is None:
                continue
            times = f"{cheap.value / ours.value:.2f}" if ours else ""
            rest = self._rest(name, size, cheap.processes)
            lines.append(
                f"| {contestant.label} | {_spread(fast, 0)} | {fast.processes} | {_spread(cheap, 1)} | {cheap.processes} "
                f"| {times} | {rest} |"
            )
        return "\n".join(lines)

    def _rest(self, name: str, size: int, processes: int) -> str:
        among = [f for f in self.figures if (f.contestant, f.size, f.processes) == (name, size, processes)]
        postgres = median([f.postgres_us for f in among])
        broker = median([f.broker_us for f in among])
        return f"{postgres:.1f} | {broker:.1f}"

    def _latency(self) -> str:
        lines = [
            f"## Latency at {latency.RATE:.0f} events/s",
            "",
            "From the scheduled time of sending to the decision seen by a consumer, in ms; one process, all rounds together.",
            "",
            "| size | contestant | p50 | p90 | p99 | max | decisions |",
            "|---|---|--:|--:|--:|--:|--:|",
        ]
        for size in sorted({one.size for one in self.latencies}):
            for name in ("relay", "hitl_stream"):
                values = latency.pooled(self.latencies, name, size)
                shown = " | ".join(f"{measure.percentile(values, share):.1f}" for share in (0.5, 0.9, 0.99, 1.0))
                lines.append(f"| {load.label(size)} | {name} | {shown} | {len(values)} |")
        return "\n".join(lines)

    def _goals(self) -> str:
        lines = ["## Goals", "", "| about | goal | limit | measured | |", "|---|---|--:|--:|---|"]
        for about, one in self.goals():
            sign = "≥" if one.at_least else "≤"
            lines.append(
                f"| {about} | {one.name} | {sign} {one.limit:.3f} | {one.value:.3f} | {'met' if one.met else 'MISSED'} |"
            )
        return "\n".join(lines)


def _spread(best: Best, digits: int) -> str:
    return f"{best.value:,.{digits}f} ({best.low:,.{digits}f}–{best.high:,.{digits}f})"
