"""Says again what the policy said of a patch: every rule, from stored evidence and the stored policy version. Pure.

What was written down when it was decided wins over what is computed now: rules that look beyond the evidence (a
switch, a sibling, a rejection) can have changed since.
"""

from __future__ import annotations

from collections.abc import Sequence

from hitl_stream.contract.fact import Evidence
from hitl_stream.policy.document import PolicyDocument
from hitl_stream.policy.evaluate import evaluate
from hitl_stream.policy.verdict import Context, RuleOutcome, RuleResult
from hitl_stream.review.ruling import ReasonRow


def explain(evidence: Evidence | None, policy: PolicyDocument, stored: Sequence[ReasonRow]) -> tuple[RuleResult, ...]:
    """Every rule in public order, then the reasons of the life cycle; only the stored ones without evidence."""
    written = {row[0]: RuleResult(row[0], RuleOutcome(row[1]), row[2], row[3]) for row in stored}
    if evidence is None:
        return tuple(written.values())
    rules = [written.pop(str(rule.rule), rule) for rule in evaluate(evidence, policy, Context()).rules]
    return (*rules, *written.values())
