"""`evaluate(evidence, policy, context) -> Verdict`: pure, never raises, reads no clock. In doubt it is a person's turn.

Each rule answers passed, failed or unknown; only when all have passed is the verdict an approval.
"""

from __future__ import annotations

from collections.abc import Callable

from hitl_stream.contract import complaint
from hitl_stream.contract.fact import Evidence, Wargame
from hitl_stream.policy.document import RISK_ORDER, SEVERITY_ORDER, PolicyDocument
from hitl_stream.policy.verdict import Context, Rule, RuleOutcome, RuleResult, Verdict

Check = Callable[[Evidence, PolicyDocument, Context], RuleResult]

PASSED, FAILED, UNKNOWN = RuleOutcome.PASSED, RuleOutcome.FAILED, RuleOutcome.UNKNOWN


def evaluate(evidence: Evidence, policy: PolicyDocument, context: Context) -> Verdict:
    """What the policy says of this evidence. Every rule is answered exactly once, in public order."""
    rules = tuple([check(evidence, policy, context) for check in _CHECKS])
    return Verdict(all(r.outcome is PASSED for r in rules), rules, policy.version)


def _say(rule: Rule, passed: str, failed: str) -> tuple[RuleResult, RuleResult]:
    return RuleResult(rule, PASSED, passed), RuleResult(rule, FAILED, failed)


_ENABLED = _say(Rule.ENABLED, "auto-approval is on", "auto-approval is off")
_SOURCE = RuleResult(Rule.SOURCE_ALLOWED, PASSED, "every source is on the allow-list")
_DIFF = (
    RuleResult(Rule.DIFF_PRESENT, PASSED, "there is a diff"),
    RuleResult(Rule.DIFF_PRESENT, UNKNOWN, "no diff: nothing to bind a decision to"),
)
_PLAIN = _say(Rule.PLAIN_TEXT, "no bidi or zero-width characters", "the diff has bidi or zero-width characters")
_PLAIN_UNKNOWN = RuleResult(Rule.PLAIN_TEXT, UNKNOWN, "no diff to look at")
_WARGAME = RuleResult(Rule.WARGAME_PASSED, PASSED, "every exploit worked before the patch and none after it")
_PREDICTION = _say(Rule.PREDICTION, "the model says the patch works", "the model says the patch does not work")
_PREDICTION_UNKNOWN = RuleResult(Rule.PREDICTION, UNKNOWN, "no prediction")
_CONFIDENCE_UNKNOWN = RuleResult(Rule.CONFIDENCE, UNKNOWN, "no confidence")
_FLAGGED = _say(Rule.NOT_FLAGGED, "not flagged", "flagged upstream")
_FLAGGED_UNKNOWN = RuleResult(Rule.NOT_FLAGGED, UNKNOWN, "nobody said whether it is flagged")
_ARTEFACT = _say(Rule.SAME_ARTEFACT, "the first diff of this patch", "the diff changed since an earlier round")
_REVIEW = _say(Rule.NO_OPEN_REVIEW, "no review is open", "a review is open for this patch")
_REJECTION = RuleResult(Rule.NO_REJECTION, PASSED, "never rejected by a person")
_SIBLING = RuleResult(Rule.NO_APPROVED_SIBLING, PASSED, "no other patch of this apv_id stands approved")
_SELECTED = _say(Rule.NOT_SELECTED, "not drawn for the blind sample", "drawn for the blind sample")


def _enabled(evidence: Evidence, policy: PolicyDocument, context: Context) -> RuleResult:
    return _ENABLED[not (policy.enabled is True and context.auto_approve is True)]


def _source_allowed(evidence: Evidence, policy: PolicyDocument, context: Context) -> RuleResult:
    strangers = [s for s in evidence.sources if not policy.allows(s)]
    if strangers or not evidence.sources:
        told = f"not on the allow-list: {', '.join(strangers) or 'no source'}"
        return RuleResult(Rule.SOURCE_ALLOWED, FAILED, complaint.line(told, 300))
    return _SOURCE


def _evidence_complete(evidence: Evidence, policy: PolicyDocument, context: Context) -> RuleResult:
    expected = evidence.expected_results
    if expected is None and evidence.sources and all(policy.one_is_all(s) for s in evidence.sources):
        expected = 1
    if expected is None:
        return RuleResult(Rule.EVIDENCE_COMPLETE, UNKNOWN, f"{evidence.runs} results, nobody said how many to expect")
    said = f"{evidence.runs} of {expected} results"
    if evidence.runs >= expected:
        return RuleResult(Rule.EVIDENCE_COMPLETE, PASSED, said)
    return RuleResult(Rule.EVIDENCE_COMPLETE, FAILED, said, float(expected - evidence.runs))


