"""The policy never raises, never approves what is unknown, and never likes worse evidence better."""

from __future__ import annotations

import random
from collections import Counter
from functools import cache
from itertools import pairwise
from math import inf
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hitl_stream.contract.fact import Result, Risk, Severity, Wargame
from hitl_stream.contract.fold import fold
from hitl_stream.policy.document import PolicyDocument
from hitl_stream.policy.evaluate import evaluate
from hitl_stream.policy.verdict import Rule, RuleOutcome, Verdict
from tests.harness.availability import scaled
from tests.property.policy_evidence import (
    ABSURD,
    NO_SHARE,
    POLICIES,
    results,
    situations,
    stricter,
    with_members,
    worse,
)
from tests.unit.approvable import CONTEXT, Situation, policy

EXAMPLES = settings(max_examples=scaled(300, 3_000), deadline=None)
SEEDS = st.integers(0, 2**32)

# Which rule does not know, when this is all that is missing.
UNKNOWN: dict[str, tuple[Any, Rule]] = {
    "expected_results": (None, Rule.EVIDENCE_COMPLETE),
    "patch_digest": (None, Rule.DIFF_PRESENT),
    "plain_text": (None, Rule.PLAIN_TEXT),
    "wargame": (Wargame.UNKNOWN, Rule.WARGAME_PASSED),
    "prediction": (None, Rule.PREDICTION),
    "severity": (None, Rule.SEVERITY),
    "risk": (None, Rule.RISK),
    "flagged": (None, Rule.NOT_FLAGGED),
}
# What a further result can bring that was not there before: itself, and the diff.
COMPLETED = {Rule.EVIDENCE_COMPLETE, Rule.DIFF_PRESENT, Rule.PLAIN_TEXT}
NUMERIC = {Rule.EVIDENCE_COMPLETE, Rule.CONFIDENCE, Rule.SEVERITY, Rule.RISK}


def outcomes(verdict: Verdict) -> dict[str, RuleOutcome]:
    return {result.rule: result.outcome for result in verdict.rules}


def passed(verdict: Verdict) -> set[str]:
    return {result.rule for result in verdict.rules if result.outcome is RuleOutcome.PASSED}


@EXAMPLES
@given(st.one_of(ABSURD, situations()))
def test_every_question_is_answered_by_every_rule_once_and_in_order(asked: Situation) -> None:
    verdict = asked.verdict
    assert [result.rule for result in verdict.rules] == list(Rule)
    assert verdict.policy_version == asked.policy.version
    assert verdict.approve is all(result.outcome is RuleOutcome.PASSED for result in verdict.rules)
    assert verdict.approve is (verdict.reasons == ())
    for result in verdict.rules:
        numeric = result.rule in NUMERIC and result.outcome is RuleOutcome.FAILED
        assert (result.distance is not None) is numeric, result
        assert result.distance is None or 0 < result.distance < inf, result


@EXAMPLES
@given(situations())
def test_every_rule_says_one_line_that_people_can_read(asked: Situation) -> None:
    for result in asked.verdict.rules:
        assert result.detail.isprintable(), result
        assert 0 < len(result.detail) <= 500, result


@settings(EXAMPLES, max_examples=scaled(1_000, 10_000))
@given(st.one_of(situations(), situations(), ABSURD))
def test_what_is_approved_is_exactly_what_the_design_says(asked: Situation) -> None:
    assert asked.verdict.approve is approvable(asked)


def approvable(asked: Situation) -> bool:
    """The list of DESIGN 4.6, read anew."""
    evidence, document, context = asked
    one_is_all = all(any(matches(g, s) for g in document.single_result_sources) for s in evidence.sources)
    expected = 1 if evidence.expected_results is None and one_is_all else evidence.expected_results
    severities, risks = list(Severity), list(Risk)
    return (
        (document.enabled and context.auto_approve)
        and (expected is not None and evidence.runs >= expected)
        and evidence.wargame == "passed"
        and evidence.prediction is True
        and (evidence.confidence is not None and document.confidence_min <= evidence.confidence <= 1)
        and evidence.severity in severities[: severities.index(document.severity_max) + 1]
        and evidence.risk in risks[: risks.index(document.risk_max) + 1]
        and evidence.flagged is False
        and not context.review_open
        and context.rejection is None
        and context.approved_sibling is None
        and evidence.sources != ()
        and all(any(matches(g, s) for g in document.allowed_sources) for s in evidence.sources)
        and (evidence.patch_digest is not None and evidence.plain_text is True)
        and not context.artefact_changed
        and not context.selected
    )


def matches(glob: str, text: str) -> bool:
    """A star stands for any text, everything else for itself; by the book."""

    @cache
    def rest(g: int, t: int) -> bool:
        if g == len(glob):
            return t == len(text)
        if glob[g] == "*":
            return rest(g + 1, t) or (t < len(text) and rest(g, t + 1))
        return t < len(text) and glob[g] == text[t] and rest(g + 1, t + 1)

    return rest(0, 0)


@EXAMPLES
@given(st.lists(st.text("ab*.", min_size=1, max_size=8), max_size=3), st.text("ab.\n", max_size=10))
def test_a_glob_matches_what_its_definition_says(globs: list[str], source: str) -> None:
    document = policy(allowed_sources=globs, single_result_sources=globs[:1])
    assert document.allows(source) is any(matches(glob, source) for glob in globs)
    assert document.one_is_all(source) is any(matches(glob, source) for glob in globs[:1])


