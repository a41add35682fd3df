"""When evidence contradicts an approval. Pure.

What policy approved is contradicted by any rule about evidence that no longer passes; what a person approved only by what
that person could not know: a result that shows an exploit working, a flag, a prediction that turned.
"""

from __future__ import annotations

from collections.abc import Sequence

from hitl_stream.contract.fact import Result
from hitl_stream.contract.fold import fold
from hitl_stream.policy.verdict import Rule, Verdict
from hitl_stream.review import ruling
from hitl_stream.review.ruling import ReasonRow
from hitl_stream.review.state import Patch

# A policy approval is contradicted by evidence and by a person's no, not by a switch thrown or a sibling approved since.
_CONTRADICTING_RULES = frozenset(
    (
        Rule.SOURCE_ALLOWED,
        Rule.EVIDENCE_COMPLETE,
        Rule.DIFF_PRESENT,
        Rule.PLAIN_TEXT,
        Rule.WARGAME_PASSED,
        Rule.PREDICTION,
        Rule.CONFIDENCE,
        Rule.SEVERITY,
        Rule.RISK,
        Rule.NOT_FLAGGED,
        Rule.NO_REJECTION,
    )
)


def find(patch: Patch, result: Result, verdict: Verdict, earlier: Sequence[Result]) -> list[ReasonRow]:
    """What in a new result speaks against a standing approval; `verdict` is of all results, `earlier` are those before."""
    if patch.approved_by == "policy":
        return ruling.rows_of([r for r in verdict.reasons if r.rule in _CONTRADICTING_RULES])
    before = fold(earlier) if earlier else None
    rows: list[ReasonRow] = []
    if result.exploit_worked_after:
        rows.append((Rule.WARGAME_PASSED, "failed", "an exploit works after the patch", None))
    if result.prediction is False and not (before and before.prediction is False):
        rows.append((Rule.PREDICTION, "failed", "the prediction turned false", None))
    if result.flagged is True:
        rows.append((Rule.NOT_FLAGGED, "failed", "flagged since", None))
    return rows


def summary(rows: Sequence[ReasonRow]) -> str:
    """The same in one line."""
    return "; ".join(f"{rule}: {detail}" for rule, _, detail, _ in rows)
