"""What the policy says of evidence. The rule names and their order are public (DESIGN, chapter 3)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Rule(StrEnum):
    ENABLED = "enabled"
    SOURCE_ALLOWED = "source_allowed"
    EVIDENCE_COMPLETE = "evidence_complete"
    DIFF_PRESENT = "diff_present"
    PLAIN_TEXT = "plain_text"
    WARGAME_PASSED = "wargame_passed"
    PREDICTION = "prediction"
    CONFIDENCE = "confidence"
    SEVERITY = "severity"
    RISK = "risk"
    NOT_FLAGGED = "not_flagged"
    SAME_ARTEFACT = "same_artefact"
    NO_OPEN_REVIEW = "no_open_review"
    NO_REJECTION = "no_rejection"
    NO_APPROVED_SIBLING = "no_approved_sibling"
    NOT_SELECTED = "not_selected"


class RuleOutcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


class RuleResult(NamedTuple):
    """One rule's answer; `rule` is a Rule or the name of a life-cycle reason. `distance` (≥ 0, in the rule's own unit)
    says how far a failed numeric rule is from passing, None where distance has no meaning."""

    rule: str
    outcome: RuleOutcome
    detail: str
    distance: float | None = None


class Verdict(NamedTuple):
    """`rules` has every Rule exactly once, in public order. `approve` is true only when all of them passed."""

    approve: bool
    rules: tuple[RuleResult, ...]
    policy_version: int

    @property
    def reasons(self) -> tuple[RuleResult, ...]:
        """The rules that did not pass."""
        return tuple(r for r in self.rules if r.outcome is not RuleOutcome.PASSED)

    def of(self, rule: Rule) -> RuleResult:
        """What one rule answered."""
        return self.rules[_PLACE[rule]]


_PLACE = {rule: place for place, rule in enumerate(Rule)}


@dataclass(slots=True)
class Context:
    """What the policy must know beyond the evidence; read under the patch's lock."""

    auto_approve: bool = True
    artefact_changed: bool = False
    review_open: bool = False
    rejection: str | None = None  # whose rejection stands in the way: "patch", "digest" or "apv"
    approved_sibling: str | None = None  # the patch id that stands approved for the same apv_id
    selected: bool = False
