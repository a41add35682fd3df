"""The life of a patch, case by case: what arrives, what is decided, what is said (DESIGN, chapter 7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import orjson
import pytest

from hitl_stream.contract import encode
from hitl_stream.contract.fact import Card, Outcome, OutcomeKind, Result, Risk, Severity, Wargame
from hitl_stream.policy import document
from hitl_stream.review import explanation, lifecycle
from hitl_stream.review import outcome as outcome_report
from hitl_stream.review.lifecycle import RoundFull
from hitl_stream.review.situation import Situation, Standing
from hitl_stream.review.state import Fate, Patch, State, Step
from tests.unit.approvable import MEMBERS

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
POLICY = document.parse(1, MEMBERS)
DIFF = sha256(b"first").digest()
NEW_DIFF = sha256(b"second").digest()


def result(number: int = 1, **changes: object) -> Result:
    good = Result(
        source="/wargaming/crisol",
        event_id=f"wr-{number}",
        patch_id="p-1",
        apv_id="APV-1",
        cve_id="CVE-2026-1",
        run_id=f"run-{number}",
        patch_digest=DIFF,
        plain_text=True,
        severity=Severity.HIGH,
        risk=Risk.LOW,
        flagged=False,
        wargame=Wargame.PASSED,
        wargame_detail="",
        exploit_worked_after=False,
        prediction=True,
        confidence=0.97,
        expected_results=1,
        author="eureka",
        detected_at=None,
        executed_at=NOW,
        synthetic=False,
        card=Card("shop", "PyPI", "Python", "code_patch", ("CWE-89",), "SQL injection"),
        payload=b"{}",
        payload_sha256=sha256(f"payload {number}".encode()).digest(),
        traceparent=None,
        key_differs=False,
        odd_time=False,
    )
    return replace(good, **changes)  # type: ignore[arg-type]


def situation(*earlier: Result, **changes: object) -> Situation:
    return replace(Situation(policy=POLICY, now=NOW, auto_approve=True, home=2, results=earlier), **changes)  # type: ignore[arg-type]


def opened(first: Result, **changes: object) -> Patch:
    patch = lifecycle.receive(None, first, situation(**changes)).patch
    assert patch is not None
    return patch


def reasons(step: Step) -> list[str]:
    return [row[0] for event in step.opened for row in event.reasons]


def said(step: Step) -> list[tuple[str, object]]:
    """Topic and decision of every message, in publishing order."""
    return [(m.topic, orjson.loads(m.value or b"")["data"].get("decision")) for m in step.messages]


def test_a_good_result_is_approved_by_policy_with_both_events() -> None:
    step = lifecycle.receive(None, result(), situation())
    assert step.fate is Fate.APPROVED
    assert step.patch is not None
    assert (step.patch.state, step.patch.approved_by, step.patch.seq, step.patch.home) == ("approved", "policy", 1, 2)
    assert said(step) == [("auto_approved", "approved"), ("decisions", "approved")]
    assert step.decisions[0].valid_until == NOW + timedelta(days=30)
    assert [row[:3] for row in step.decisions[0].reasons] == [("confidence", "passed", "0.97 >= 0.95")]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"confidence": 0.91}, ["confidence"]),
        ({"prediction": False}, ["prediction"]),
        ({"severity": Severity.CRITICAL}, ["severity"]),
        ({"risk": None}, ["risk"]),
        ({"flagged": True}, ["not_flagged"]),
        ({"expected_results": None}, ["evidence_complete", "completeness_unknown"]),
        ({"patch_digest": None, "plain_text": None}, ["diff_present", "plain_text", "artefact_unknown"]),
        ({"source": "/elsewhere"}, ["source_allowed"]),
    ],
)
def test_what_the_policy_does_not_approve_waits_for_a_person(changes: dict[str, Any], expected: list[str]) -> None:
    step = lifecycle.receive(None, result(**changes), situation())
    assert step.fate is Fate.PENDING
    assert reasons(step) == expected
    assert said(step) == [("pending_review", None)]
    assert step.patch is not None
    assert step.patch.seq == 0
    assert [a.action for a in step.actions] == ["review_opened"]


def test_the_switch_of_the_process_sends_everything_to_a_person() -> None:
    assert reasons(lifecycle.receive(None, result(), situation(auto_approve=False))) == ["enabled"]


def test_the_time_limit_follows_the_higher_of_severity_and_risk() -> None:
    for severity, risk, days in ((Severity.CRITICAL, Risk.LOW, 1), (Severity.LOW, Risk.LOW, 14), (None, Risk.LOW, 3)):
        step = lifecycle.receive(None, result(severity=severity, risk=risk, confidence=0.5), situation())
        assert step.patch is not None
        assert step.patch.expires_at == NOW + timedelta(days=days)


def test_a_round_collects_until_all_expected_results_are_there() -> None:
    first, second = result(1, expected_results=2), result(2, expected_results=2)
    step = lifecycle.receive(None, first, situation())
    assert (step.fate, step.messages) == (Fate.COLLECTING, [])
    assert step.patch is not None
    assert step.patch.evidence_due_at == NOW + timedelta(minutes=30)
    step = lifecycle.receive(step.patch, second, situation(first))
    assert step.fate is Fate.APPROVED


def test_worst_wins_when_a_round_is_complete() -> None:
    first = result(1, expected_results=2)
    patch = opened(first)
    step = lifecycle.receive(patch, result(2, expected_results=2, wargame=Wargame.FAILED), situation(first))
    assert reasons(step) == ["wargame_passed"]


def test_the_evidence_deadline_sends_an_incomplete_round_to_a_person() -> None:
    first = result(1, expected_results=2)
    step = lifecycle.evidence_overdue(opened(first), situation(first))
    assert step.fate is Fate.PENDING
    assert reasons(step) == ["evidence_complete", "evidence_incomplete"]


def test_a_pending_round_is_never_approved_by_better_evidence() -> None:
    first = result(1, confidence=0.5)
    patch = opened(first)
    before = patch.version
    step = lifecycle.receive(patch, result(2), situation(first))
    assert (patch.state, step.messages, step.decisions) == (State.PENDING, [], [])
    assert patch.version == before + 1


def test_a_card_that_nothing_else_speaks_against_says_that_its_review_is_open() -> None:
    waiting = opened(result(1), auto_approve=False)
    lifecycle.receive(waiting, result(2), situation(result(1)))
    stored = encode.parse_reasons(waiting.reasons)
    assert [*stored] == [("no_open_review", "failed", "a review is open for this patch", None)]
    told = explanation.explain(None, POLICY, stored)
    assert [(rule.rule, rule.outcome) for rule in told] == [("no_open_review", "failed")]
    lifecycle.receive(waiting, result(3, confidence=0.9), situation(result(1), result(2)))
    assert [row[0] for row in encode.parse_reasons(waiting.reasons)] == ["confidence"]


def test_confirming_evidence_changes_nothing_that_was_decided() -> None:
    first = result(1)
    patch = opened(first)
    digest, version = patch.evidence_digest, patch.version
    step = lifecycle.receive(patch, result(2, confidence=0.99), situation(first))
    assert step.fate is Fate.CONFIRMED
    assert (step.messages, step.decisions, patch.evidence_digest) == ([], [], digest)
    assert patch.version == version + 1  # what a person saw had one result less


def test_a_confirming_result_marked_synthetic_does_not_close_the_gate_of_a_real_approval() -> None:
    first = result(1)
    patch = opened(first)
    assert lifecycle.receive(patch, result(2, synthetic=True), situation(first)).fate is Fate.CONFIRMED
    assert patch.synthetic is False


def test_a_rejection_elsewhere_ends_a_policy_approval_with_the_next_result() -> None:
    first = result(1)
    patch = opened(first)
    step = lifecycle.receive(patch, result(2), situation(first, standing=Standing("digest", None)))
    assert (step.fate, [d.decision for d in step.decisions]) == (Fate.REVOKED, ["revoked"])
    assert step.decisions[0].reasons[1][0] == "no_rejection"


def test_a_sibling_or_a_switch_alone_ends_no_approval() -> None:
    first = result(1)
    patch = opened(first)
    now = situation(first, standing=Standing(None, "p-2"), auto_approve=False)
    assert lifecycle.receive(patch, result(2), now).fate is Fate.CONFIRMED


def test_evidence_that_is_complete_only_after_its_deadline_goes_to_a_person() -> None:
    first = result(1, expected_results=2)
    patch = opened(first)
    late = situation(first, now=NOW + timedelta(minutes=30))
    step = lifecycle.receive(patch, result(2, expected_results=2), late)
    assert (step.fate, reasons(step)) == (Fate.PENDING, ["evidence_incomplete"])


def test_why_a_review_was_opened_stays_on_its_card() -> None:
    first = result(1)
    patch = opened(first)
    second = result(2, prediction=False)
    lifecycle.receive(patch, second, situation(first))
    lifecycle.receive(patch, result(3), situation(first, second))
    assert [row[0] for row in encode.parse_reasons(patch.reasons)] == ["prediction", "evidence_contradicts"]


def test_another_exploit_that_works_ends_a_human_approval_although_one_was_known() -> None:
    worked = {"exploit_worked_after": True, "wargame": Wargame.FAILED}
    first = result(1, **worked)
    patch = opened(first)
    patch.state, patch.approved_by, patch.seq = State.APPROVED, "human", 1
    assert lifecycle.receive(patch, result(2, **worked), situation(first)).fate is Fate.REVOKED


@pytest.mark.parametrize("deployed", ["yes", "no", "unknown"])
def test_contradicting_evidence_ends_a_policy_approval_at_once(deployed: str) -> None:
    first = result(1)
    patch = opened(first)
    step = lifecycle.receive(patch, result(2, wargame=Wargame.FAILED), situation(first, deployed=deployed))
    assert step.fate is Fate.REVOKED
    assert said(step) == [("decisions", "revoked"), ("pending_review", None)]
    assert (patch.state, patch.approved_by, patch.round, patch.seq) == (State.PENDING, None, 1, 2)
    assert step.decisions[0].deployed == deployed
    assert step.decisions[0].reasons[0][0] == "evidence_contradicts"
    assert step.opened[0].seq == 3
    assert (step.alarm == "revoked_after_deployment") == (deployed == "yes")


@pytest.mark.parametrize(
    ("changes", "ended"),
    [
        ({"exploit_worked_after": True, "wargame": Wargame.FAILED}, True),
        ({"prediction": False}, True),
        ({"flagged": True}, True),
        ({"confidence": 0.2}, False),
        ({"severity": Severity.CRITICAL}, False),
        ({"wargame": Wargame.UNKNOWN}, False),
    ],
)
def test_a_human_approval_ends_only_by_what_a_person_could_not_know(changes: dict[str, object], ended: bool) -> None:
    first = result(1, confidence=0.5)
    patch = opened(first)
    patch.state, patch.approved_by, patch.seq = State.APPROVED, "human", 1
    step = lifecycle.receive(patch, result(2, **changes), situation(first))
    assert (step.fate is Fate.REVOKED) == ended


def test_a_human_approval_over_a_known_false_prediction_is_not_contradicted_by_it_again() -> None:
    first = result(1, prediction=False)
    patch = opened(first)
    patch.state, patch.approved_by, patch.seq = State.APPROVED, "human", 1
    assert lifecycle.receive(patch, result(2, prediction=False), situation(first)).fate is Fate.CONFIRMED


@pytest.mark.parametrize(
    ("state", "decision"),
    [("collecting", "expired"), ("pending", "expired"), ("approved", "revoked"), ("rejected", None), ("expired", None)],
)
def test_a_new_artefact_ends_the_round_and_opens_one_for_a_person(state: str, decision: str | None) -> None:
    first = result(1)
    patch = opened(first)
    patch.state, patch.approved_by = State(state), "policy" if state == "approved" else None
    step = lifecycle.receive(patch, result(2, patch_digest=NEW_DIFF), situation(first))
    assert [d.decision for d in step.decisions] == ([decision] if decision else [])
    assert all(d.reasons[0][0] == "artefact_changed" and d.patch_digest == DIFF for d in step.decisions)
    assert step.patch is not None
    assert (step.patch.state, step.patch.round, step.patch.home) == (State.PENDING, 2, 2)
    assert reasons(step) == ["same_artefact", "artefact_changed"]
    assert [c.patch.round for c in step.closed] == [1]
    assert step.patch.seq == (2 if decision else 1)


def test_a_late_result_of_an_older_artefact_is_filed_there() -> None:
    first = result(1, patch_digest=NEW_DIFF)
    patch = opened(first)
    patch.round = 2
    step = lifecycle.receive(patch, result(2), situation(first, older_digests={DIFF: 1}))
    assert (step.fate, step.round, step.messages, step.changed) == (Fate.FILED, 1, [], False)


def test_a_round_without_a_diff_takes_the_first_one_it_sees() -> None:
    first = result(1, patch_digest=None, plain_text=None)
    patch = opened(first)
    step = lifecycle.receive(patch, result(2), situation(first))
    assert (step.fate, patch.patch_digest, patch.round) == (Fate.PENDING, DIFF, 1)


@pytest.mark.parametrize("state", ["rejected", "expired", "revoked"])
def test_results_after_the_end_of_a_round_are_filed_and_nothing_is_said(state: str) -> None:
    first = result(1)
    patch = opened(first)
    patch.state, patch.approved_by = State(state), None
    step = lifecycle.receive(patch, result(2), situation(first))
    assert (step.fate, step.messages, step.decisions, patch.state) == (Fate.FILED, [], [], State(state))


@pytest.mark.parametrize(
    ("standing", "rule"),
    [
        (Standing(rejection="digest"), "no_rejection"),
        (Standing(rejection="apv"), "no_rejection"),
        (Standing(approved_sibling="p-2"), "no_approved_sibling"),
    ],
)
def test_what_stands_elsewhere_sends_a_patch_to_a_person(standing: Standing, rule: str) -> None:
    assert reasons(lifecycle.receive(None, result(), situation(standing=standing))) == [rule]


def test_an_expired_review_is_told_and_can_be_told_apart() -> None:
    patch = opened(result(1, confidence=0.5))
    step = lifecycle.expire(patch, NOW + timedelta(days=3))
    assert patch.state is State.EXPIRED
    assert said(step) == [("decisions", "expired")]
    assert step.decisions[0].reasons[0][0] == "expired"


def test_decision_times_never_run_backwards_for_a_patch() -> None:
    first = result(1)
    patch = opened(first)
    step = lifecycle.receive(patch, result(2, prediction=False), situation(first, now=NOW - timedelta(seconds=5)))
    assert step.decisions[0].decided_at >= NOW


def outcome(**changes: object) -> Outcome:
    told = Outcome(
        source="/eureka",
        event_id="eo-1",
        patch_id="p-1",
        decision_id=None,
        patch_digest=DIFF,
        outcome=OutcomeKind.DEPLOYED,
        detail=None,
        observed_at=NOW,
        payload=b"{}",
        payload_sha256=b"",
        traceparent=None,
        key_differs=False,
        odd_time=False,
    )
    return replace(told, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "state", "changes", "alarm"),
    [
        ("what stands approved", "approved", {}, False),
        ("another digest", "approved", {"patch_digest": NEW_DIFF}, True),
        ("no digest, but the decision's id", "approved", {"patch_digest": None, "decision_id": "d-1"}, False),
        ("no digest and no id", "approved", {"patch_digest": None}, True),
        ("a pending patch", "pending", {}, True),
        ("a rejected patch", "rejected", {}, True),
        ("a failed attempt at a rejected patch", "rejected", {"outcome": OutcomeKind.FAILED}, False),
        ("after the approval ended", "approved", {"observed_at": NOW + timedelta(days=31)}, True),
    ],
)
def test_a_deployment_that_was_never_approved_is_an_alarm(
    name: str, state: str, changes: dict[str, object], alarm: bool
) -> None:
    patch = opened(result(1))
    patch.state = State(state)
    step = outcome_report.report(patch, outcome(**changes), NOW + timedelta(days=30), "d-1", NOW + timedelta(days=32))
    assert (step.alarm == "unapproved_deployment") == alarm, name
    assert [a.action for a in step.actions] == (["unapproved_deployment"] if alarm else [])


def test_a_deployment_of_an_unknown_patch_is_an_alarm() -> None:
    assert outcome_report.report(None, outcome(), None, None, NOW).alarm == "unapproved_deployment"


def overfilled(patch: Patch, *earlier: Result, **changes: object) -> Step | None:
    """What a result that its round does not take does to the patch."""
    with pytest.raises(
        RoundFull, match=f"round 1 of this patch has {len(earlier)} results and takes no more"
    ) as refusal:
        lifecycle.receive(patch, result(9), situation(*earlier, **changes))
    return refusal.value.step


def test_who_was_asked_on_fewer_results_than_came_has_to_open_the_review_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "RESULTS_MAX", 2)
    waiting = opened(result(1, confidence=0.9))
    assert lifecycle.receive(waiting, result(2), situation(result(1))).fate is Fate.PENDING
    before = replace(waiting)
    step = overfilled(waiting, result(1), result(2))
    assert step is not None
    assert said(step) == [("decisions", "expired")]
    assert step.decisions[0].reasons[0][:2] == ("evidence_incomplete", "failed")
    assert (waiting.state, waiting.seq, waiting.version) == (State.EXPIRED, before.seq + 1, before.version + 1)
    settled = replace(waiting)
    assert overfilled(waiting, result(1), result(2)) is None
    assert waiting == settled
    assert lifecycle.receive(waiting, result(3, patch_digest=NEW_DIFF), situation(result(1), result(2))).closed


def test_a_round_that_is_full_before_it_is_complete_goes_to_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "RESULTS_MAX", 1)
    collecting = opened(result(1, expected_results=3))
    step = overfilled(collecting, result(1, expected_results=3))
    assert step is not None
    assert collecting.state is State.PENDING
    assert "evidence_incomplete" in reasons(step)


def test_no_approval_stands_on_fewer_results_than_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "RESULTS_MAX", 2)
    approved = opened(result(1))
    assert lifecycle.receive(approved, result(2), situation(result(1))).fate is Fate.CONFIRMED
    step = lifecycle.receive(approved, result(3), situation(result(1), result(2)))
    assert (step.fate, said(step)[0]) == (Fate.REVOKED, ("decisions", "revoked"))
    assert step.decisions[0].reasons[1][:2] == ("evidence_incomplete", "failed")


def test_a_round_takes_so_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "RESULTS_BYTES_MAX", 4)
    waiting = opened(result(1, confidence=0.9))
    assert lifecycle.receive(waiting, result(2), situation(result(1), results_bytes=3)).fate is Fate.PENDING
    assert overfilled(waiting, result(1), results_bytes=4) is not None
