"""Adds cases to the corpus, or declares that the verdicts of some have changed on purpose.

    python -m tests.replay.record --add 300 --seed 1
    python -m tests.replay.record --declare "confidence is compared as the contract says since 0.3.0"

Stories are those of the fault campaign, about invented patches only.
"""

from __future__ import annotations

import argparse
import random
import sys
from dataclasses import asdict
from typing import Any

from hitl_stream.policy.verdict import Rule
from tests.faults.upstream import corpus as patches
from tests.faults.upstream.event import NOT_PASSED
from tests.faults.upstream.story import REVIEW_REASONS, Author
from tests.replay import corpus
from tests.replay.corpus import Case

DIFF_MAX = 120
POLICIES = ("conservative", "strict", "generous", "off")
SURROUNDED: tuple[dict[str, Any], ...] = (
    {"auto_approve": False}, {"artefact_changed": True}, {"review_open": True}, {"rejection": "patch"}, {"rejection": "digest"},
    {"rejection": "apv"}, {"approved_sibling": "patch-7"}, {"selected": True},
)  # fmt: skip
ODD = (
    ("patch.diff", "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-if admin:\n+if admin\u202e:\n"),
    ("patch.diff", "+zero\u200bwidth\n"),
    ("wargame.expected_results", 3),
    ("ml.confidence", 0.95),
    ("ml.confidence", 0.9499999),
    ("ml.confidence", 1),
    ("vulnerability.severity", "none"),
    ("patch.risk", "critical"),
)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--add", type=int, default=0, metavar="N", help="so many cases")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--declare", metavar="WHY", help="what differs now differs on purpose, for this reason")
    given = parser.parse_args(arguments)
    if given.add:
        known = corpus.cases() if corpus.CORPUS.exists() else []
        corpus.write(corpus.CORPUS, (asdict(case) for case in [*known, *draw(given.add, given.seed, len(known))]))
    if given.declare:
        changes = corpus.declared()
        for case in corpus.cases():
            was, now = corpus.expected(case, changes), corpus.judge(case)
            if was != now:
                changes.append({"id": case.id, "was": was, "now": now, "why": given.declare})
        corpus.write(corpus.DECLARED, iter(changes))
    return 0


def draw(count: int, seed: int, known: int) -> list[Case]:
    """So many cases, numbered on, with the verdicts that they have now."""
    rng = random.Random(seed)
    fixes = [fix._replace(diff=fix.diff[:DIFF_MAX]) for fix in patches.load(seed=seed)]
    author = Author(fixes, seed, 4)
    found = []
    for number in range(known + 1, known + count + 1):
        results = [author.result()]
        results += [author.another(results[0]) for _ in range(rng.choice((0, 0, 0, 1, 2)))]
        for place, event in enumerate(results):
            if rng.random() < 0.5:
                results[place] = event.changed(*rng.choice((*REVIEW_REASONS, *ODD)))
            if rng.random() < 0.1 and "wargame" in results[place].data:
                results[place] = results[place].changed("wargame.status", rng.choice(NOT_PASSED))
            if rng.random() < 0.05:
                results[place] = results[place]._replace(source="/elsewhere/lab")
        context = rng.choice(SURROUNDED) if rng.random() < 0.2 else {}
        said = [{"source": event.source, "id": event.id, "data": event.data} for event in results]
        policy = rng.choices(POLICIES, (6, 2, 2, 1))[0]
        case = Case(f"{number:05}", policy, context, said, {})
        found.append(Case(**{**asdict(case), "verdict": corpus.judge(case)}))
    assert {rule for case in found for rule in case.verdict["rules"]} == {str(rule) for rule in Rule}
    return found


if __name__ == "__main__":
    sys.exit(main())
