"""Products with one defect planted: each must be caught, and soon, or the campaign proves nothing.

    python -m tests.faults.defect [--only NAME …] [--minutes 30] [--report FILE]

A defect is a change of text in a copy of the product; texts that are not there any more fail a test. Exit code 1 where one was
not caught in time.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from tests.faults import campaign, report, storm
from tests.faults.nemesis.catalogue import KINDS
from tests.faults.report import Outcome

PRODUCT: Final = Path(__file__).parents[2] / "hitl_stream"
MIGRATION: Final = "store/migrations/versions/0002_people.up.sql"
FAULTS: Final = 15
MINUTES: Final = 30.0


class Change(NamedTuple):
    """`old` stands in the file exactly once."""

    file: str
    old: str
    new: str


class Defect(NamedTuple):
    """`struck` are the kinds of fault that bring it to light; without any, work alone does."""

    name: str
    changes: Sequence[Change]
    struck: Sequence[str]


DEFECTS: Final = (
    Defect(
        "ack before commit",
        [
            Change(
                "store/recording.py",
                "                    await write(conn, decoded, recorded, Mode(auto_approve, thorough))\n",
                '                async with self.database.transaction(first="share_policy_lock") as conn:\n'
                "                    await write(conn, decoded, recorded, Mode(auto_approve, thorough))\n",
            )
        ],
        ["worker killed", "Postgres killed", "sessions cut"],
    ),
    Defect(
        "publish before commit",
        [
            Change(
                "store/writing.py",
                "    await (_write_little if _is_little(tables) else _write_much)(conn, tables)\n",
                '    if tables["outbox"]:\n'
                "        other = await conn._holder._pool.acquire()\n"
                '        await other.executemany(statement.get("write_outbox"), tables["outbox"])\n'
                "        await conn._holder._pool.release(other)\n"
                '        tables["outbox"] = []\n'
                "    await (_write_little if _is_little(tables) else _write_much)(conn, tables)\n",
            )
        ],
        ["worker killed", "Postgres killed", "sessions cut"],
    ),
    Defect(
        "no epoch check",
        [Change("store/sql/recording.sql", " AND p.epoch = s.epoch", "")],
        ["worker frozen", "storm of rebalances"],
    ),
    Defect(
        "verdict before lock",
        [Change("store/sql/recording.sql", " ORDER BY patch_id\n   FOR UPDATE;", " ORDER BY patch_id;")],
        ["worker killed", "storm of rebalances"],
    ),
    Defect(
        "no If-Match",
        [Change("sidecar/decision.py", "    if seen != current.version:\n", "    if seen is None:\n")],
        ["sidecar killed"],
    ),
    Defect(
        "vote counted twice",
        [
            Change(
                MIGRATION,
                "PRIMARY KEY (patch_id, round, seq, evidence_digest, person, break_glass)",
                "PRIMARY KEY (patch_id, round, seq, evidence_digest, person, break_glass, at)",
            ),
            Change(
                MIGRATION,
                "AND v.evidence_digest = p.evidence_digest AND v.person = who AND v.break_glass = glass);",
                "AND false);",
            ),
            Change(
                MIGRATION,
                "FROM votes_in_force(p) AS v GROUP BY v.person) AS x",
                "FROM votes_in_force(p) AS v GROUP BY v.person, v.at) AS x",
            ),
        ],
        ["sidecar killed"],
    ),
    Defect(
        "role read outside the transaction",
        [
            Change(
                MIGRATION,
                "  IF NOT FOUND OR coalesce(who, '') IN ('', 'policy') THEN",
                "  IF coalesce(who, '') IN ('', 'policy') THEN",
            ),
            Change(
                MIGRATION,
                "  PERFORM FROM access_group_role WHERE group_name = ANY (groups) AND role = wanted_role FOR KEY SHARE;\n",
                "",
            ),
        ],
        ["role taken away"],
    ),
    Defect(
        "outbox row deleted before ack",
        [
            Change(
                "stream/publisher.py",
                "        await self.producer.publish([(row.shard, row.messages) for row in rows])\n",
                "        gone = [Published(row.shard, row.id, epochs[row.shard]) for row in rows]\n"
                "        async with self.database.connection() as conn:\n"
                "            await outbox.take(conn, [], 0, gone)\n"
                "        await self.producer.publish([(row.shard, row.messages) for row in rows])\n",
            ),
            Change(
                "stream/publisher.py",
                "        self._published += [Published(row.shard, row.id, epochs[row.shard]) for row in rows]\n",
                "",
            ),
        ],
        ["worker killed", "Kafka killed"],
    ),
)


def plant(defect: Defect, folder: Path) -> Path:
    """A copy of the product with the defect; returns what PYTHONPATH must name. Raises LookupError."""
    copy = folder / "hitl_stream"
    shutil.copytree(PRODUCT, copy, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PRODUCT.parent / "topics.yaml", folder)
    for file, old, new in defect.changes:
        text = (copy / file).read_text(encoding="utf-8")
        if text.count(old) != 1:
            raise LookupError(f"{defect.name}: {file} has {text.count(old)} times {old!r}")
        (copy / file).write_text(text.replace(old, new), encoding="utf-8")
    return folder


def catch(defect: Defect, minutes: float, seed: int = 1) -> tuple[float, Outcome | None]:
    """Minutes until an episode found something wrong, and that episode; None where none did in time."""
    started = time.monotonic()
    kinds = [KINDS[name] for name in defect.struck]
    while (spent := time.monotonic() - started) < minutes * 60:
        with tempfile.TemporaryDirectory(prefix="hitl-defect-") as scratch:
            product = plant(defect, Path(scratch) / "product")
            directory = Path(scratch) / "episode"
            directory.mkdir()
            outcome = campaign.run(seed, storm.choose(seed, kinds, FAULTS), directory, product=product)
        if not outcome.is_good:
            return (time.monotonic() - started) / 60, outcome
        seed += 1
    return spent / 60, None


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    names = [defect.name for defect in DEFECTS]
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help="; ".join(names))
    parser.add_argument("--minutes", type=float, default=MINUTES, help="that each may stay hidden")
    parser.add_argument("--report", type=Path)
    given = parser.parse_args(arguments)
    hidden = 0
    rows: list[str] = []
    for defect in DEFECTS:
        if defect.name not in given.only:
            continue
        minutes, outcome = catch(defect, given.minutes)
        hidden += outcome is None
        kinds = Counter[str]() if outcome is None else Counter(one.kind for one in outcome.violations)
        kinds.update([] if outcome is None else outcome.failures)
        found = "NOT CAUGHT" if outcome is None else ", ".join(f"{kind} × {times}" for kind, times in kinds.items())
        print(f"{defect.name}: {minutes:.1f} min: {found}", flush=True)
        rows.append(f"| {defect.name} | {minutes:.1f} | {found} |")
    if given.report:
        given.report.write_text("\n".join([*_head(given.minutes), *rows, ""]))
    return 1 if hidden else 0


def _head(minutes: float) -> Sequence[str]:
    return [
        "# Products with one defect planted each",
        "",
        f"Commit {report.commit()}. Each must be caught within {minutes:.0f} minutes by the judge of the fault campaign,",
        "which knows nothing of it; `tests/faults/defect.py` says what was planted.",
        "",
        "| defect | minutes | what was found |",
        "|---|--:|---|",
    ]


if __name__ == "__main__":
    sys.exit(main())
