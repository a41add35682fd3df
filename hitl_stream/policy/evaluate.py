"""`evaluate(evidence, policy, context) -> Verdict`: pure, never raises, reads no clock. In doubt it is a person's turn.

Each rule answers passed, failed or unknown; only when all have passed is the verdict an approval.
"""

from __future__ import annotations

from functools import lru_cache

from hitl_stream.contract import complaint
from hitl_stream.contract.fact import Evidence, Risk, Severity, Wargame
from hitl_stream.policy.document import RISK_ORDER, SEVERITY_ORDER, PolicyDocument
from hitl_stream.policy.verdict import Context, Rule, RuleOutcome, RuleResult, Verdict

PASSED, FAILED, UNKNOWN = RuleOutcome.PASSED, RuleOutcome.FAILED, RuleOutcome.UNKNOWN


def evaluate(evidence: Evidence, policy: PolicyDocument, context: Context) -> Verdict:
    """What the policy says of this evidence. Every rule is answered exactly once, in public order."""
    rules = (
        _ENABLED[not (policy.enabled is True and context.auto_approve is True)],
        _source_allowed(evidence.sources, policy),
        _evidence_complete(evidence.runs, _expected(evidence, policy)),
        _DIFF[evidence.patch_digest is None],
        _plain_text(evidence.plain_text),
        _wargame_passed(evidence),
        _prediction(evidence.prediction),
        _confidence(evidence.confidence, policy.confidence_min),
        _not_above(Rule.SEVERITY, evidence.severity, policy.severity_max),
        _not_above(Rule.RISK, evidence.risk, policy.risk_max),
        _not_flagged(evidence.flagged),
        _ARTEFACT[context.artefact_changed is not False],
        _REVIEW[context.review_open is not False],
        _no_rejection(context.rejection),
        _no_approved_sibling(context.approved_sibling),
        _SELECTED[context.selected is not False],
    )
    return Verdict(all([rule.outcome is PASSED for rule in rules]), rules, policy.version)  # noqa: C419 - half the time


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


def _source_allowed(sources: tuple[str, ...], policy: PolicyDocument) -> RuleResult:
    strangers = [source for source in sources if not policy.allows(source)]
    if strangers or not sources:
        told = f"not on the allow-list: {', '.join(strangers) or 'no source'}"
        return RuleResult(Rule.SOURCE_ALLOWED, FAILED, complaint.line(told, 300))
    return _SOURCE


def _expected(evidence: Evidence, policy: PolicyDocument) -> int | None:
    """How many results make the evidence complete; None: nobody said."""
    if evidence.expected_results is None and evidence.sources and all(map(policy.one_is_all, evidence.sources)):
        return 1
    return evidence.expected_results


@lru_cache(1024)
def _evidence_complete(runs: int, expected: int | None) -> RuleResult:
    if expected is None:
        return RuleResult(Rule.EVIDENCE_COMPLETE, UNKNOWN, f"{runs} results, nobody said how many to expect")
    said = f"{runs} of {expected} results"
    if runs >= expected:
        return RuleResult(Rule.EVIDENCE_COMPLETE, PASSED, said)
    return RuleResult(Rule.EVIDENCE_COMPLETE, FAILED, said, float(expected - runs))


def _plain_text(plain: bool | None) -> RuleResult:
    return _PLAIN_UNKNOWN if plain is None else _PLAIN[plain is not True]


def _wargame_passed(evidence: Evidence) -> RuleResult:
    if evidence.wargame is Wargame.PASSED:
        return _WARGAME
    outcome = FAILED if evidence.wargame is Wargame.FAILED else UNKNOWN
    return RuleResult(Rule.WARGAME_PASSED, outcome, evidence.wargame_detail or str(evidence.wargame))


def _prediction(prediction: bool | None) -> RuleResult:
    return _PREDICTION_UNKNOWN if prediction is None else _PREDICTION[prediction is not True]


def _confidence(got: float | None, least: float) -> RuleResult:
    if got is None or not 0 <= got <= 1:  # NaN is in no range
        return _CONFIDENCE_UNKNOWN
    if got >= least:
        return RuleResult(Rule.CONFIDENCE, PASSED, f"{got:g} >= {least:g}")
    # Enough digits that a near miss never reads "0.95 < 0.95".
    return RuleResult(Rule.CONFIDENCE, FAILED, f"{got!r} < {least!r}", max(round(least - got, 6), 1e-6))


_LADDERS: dict[Rule, tuple[Severity, ...] | tuple[Risk, ...]] = {Rule.SEVERITY: SEVERITY_ORDER, Rule.RISK: RISK_ORDER}


@lru_cache(256)
def _not_above(rule: Rule, value: Severity | Risk | None, most: Severity | Risk) -> RuleResult:
    ladder = [str(rung) for rung in _LADDERS[rule]]
    if value not in ladder:
        return RuleResult(rule, UNKNOWN, f"{rule} is unknown")
    distance = ladder.index(value) - ladder.index(most)
    if distance <= 0:
        return RuleResult(rule, PASSED, f"{value} is not above {most}")
    return RuleResult(rule, FAILED, f"{value} is above {most}", float(distance))


def _not_flagged(flagged: bool | None) -> RuleResult:
    return _FLAGGED_UNKNOWN if flagged is None else _FLAGGED[flagged is not False]


def _no_rejection(whose: str | None) -> RuleResult:
    if whose is None:
        return _REJECTION
    what = {"patch": "this patch", "digest": "this diff", "apv": "another patch of this apv_id"}
    return RuleResult(Rule.NO_REJECTION, FAILED, f"a person rejected {what.get(whose, whose)}")


def _no_approved_sibling(sibling: str | None) -> RuleResult:
    if sibling is None:
        return _SIBLING
    told = f"{complaint.line(sibling)} stands approved for the same apv_id"
    return RuleResult(Rule.NO_APPROVED_SIBLING, FAILED, told)
