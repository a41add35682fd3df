"""Figures as Markdown: how it was measured, ratios, goals met or missed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from benchmarks.pipeline.goal import Goal
from benchmarks.pipeline.measure import percentile
from benchmarks.sidecar import deciding, fill, living, reading
from benchmarks.sidecar.deciding import Rate
from benchmarks.sidecar.disk import EVERY_S, PAGE, Disk
from benchmarks.sidecar.living import Delivery, Flood
from benchmarks.sidecar.reading import Timed

BARE_SHARE_MIN = 0.6
DECISION_MS_MAX = 100.0
DELIVERY_MS_MAX = 250.0
FLOOD_MB_MAX = 200.0  # above what it had before

HOW_DECISIONS = """\
Rejections of pending patches over 16 connections, each in a fresh database with fsync on, in turns; the client runs beside it
on the same cores. The bare route runs the same statements on the same pool and nothing else: no login, no rate limit, no
Idempotency-Key, no log, no metrics. pgbench runs them without HTTP and puts the message together in SQL. The median of the
rounds (lowest–highest)."""

HOW_DISK = f"""\
An fdatasync of {len(PAGE):,} bytes, and a read of as many anywhere in Postgres' largest file past all caches,
{1 / EVERY_S:.0f} times a second beside each part; ms. Who decides waits for one commit at least: no decision can be quicker.
Who reads waits for no commit, but for every page that is not in memory any more."""

HOW_READS = f"""\
Patches made by SQL (diffs below 300 B): nine of ten decided, the latest tenth pending, a package for {fill.OF_A_PACKAGE:,}
and a CVE for {fill.OF_A_CVE}. Asked {reading.RATE:.0f} times a second on a schedule that does not wait for answers,
{reading.SAMPLES} of each kind in a round with other values each time; ms from when each was due. The median of the rounds
(of p99 lowest–highest). Every table was read once before: what comes from a disk takes as long as the disk. A detail is of
what is pending, as reviewers open it; that of any patch, however long ago it came, finds little of what it needs in memory."""


@dataclass(slots=True)
class Report:
    """Everything that was measured."""

    machine: Sequence[str]
    rates: list[Rate] = field(default_factory=list)
    decisions: list[Timed] = field(default_factory=list)
    reads: list[Timed] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    floods: list[Flood] = field(default_factory=list)
    sizes: list[str] = field(default_factory=list)
    plans: list[str] = field(default_factory=list)
    disks: list[Disk] = field(default_factory=list)

    def goals(self) -> list[tuple[str, Goal]]:
        """All goals that something was measured for, with what they are about."""
        found = []
        if {deciding.SIDECAR, deciding.BARE} <= {rate.contestant for rate in self.rates}:
            ours, bare = (self._per_second(name) for name in (deciding.SIDECAR, deciding.BARE))
            found.append(
                ("decisions", Goal("per second, of the bare route's", ours / bare, BARE_SHARE_MIN, at_least=True))
            )
        found += [
            (f"decisions, {size(patches)}", Goal("p99 in ms", median(_each(rounds, 0.99)), DECISION_MS_MAX))
            for (_, patches), rounds in _by_kind(self.decisions).items()
        ]
        smallest = min((one.patches for one in self.reads), default=0)
        for kind in reading.READS:
            times = {
                patches: median(_each(rounds, 0.99))
                for (name, patches), rounds in _by_kind(self.reads).items()
                if name == kind.name
            }
            found += [
                (f"{kind.name}, {size(patches)}", Goal("p99 in ms", ms, kind.limit_ms)) for patches, ms in times.items()
            ]
            found += [
                (f"{kind.name}, {size(one.patches)}", Goal("refused", one.refused, 0))
                for one in self.reads
                if one.name == kind.name and one.refused
            ]
            found += [
                (
                    f"{kind.name}, {size(patches)}",
                    Goal(f"p99 of that of {size(smallest)}", ms / times[smallest], kind.growth_max),
                )
                for patches, ms in times.items()
                if patches != smallest and kind.growth_max is not None
            ]
        for delivery in self.deliveries:
            late = percentile(delivery.milliseconds, 0.99)
            found.append((f"live, {delivery.clients:,} clients", Goal("p99 in ms from commit", late, DELIVERY_MS_MAX)))
            share = len(delivery.milliseconds) / delivery.expected
            found.append((f"live, {delivery.clients:,} clients", Goal("heard of expected", share, 1.0, at_least=True)))
        found += [
            (f"live, {living.FLOOD_PER_S:,} changes/s", Goal("MB more", one.most_mb - one.before_mb, FLOOD_MB_MAX))
            for one in self.floods
        ]
        return found

    def render(self) -> str:
        """Markdown."""
        parts = ["# Benchmark: the sidecar", "\n".join(f"- {fact}" for fact in self.machine)]
        if any(rate.contestant == deciding.BARE for rate in self.rates):
            parts.append(self._rates())
        if self.decisions:
            parts.append(_times(f"## Decisions at {deciding.LATENCY_RATE:.0f}/s", "", self.decisions))
        if self.reads:
            parts.append(_times("## Reads", HOW_READS, self.reads))
        if self.sizes:
            parts.append("## Sizes\n\n" + "\n".join(f"- {size}" for size in self.sizes))
        if self.deliveries or self.floods:
            parts.append(self._live())
        if self.disks:
            parts.append(self._disks())
        parts.append(self._goals())
        if self.plans:
            parts.append("## Plans\n\n" + "\n\n".join(self.plans))
        return "\n\n".join(parts) + "\n"

    def _per_second(self, contestant: str) -> float:
        return median(rate.per_second for rate in self.rates if rate.contestant == contestant)

    def _rates(self) -> str:
        lines = [
            "## Decisions per second",
            "",
            HOW_DECISIONS,
            "",
            "| contestant | decisions/s | of the bare route | CPU of the process, µs | CPU of Postgres, µs |",
            "|---|--:|--:|--:|--:|",
        ]
        bare = self._per_second(deciding.BARE)
        for name in deciding.CONTESTANTS:
            among = [rate for rate in self.rates if rate.contestant == name]
            if not among:
                continue
            values = [rate.per_second for rate in among]
            server = "" if name == deciding.PGBENCH else f"{median(rate.server_us for rate in among):,.0f}"
            postgres = median(rate.postgres_us for rate in among)
            lines.append(
                f"| {name} | {median(values):,.0f} ({min(values):,.0f}–{max(values):,.0f}) | {median(values) / bare:.2f}"
                f" | {server} | {postgres:,.0f} |"
            )
        return "\n".join(lines)

    def _live(self) -> str:
        lines = ["## Live updates", ""]
        for one in self.deliveries:
            shown = ", ".join(
                f"p{share * 100:g} {percentile(one.milliseconds, share):.0f} ms" for share in (0.5, 0.9, 0.99, 1)
            )
            lines.append(
                f"- {one.clients:,} clients, {living.CHANGES_PER_S} changes/s: {shown} from the commit;"
                f" {len(one.milliseconds):,} of {one.expected:,} heard"
            )
        for flood in self.floods:
            lines.append(
                f"- {flood.clients:,} clients of which {living.SILENT} read nothing, {living.FLOOD_PER_S:,} changes/s:"
                f" {flood.before_mb:.0f} MB before, at most {flood.most_mb:.0f} MB, {flood.mb_per_minute:+.1f} MB per minute in"
                f" the second half; told {flood.told_only_that:,} times that the list changed; {flood.let_go} let go"
            )
        return "\n".join(lines)

    def _disks(self) -> str:
        lines = [
            "## The disk",
            "",
            HOW_DISK,
            "",
            "| beside | what | p50 | p90 | p99 | max |",
            "|---|---|--:|--:|--:|--:|",
        ]
        for one in self.disks:
            for what, milliseconds in (("fdatasync", one.syncs_ms), ("read", one.reads_ms)):
                if not milliseconds:
                    continue
                shown = " | ".join(f"{percentile(milliseconds, share):.1f}" for share in (0.5, 0.9, 0.99, 1.0))
                lines.append(f"| {one.during} | {what} | {shown} |")
        return "\n".join(lines)

    def _goals(self) -> str:
        goals = self.goals()
        missed = sum(not one.met for _, one in goals)
        lines = ["## Goals", "", f"{len(goals) - missed} met, {missed} missed.", ""]
        lines += ["| about | goal | limit | measured | |", "|---|---|--:|--:|---|"]
        for about, one in goals:
            sign = "≥" if one.at_least else "≤"
            lines.append(
                f"| {about} | {one.name} | {sign} {one.limit:g} | {one.value:.2f} | {'met' if one.met else 'MISSED'} |"
            )
        return "\n".join(lines)


def size(patches: int) -> str:
    """How many patches, as it is written."""
    return f"{patches // 1_000_000} M" if patches >= 1_000_000 else f"{patches // 1_000} k"


def _times(title: str, how: str, times: Sequence[Timed]) -> str:
    lines = [
        title,
        "",
        *([how, ""] if how else []),
        "| what | patches | p50 | p90 | p99 | max |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for (name, patches), rounds in _by_kind(times).items():
        half, most, late, last = (_each(rounds, share) for share in (0.5, 0.9, 0.99, 1.0))
        among = f" ({min(late):.1f}–{max(late):.1f})" if len(late) > 1 else ""
        shown = f"{median(half):.1f} | {median(most):.1f} | {median(late):.1f}{among} | {max(last):.1f}"
        lines.append(f"| {name} | {size(patches)} | {shown} |")
    return "\n".join(lines)


def _by_kind(times: Sequence[Timed]) -> dict[tuple[str, int], list[Timed]]:
    """The rounds of each kind of question at each size."""
    found: dict[tuple[str, int], list[Timed]] = {}
    for one in times:
        found.setdefault((one.name, one.patches), []).append(one)
    return found


def _each(rounds: Sequence[Timed], share: float) -> list[float]:
    """One percentile of each round."""
    return [percentile(one.milliseconds, share) for one in rounds]
