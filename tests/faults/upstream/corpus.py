"""The patches that results are about: a file in the format of patches.jsonl, else diffs invented from a seed.

Nothing of such a file goes into the repository; `HITL_TEST_PATCHES` names it, or it lies in `shared/patches` beside the
checkout.
"""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import NamedTuple

INVENTED = 60
WORDS = ("session", "query", "header", "cookie", "template", "upload", "redirect", "token", "path", "cache")


BESIDE = Path(__file__).parents[4] / "shared" / "patches" / "patches.jsonl"


class Fix(NamedTuple):
    """One real or invented security patch."""

    cve_id: str
    severity: str | None
    summary: str
    package: str
    ecosystem: str
    language: str
    cwe_ids: tuple[str, ...]
    diff: str


def find() -> Path | None:
    """The file of real patches, if this machine has one. A name that leads nowhere is an error, not a reason to invent."""
    named = os.environ.get("HITL_TEST_PATCHES")
    if named:
        return Path(named)
    return BESIDE if BESIDE.exists() else None


def load(path: Path | None = None, *, seed: int = 1) -> list[Fix]:
    """Fixes from the file given, else 60 invented ones."""
    return _read(path) if path else [_invented(random.Random(f"{seed}/{n}"), n) for n in range(INVENTED)]


def describe(path: Path | None) -> str:
    """For a report: what the results were about."""
    return f"{len(_read(path))} real patches of {path.name}" if path else f"{INVENTED} invented patches"


def _read(path: Path) -> list[Fix]:
    fixes = []
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            fixes.append(
                Fix(
                    row["cve_id"], row.get("severity"), row.get("summary") or "", row.get("package") or "unknown",
                    row.get("ecosystem") or "unknown", row.get("language") or "unknown", tuple(row.get("cwe_ids") or ()),
                    row["diff"],
                )
            )  # fmt: skip
    return fixes


def _invented(rng: random.Random, number: int) -> Fix:
    word = rng.choice(WORDS)
    hunks, line = [], 1
    for hunk in range(rng.randint(1, 6)):
        line += rng.randint(1, 60)
        around = rng.randint(2, 12)
        context = "".join(f"     step_{rng.randint(1, 99)}({word})\n" for _ in range(around))
        hunks.append(
            f"@@ -{line},{around + 1} +{line + hunk},{around + 2} @@ def read_{word}_{hunk}(request):\n"
            f"{context}-    return run({word} + request.text)\n"
            f"+    checked = escape(request.text)\n+    return run({word}, checked)  # 'é' \U0001f512\n"
        )
        line += around + 1
    path = f"app/{word}.py"
    diff = f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n" + "".join(hunks)
    severity = rng.choice(("LOW", "MEDIUM", "HIGH", "CRITICAL", None))
    return Fix(
        f"CVE-2026-{20000 + number}", severity, f"Unescaped {word}", f"shop-{word}", "PyPI", "Python", ("CWE-79",), diff
    )