@EXAMPLES
@given(situations(), st.data())
def test_no_rule_likes_worse_evidence_better(better: Situation, data: st.DataObject) -> None:
    """So no combination of worse members turns review into approve: not even a single rule passes that did not before."""
    poorer = data.draw(worse(better))
    assert passed(poorer.verdict) <= passed(better.verdict)
    assert better.verdict.approve or not poorer.verdict.approve


@EXAMPLES
@given(situations(), st.data())
def test_a_stricter_policy_approves_nothing_more(asked: Situation, data: st.DataObject) -> None:
    strict = Situation(asked.evidence, data.draw(stricter(asked.policy)), asked.context)
    assert passed(strict.verdict) <= passed(asked.verdict)


@EXAMPLES
@given(situations(), st.lists(st.sampled_from(sorted(UNKNOWN)), min_size=1, unique=True))
def test_what_is_unknown_is_never_approved(asked: Situation, missing: list[str]) -> None:
    without = with_members(asked, {name: UNKNOWN[name][0] for name in missing})
    verdict = without.verdict
    one_is_all = all(without.policy.one_is_all(source) for source in without.evidence.sources)
    for name in missing:
        if name == "expected_results" and one_is_all:
            continue  # the policy itself says that of these sources one result is all
        assert outcomes(verdict)[UNKNOWN[name][1]] is RuleOutcome.UNKNOWN
        assert not verdict.approve


@EXAMPLES
@given(situations(), st.sampled_from(NO_SHARE))
def test_a_confidence_that_is_no_share_is_unknown(asked: Situation, confidence: float | None) -> None:
    verdict = with_members(asked, {"confidence": confidence}).verdict
    assert outcomes(verdict)[Rule.CONFIDENCE] is RuleOutcome.UNKNOWN
    assert not verdict.approve


def judge(folded: list[Result], document: PolicyDocument) -> Verdict:
    return evaluate(fold(folded), document, CONTEXT)


@EXAMPLES
@given(results(), POLICIES, SEEDS)
def test_the_verdict_does_not_depend_on_how_results_arrive(
    arrived: list[Result], document: PolicyDocument, seed: int
) -> None:
    rng = random.Random(seed)
    shuffled = arrived + rng.choices(arrived, k=rng.randint(0, 3))
    rng.shuffle(shuffled)
    assert judge(shuffled, document) == judge(arrived, document)


@EXAMPLES
@given(results(), POLICIES)
def test_one_more_result_only_ever_completes(arrived: list[Result], document: PolicyDocument) -> None:
    """It never makes up for what an earlier one says: beside its own coming, and a diff, nothing is better than before."""
    for number in range(1, len(arrived)):
        before, after = judge(arrived[:number], document), judge(arrived[: number + 1], document)
        better = passed(after) - passed(before)
        assert better <= COMPLETED, better
        assert Rule.PLAIN_TEXT not in better or outcomes(before)[Rule.PLAIN_TEXT] is RuleOutcome.UNKNOWN
        assert Rule.DIFF_PRESENT not in better or all(r.patch_digest is None for r in arrived[:number])


@EXAMPLES
@given(results(), POLICIES)
def test_an_approval_stands_on_every_single_result(arrived: list[Result], document: PolicyDocument) -> None:
    """None of them, on its own, says anything against the patch."""
    if not judge(arrived, document).approve:
        return
    for result in arrived:
        alone = judge([result], document)
        assert {reason.rule for reason in alone.reasons} <= COMPLETED
        assert RuleOutcome.FAILED not in {outcomes(alone)[Rule.DIFF_PRESENT], outcomes(alone)[Rule.PLAIN_TEXT]}
        assert not result.exploit_worked_after
        assert result.expected_results is None or result.expected_results <= len({r.run_id for r in arrived})
    assert len({result.patch_digest for result in arrived} - {None}) == 1


def test_the_strategies_reach_both_sides() -> None:
    """A guard for the tests above: approvals, every rule's objection, and evidence that becomes complete are all there."""
    found: Counter[str] = Counter()

    @settings(max_examples=600, deadline=None, database=None, derandomize=True)
    @given(situations(), results(), st.data())
    def collect(asked: Situation, arrived: list[Result], data: st.DataObject) -> None:
        verdict, poorer = asked.verdict, data.draw(worse(asked)).verdict
        found["approved" if verdict.approve else "sent to a person"] += 1
        found["worse, and still approved"] += poorer.approve
        found["worse, and no longer approved"] += verdict.approve and not poorer.approve
        found.update(f"{reason.rule} objects" for reason in verdict.reasons)
        folded = [judge(arrived[: n + 1], asked.policy).approve for n in range(len(arrived))]
        found["completed"] += any(after and not before for before, after in pairwise(folded))
        found["contradicted"] += any(before and not after for before, after in pairwise(folded))

    collect()
    reached = ["approved", "sent to a person", "worse, and still approved", "worse, and no longer approved"]
    reached += [*(f"{rule} objects" for rule in Rule), "completed", "contradicted"]
    assert {name: found[name] for name in reached if found[name] < 3} == {}, found
