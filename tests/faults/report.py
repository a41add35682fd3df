"""What a campaign came to: an episode for the screen and to be kept, all of them as reports/faults.md."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from tests.faults.judge.view import Violation
from tests.faults.toll import Bite

SHOWN_PER_KIND_MAX = 5
OFTEN = 25  # bites of a kind that say something about it


@dataclass(frozen=True)
class Struck:
    """One fault: what was under way at its instant, and seconds from its end until everything older was recorded and
    published (None where the next one did not wait for that)."""

    kind: str
    at: float
    bite: Bite
    recovered_s: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What one episode came to. `deaths` are processes that ended by themselves, `failures` what else went wrong."""

    seed: int
    commit: str
    seconds: float
    struck: Sequence[Struck]
    deaths: Mapping[str, int]
    cut: int
    told: Mapping[str, int]
    figures: Mapping[str, int]
    failures: Sequence[str]
    violations: Sequence[Violation]
    marks: Sequence[str]

    @property
    def is_good(self) -> bool:
        """Whether nothing was violated and nothing else went wrong."""
        return not (self.violations or self.failures)

    @property
    def reach(self) -> dict[str, int]:
        """Whether the faults hit anything, in figures."""
        return {
            "faults": len(self.struck),
            "faults that bit": _bites(self.struck),
            "transactions cut": self.cut,
            "batches refused for their position": self.told.get("batch_refused", 0),
            "partitions claimed": self.told.get("partition_claimed", 0),
        }


def keep(outcome: Outcome, file: Path) -> None:
    """As JSON, all at once."""
    written = file.with_suffix(".part")
    written.write_text(json.dumps(asdict(outcome)))
    written.rename(file)


def load(folder: Path) -> list[Outcome]:
    """Every episode that was kept, by seed."""
    found = []
    for file in folder.glob("*.json"):
        plain = json.loads(file.read_text())
        plain["struck"] = [Struck(**{**one, "bite": Bite(**one["bite"])}) for one in plain["struck"]]
        plain["violations"] = [Violation(*one) for one in plain["violations"]]
        found.append(Outcome(**plain))
    return sorted(found, key=lambda outcome: outcome.seed)


def text(outcome: Outcome) -> str:
    """For the screen."""
    lines = [f"seed {outcome.seed}, commit {outcome.commit}, {outcome.seconds:.0f} s"]
    lines += [f"{name:<36} {number:>9,}" for name, number in {**outcome.figures, **outcome.reach}.items()]
    lines.append(f"ended by themselves: {_named(outcome.deaths)}")
    return "\n".join([*lines, *_wrong(outcome)])


def write(outcomes: Sequence[Outcome], file: Path, missed: Mapping[str, Sequence[str]] = MappingProxyType({})) -> None:
    """As Markdown. `missed` are statements that a program never came to, where it was to die at each."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join((*_markdown(outcomes), *_missed(missed))) + "\n")


def commit() -> str:
    """Which code this is."""
    done = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def _markdown(outcomes: Sequence[Outcome]) -> Iterator[str]:
    struck = [one for outcome in outcomes for one in outcome.struck]
    yield "# What happens when things break"
    yield ""
    yield f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, Python {platform.python_version()}, {os.cpu_count()} cores,"
    yield f"{platform.system()} {platform.machine()}. Apache Kafka with 4 partitions, Postgres 15 with fsync on; two workers,"
    yield "two sidecars, a scheduler, Eureka's consumer, six reviewers, three listeners and a client of the gate."
    yield "`make faults` makes this; what is compared stands in `tests/faults/judge/checker.py`."
    yield ""
    violations = sum(len(outcome.violations) for outcome in outcomes)
    by_kind: dict[str, list[Struck]] = defaultdict(list)
    for one in struck:
        by_kind[one.kind].append(one)
    often = sum(_bites(those) >= OFTEN for those in by_kind.values())
    yield (
        f"**{len(struck):,} faults, of which {_bites(struck):,} bit, in {len(outcomes)} episodes and"
        f" {sum(outcome.seconds for outcome in outcomes) / 60:.0f} minutes: {violations} violations, and"
        f" {sum(bool(outcome.failures) for outcome in outcomes)} episodes that did not end as they must.**"
    )
    if often:
        yield f"Of {len(by_kind)} kinds of fault, {often} bit {OFTEN} times or more."
    yield ""
    yield "A fault bit if at its instant something was under way that could have been lost: records not recorded, messages not"
    yield "published, requests not answered, rounds or reviews that nobody had ended yet. Got over means: from the end of the"
    yield "fault until everything that was sent by then was recorded and published."
    yield ""
    yield "| fault | struck | bit | got over, s (median) | (longest) |"
    yield "|---|--:|--:|--:|--:|"
    for kind, those in sorted(by_kind.items()):
        times = [one.recovered_s for one in those if one.recovered_s is not None]
        spent = f"{statistics.median(times):.1f} | {max(times):.1f}" if times else " | "
        yield f"| {kind} | {len(those)} | {_bites(those)} | {spent} |"
    yield ""
    yield "| | all episodes |"
    yield "|---|--:|"
    totals: Counter[str] = Counter()
    for outcome in outcomes:
        totals.update({**outcome.reach, **outcome.figures, "ended by themselves": sum(outcome.deaths.values())})
    for name, number in totals.items():
        yield f"| {name} | {number:,} |"
    yield ""
    yield "| seed | commit | seconds | faults | bit | violations |"
    yield "|--:|---|--:|--:|--:|--:|"
    for outcome in outcomes:
        reach = outcome.reach
        yield (
            f"| {outcome.seed} | {outcome.commit} | {outcome.seconds:.0f} | {reach['faults']} | {reach['faults that bit']} |"
            f" {len(outcome.violations)} |"
        )
    for outcome in outcomes:
        if outcome.violations or outcome.failures:
            yield from ("", f"## Seed {outcome.seed}", "", "```", *outcome.marks, *_wrong(outcome), "```")


def _missed(missed: Mapping[str, Sequence[str]]) -> Iterator[str]:
    if missed:
        yield from ("", "Nobody died at these statements, because no program came to them:", "")
        yield from (f"- {program}: {', '.join(names) or 'none'}" for program, names in missed.items())


def _bites(struck: Sequence[Struck]) -> int:
    return sum(bool(one.bite) for one in struck)


def _wrong(outcome: Outcome) -> Iterator[str]:
    yield from (f"FAILED {failure}" for failure in outcome.failures)
    for kind, times in Counter(v.kind for v in outcome.violations).most_common():
        yield f"VIOLATION {kind} × {times}"
        found = [v for v in outcome.violations if v.kind == kind]
        yield from (f"    {v.detail[:300]}" for v in found[:SHOWN_PER_KIND_MAX])
    yield f"{len(outcome.violations)} violations"


def _named(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in counted.items())
