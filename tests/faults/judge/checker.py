"""Nothing lost, nothing doubled, nothing made up: compares what came in, what is recorded and what went out.

    python -m tests.faults.judge.checker SNAPSHOT [--output json]
    python -m tests.faults.judge.checker --database URL --kafka SERVERS [--eureka COPY] [--journal FILE] [--save SNAPSHOT]

Imports nothing of the product; the spy of `snapshot.SPY` must have been installed before the first record.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections import Counter
from pathlib import Path

from tests.faults.judge import agreement, course, fate, human, operated, snapshot, watched
from tests.faults.judge.snapshot import Row, World
from tests.faults.judge.view import View, Violation

SHOWN_PER_KIND_MAX = 5


def check(world: World) -> list[Violation]:
    """Everything that is wrong with the world; empty when nothing is."""
    view = View(world)
    return [
        violation
        for run in (*fate.CHECKS, *agreement.CHECKS, *course.CHECKS, *human.CHECKS, *operated.CHECKS, *watched.CHECKS)
        for violation in run(view)
    ]


def figures(world: World) -> dict[str, int]:
    """What was compared: a green answer about an empty world proves nothing."""
    tables = world.tables
    decided = Counter(row["decision"] for row in tables["decision"])
    states = Counter(row["state"] for row in tables["patch"])
    errors = Counter(row["error"] for row in tables["dead_letter"])
    fates = len(tables["evidence"]) + len(tables["outcome"]) + len(tables["dead_letter"])
    return {
        "input records": len(world.inputs), "results applied": len(tables["evidence"]),
        "outcomes applied": len(tables["outcome"]),
        "duplicates": len(world.inputs) - fates, "conflicts": errors["conflict"], "bad records": errors["bad_record"],
        "patches": len(tables["patch"]), "collecting": states["collecting"], "pending": states["pending"],
        "decisions": len(tables["decision"]), "approved": decided["approved"], "rejected": decided["rejected"],
        "revoked": decided["revoked"], "expired": decided["expired"],
        "decisions by people": sum(row["mode"] == "human" for row in tables["decision"]), "votes": len(tables["vote"]),
        "asked by people": sum(line["what"] == "asked" for line in world.journal),
        "yes of the gate": sum(_is_yes(line) for line in world.journal),
        "live updates heard": sum(line["what"] == "heard" for line in world.journal),
        "outbox rows ever": len(tables["spy_outbox"]),
        "output records": len(world.outputs), "output repeats": len(world.outputs) - _distinct(world),
        "moves of a position": sum(row["after"] != row["before"] for row in tables["spy_position"]),
        "claims of a position": sum(row["claimed"] for row in tables["spy_position"]),
        "decisions known to Eureka": sum(map(len, world.eureka.values())),
    }  # fmt: skip


def _is_yes(line: Row) -> bool:
    body = line.get("body")
    return line["what"] == "answered" and isinstance(body, dict) and body.get("deployable") is True


def _distinct(world: World) -> int:
    return len({(r.topic, r.key, r.value, r.headers) for r in world.outputs})


def report(world: World, violations: list[Violation], output: str) -> str:
    """What to print: every kind with its count and first cases, or everything as JSON."""
    if output == "json":
        return json.dumps({"figures": figures(world), "violations": [v._asdict() for v in violations]}, indent=1)
    lines = [f"{name:<24} {number:>9,}" for name, number in figures(world).items()]
    for kind, times in Counter(v.kind for v in violations).most_common():
        lines.append(f"VIOLATION {kind} × {times}")
        lines += [f"    {v.detail[:300]}" for v in [v for v in violations if v.kind == kind][:SHOWN_PER_KIND_MAX]]
    return "\n".join([*lines, f"{len(violations)} violations"])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("snapshot", nargs="?", type=Path)
    parser.add_argument("--database")
    parser.add_argument("--kafka")
    parser.add_argument("--cluster", default="", help="cluster id of the positions; default: the only one there is")
    parser.add_argument("--eureka", type=Path, help="what examples/eureka_consumer.py wrote")
    parser.add_argument("--journal", type=Path, help="what was sent, asked for and heard (tests/faults/journal.py)")
    parser.add_argument("--save", type=Path)
    parser.add_argument("--output", choices=("text", "json"), default="text")
    given = parser.parse_args(arguments)
    if given.snapshot:
        world = snapshot.load(given.snapshot)
    elif given.database and given.kafka:
        world = asyncio.run(snapshot.capture(given.database, given.kafka, given.eureka, given.journal, given.cluster))
    else:
        parser.error("give a snapshot, or --database and --kafka")
    if given.save:
        snapshot.save(world, given.save)
    violations = check(world)
    print(report(world, violations, given.output))
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