def _diff_present(evidence: Evidence, policy: PolicyDocument, context: Context) -> RuleResult:
    return _DIFF[evidence.patch_digest is None]


def _plain_text(evidence: Evidence, policy: PolicyDocument, context: Context) -> RuleResult:
    if evidence.plain_text is None:
        return _PLAIN_UNKNOWN
    return _PLAIN[evidence.plain_text is not True]


def _wargame_passed(evidence: Evidence, policy: PolicyDocument, context: Context) -> RuleResult:
    if evidence.wargame is Wargame.PASSED:
        return _WARGAME
    outcome = FAILED if evidence.wargame is Wargame.FAILED else UNKNOWN
    return RuleResult(Rule.WARGAME_PASSED, outcome, evidence.wargame_detail or str(evidence.wargame))


def _prediction(evidence: Evidence, policy: PolicyDocument, context: Context) -> RuleResult:
    if evidence.prediction is None:
        return _PREDICTION_UNKNOWN
    return _PREDICTION[evidence.prediction is not True]


def _confidence(evidence: Evidence, policy: PolicyDocument, context: Context) -> RuleResult:
    got, least = evidence.confidence, policy.confidence_min
    if got is None or not 0 <= got <= 1:  # NaN is in no range
        return _CONFIDENCE_UNKNOWN
    if got >= least:
        return RuleResult(Rule.CONFIDENCE, PASSED, f"{got:g} >= {least:g}")
    # Enough digits that a near miss never reads "0.95 < 0.95".
    return RuleResult(Rule.CONFIDENCE, FAILED, f"{got!r} < {least!r}", max(round(least - got, 6), 1e-6))


def _severity(evidence: Evidence, policy: PolicyDocument, context: Context) -> RuleResult:
    if evidence.severity not in SEVERITY_ORDER:
        return RuleResult(Rule.SEVERITY, UNKNOWN, "severity is unknown")
    distance = SEVERITY_ORDER.index(evidence.severity) - SEVERITY_ORDER.index(policy.severity_max)
    if distance <= 0:
        return RuleResult(Rule.SEVERITY, PASSED, f"{evidence.severity} is not above {policy.severity_max}")
    return RuleResult(Rule.SEVERITY, FAILED, f"{evidence.severity} is above {policy.severity_max}", float(distance))


def _risk(evidence: Evidence, policy: PolicyDocument, context: Context) -> RuleResult:
    if evidence.risk not in RISK_ORDER:
        return RuleResult(Rule.RISK, UNKNOWN, "risk is unknown")
    distance = RISK_ORDER.index(evidence.risk) - RISK_ORDER.index(policy.risk_max)
    if distance <= 0:
        return RuleResult(Rule.RISK, PASSED, f"{evidence.risk} is not above {policy.risk_max}")
    return RuleResult(Rule.RISK, FAILED, f"{evidence.risk} is above {policy.risk_max}", float(distance))


def _not_flagged(evidence: Evidence, policy: PolicyDocument, context: Context) -> RuleResult:
    if evidence.flagged is None:
        return _FLAGGED_UNKNOWN
    return _FLAGGED[evidence.flagged is not False]


def _same_artefact(evidence: Evidence, policy: PolicyDocument, context: Context) -> RuleResult:
    return _ARTEFACT[context.artefact_changed is not False]


def _no_open_review(evidence: Evidence, policy: PolicyDocument, context: Context) -> RuleResult:
    return _REVIEW[context.review_open is not False]


def _no_rejection(evidence: Evidence, policy: PolicyDocument, context: Context) -> RuleResult:
    if context.rejection is None:
        return _REJECTION
    what = {"patch": "this patch", "digest": "this diff", "apv": "another patch of this apv_id"}
    return RuleResult(Rule.NO_REJECTION, FAILED, f"a person rejected {what.get(context.rejection, context.rejection)}")


def _no_approved_sibling(evidence: Evidence, policy: PolicyDocument, context: Context) -> RuleResult:
    if context.approved_sibling is None:
        return _SIBLING
    told = f"{context.approved_sibling} stands approved for the same apv_id"
    return RuleResult(Rule.NO_APPROVED_SIBLING, FAILED, complaint.line(told))


def _not_selected(evidence: Evidence, policy: PolicyDocument, context: Context) -> RuleResult:
    return _SELECTED[context.selected is not False]


_CHECKS: tuple[Check, ...] = (
    _enabled,
    _source_allowed,
    _evidence_complete,
    _diff_present,
    _plain_text,
    _wargame_passed,
    _prediction,
    _confidence,
    _severity,
    _risk,
    _not_flagged,
    _same_artefact,
    _no_open_review,
    _no_rejection,
    _no_approved_sibling,
    _not_selected,
)
