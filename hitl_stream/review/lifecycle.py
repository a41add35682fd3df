"""What happens to a patch when a result arrives, a deadline passes or an outcome is reported (DESIGN, chapter 7).

Pure: the row, the evidence, the policy and the time are arguments; a Step is the answer. Nothing here approves: only a
verdict of the policy does. A round that was decided by a person is never decided again by anything in this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from hitl_stream.contract import encode
from hitl_stream.contract.fact import Evidence, Result
from hitl_stream.contract.fold import fold
from hitl_stream.errors import BadRecord
from hitl_stream.policy.evaluate import evaluate
from hitl_stream.policy.sample import selected
from hitl_stream.policy.verdict import Context, Rule, RuleOutcome, Verdict
from hitl_stream.review import contradiction, ruling
from hitl_stream.review.ruling import ReasonRow
from hitl_stream.review.situation import Situation, Standing
from hitl_stream.review.state import OPEN, Action, Closed, Fate, Patch, Reason, State, Step

# Every result of a round is read again with each new one: beyond these a round takes no more.
RESULTS_MAX = 1_000
RESULTS_BYTES_MAX = 256 * 1024 * 1024  # 256 of the largest at least

OVERDUE = "the deadline has passed"
MORE = "more came than a round takes: the rest is among the dead letters"

# Reasons that say why a review was opened: they stay on its card, whatever is known later.
_LASTING = frozenset((Reason.EVIDENCE_CONTRADICTS, Reason.EVIDENCE_INCOMPLETE))


class RoundFull(BadRecord):
    """The round takes no more results. `step` is what that does to it, for nobody may decide on fewer than came unawares."""

    def __init__(self, reason: str, step: Step | None) -> None:
        super().__init__(reason)
        self.step = step


def receive(patch: Patch | None, result: Result, situation: Situation) -> Step:
    """Apply one wargaming result that was never applied before. Raises RoundFull."""
    if patch is None:
        return _open_round(_new_patch(result, situation), result, situation)
    if result.patch_digest is not None and _is_another_artefact(patch, result.patch_digest):
        older = (situation.older_digests or {}).get(result.patch_digest)
        if older is not None:
            return Step(patch, Fate.FILED, older, changed=False)
        return _replace_artefact(patch, result, situation)
    if patch.state is not State.APPROVED and _is_full(situation):
        said = f"round {patch.round} of this patch has {len(situation.results)} results and takes no more"
        raise RoundFull(said, _overfill(patch, situation))
    match patch.state:
        case State.COLLECTING if patch.evidence_due_at is not None and patch.evidence_due_at <= situation.now:
            return _end_collecting(patch, [*situation.results, result], result, situation)
        case State.COLLECTING:
            return _conclude(patch, [*situation.results, result], result, situation)
        case State.PENDING:
            return _refresh(patch, result, situation)
        case State.APPROVED:
            return _challenge(patch, result, situation)
        case State.REJECTED | State.EXPIRED | State.REVOKED:
            return _file(patch, result, situation)


def _overfill(patch: Patch, situation: Situation) -> Step | None:
    """A result came that is not kept: a person is asked, and who was asked before has to open the review again to decide it."""
    match patch.state:
        case State.COLLECTING:
            return _end_collecting(patch, situation.results, situation.results[-1], situation, MORE)
        case State.PENDING:
            return _end_review(patch, (Reason.EVIDENCE_INCOMPLETE, "failed", MORE, None), situation.now)
        case _:
            return None


def _file(patch: Patch, result: Result, situation: Situation) -> Step:
    """Evidence for what is decided: kept. What expired can be opened again, so its card goes on showing all there is."""
    if patch.state is State.EXPIRED:
        _refresh(patch, result, situation)
    else:
        patch.version += 1  # it covers the evidence
    return Step(patch, Fate.FILED, patch.round)


def evidence_overdue(patch: Patch, situation: Situation) -> Step:
    """End collecting at the evidence deadline: a person decides on what has arrived."""
    return _end_collecting(patch, situation.results, situation.results[-1], situation)


def expire(patch: Patch, now: datetime) -> Step:
    """End a pending review whose time limit has passed: never deployed, told to Eureka, can be reopened."""
    limit = encode.timestamp(patch.expires_at) if patch.expires_at else "unknown"
    return _end_review(patch, (Reason.EXPIRED, "failed", f"no decision until {limit}", None), now)


def _end_review(patch: Patch, reason: ReasonRow, now: datetime) -> Step:
    step = Step(patch, Fate.FILED, patch.round)
    ruling.decide(step, patch, "expired", [reason], now, None)
    patch.state = State.EXPIRED
    patch.version += 1
    return step


def _is_full(situation: Situation) -> bool:
    return len(situation.results) >= RESULTS_MAX or situation.results_bytes >= RESULTS_BYTES_MAX


def _is_another_artefact(patch: Patch, digest: bytes) -> bool:
    """A round without a diff takes the first one it sees, unless it was already ended without one."""
    if patch.patch_digest is None:
        return patch.state not in OPEN
    return digest != patch.patch_digest


def _new_patch(result: Result, situation: Situation) -> Patch:
    now = situation.now
    # By position and not by name: this runs once per event, and names cost as much as the rest of it.
    return Patch(
        result.patch_id, result.apv_id, result.cve_id, situation.home,
        1, State.COLLECTING, None, 0, 0,  # round, state, approved_by, seq, version
        result.patch_digest, b"", None, None, None, None,  # what the evidence will say
        situation.policy.version, None, now, now,
    )  # fmt: skip


def _open_round(patch: Patch, result: Result, situation: Situation) -> Step:
    patch.evidence_due_at = situation.now + situation.policy.evidence_deadline
    patch.sampled = selected(patch.patch_id, patch.round, situation.policy)
    return _conclude(patch, [result], result, situation)


def _replace_artefact(patch: Patch, result: Result, situation: Situation) -> Step:
    """A new diff ends the open round and opens the next one, which always goes to a person."""
    ended = Step(patch, Fate.FILED, patch.round)
    reason: list[ReasonRow] = [(Reason.ARTEFACT_CHANGED, "failed", "a new diff arrived for this patch", None)]
    if patch.state in OPEN:
        ruling.decide(ended, patch, "expired", reason, situation.now, result.traceparent)
        patch.state = State.EXPIRED
    elif patch.state is State.APPROVED:
        ruling.decide(ended, patch, "revoked", reason, situation.now, result.traceparent, deployed=situation.deployed)
        patch.state = State.REVOKED
        if situation.deployed == "yes":
            _alarm_deployed(ended, patch)
    closed = Closed(replace(patch), situation.now)
    fresh = _new_patch(result, situation)
    fresh.home, fresh.round, fresh.seq, fresh.version = patch.home, patch.round + 1, patch.seq, patch.version
    fresh.apv_id, fresh.cve_id = patch.apv_id, result.cve_id or patch.cve_id
    fresh.received_at = patch.received_at
    step = _open_round(fresh, result, replace(situation, results=()))
    step.decisions[:0] = ended.decisions
    step.messages[:0] = ended.messages
    step.actions[:0] = ended.actions
    step.alarm = ended.alarm
    step.closed.append(closed)
    return step


def _judge(patch: Patch, evidence: Evidence, situation: Situation) -> Verdict:
    standing = situation.standing or Standing()
    return evaluate(
        evidence,
        situation.policy,
        Context(
            auto_approve=situation.auto_approve,
            artefact_changed=patch.round > 1,
            review_open=patch.state is State.PENDING,
            rejection=standing.rejection,
            approved_sibling=standing.approved_sibling,
            selected=patch.sampled,
        ),
    )


def _conclude(patch: Patch, results: Sequence[Result], result: Result, situation: Situation) -> Step:
    """Approve, send to a person, or go on collecting."""
    evidence = fold(results)
    verdict = _judge(patch, evidence, situation)
    if verdict.approve:
        step = Step(patch, Fate.APPROVED, patch.round)
        ruling.write_card(patch, evidence, verdict, situation.now)
        _approve(step, patch, verdict, situation, result.traceparent)
        return step
    if verdict.of(Rule.EVIDENCE_COMPLETE).outcome is RuleOutcome.FAILED:
        ruling.write_card(patch, evidence, verdict, situation.now)
        patch.reasons = encode.reasons_json(tuple(ruling.rows_of(verdict.reasons)))
        return Step(patch, Fate.COLLECTING, patch.round)
    step = Step(patch, Fate.PENDING, patch.round)
    ruling.send_to_person(step, patch, evidence, verdict, result, situation.policy, situation.now, [])
    return step


def _end_collecting(
    patch: Patch, results: Sequence[Result], result: Result, situation: Situation, why: str = OVERDUE
) -> Step:
    """Not all came that was expected. What comes later is shown, and never leads to an approval by policy."""
    evidence = fold(results)
    verdict = _judge(patch, evidence, situation)
    step = Step(patch, Fate.PENDING, patch.round)
    detail = f"{evidence.runs} of {evidence.expected_results or 'an unknown number of'} results, {why}"
    extra: list[ReasonRow] = [(Reason.EVIDENCE_INCOMPLETE, "failed", detail, None)]
    ruling.send_to_person(step, patch, evidence, verdict, result, situation.policy, situation.now, extra)
    return step


def _approve(step: Step, patch: Patch, verdict: Verdict, situation: Situation, traceparent: str | None) -> None:
    ruling.decide(
        step,
        patch,
        "approved",
        ruling.rows_of([verdict.of(Rule.CONFIDENCE)]),
        situation.now,
        traceparent,
        valid_until=patch.changed_at + situation.policy.approval_valid,
    )
    patch.state = State.APPROVED
    patch.approved_by = "policy"
    patch.reasons = None
    patch.evidence_due_at = None


def _refresh(patch: Patch, result: Result, situation: Situation) -> Step:
    """New evidence for an open review changes the card, never the state; why it was opened stays on it."""
    kept = [row for row in encode.parse_reasons(patch.reasons) if row[0] in _LASTING]
    evidence = fold([*situation.results, result])
    verdict = _judge(patch, evidence, situation)
    ruling.write_card(patch, evidence, verdict, situation.now)
    rows = ruling.reasons_of(patch, evidence, verdict, kept)
    # The rule no_open_review is about this very review: it is noise on its card, unless it alone keeps it from policy.
    patch.reasons = encode.reasons_json(tuple(row for row in rows if row[0] != Rule.NO_OPEN_REVIEW) or tuple(rows))
    return Step(patch, Fate.PENDING, patch.round)


def _challenge(patch: Patch, result: Result, situation: Situation) -> Step:
    """Evidence for a standing approval: confirm it, or end it at once and ask a person."""
    evidence = fold([*situation.results, result])
    verdict = _judge(patch, evidence, situation)
    against = contradiction.find(patch, result, verdict, situation.results)
    if not against and _is_full(situation):  # what comes after this one is not kept: then nothing stands on it
        against.append((Reason.EVIDENCE_INCOMPLETE, "failed", MORE, None))
    if not against:
        # The decision stays bound to what it was made on; the row must not pretend that it saw more.
        patch.version += 1  # it covers the evidence
        patch.changed_at = max(situation.now, patch.changed_at)
        return Step(patch, Fate.CONFIRMED, patch.round)
    step = Step(patch, Fate.REVOKED, patch.round)
    why: list[ReasonRow] = [(Reason.EVIDENCE_CONTRADICTS, "failed", contradiction.summary(against), None)]
    ruling.write_card(patch, evidence, verdict, situation.now)
    ruling.decide(
        step,
        patch,
        "revoked",
        [*why, *against],
        situation.now,
        result.traceparent,
        deployed=situation.deployed,
    )
    ruling.send_to_person(step, patch, evidence, verdict, result, situation.policy, situation.now, why)
    if situation.deployed == "yes":
        _alarm_deployed(step, patch)
    return step


def _alarm_deployed(step: Step, patch: Patch) -> None:
    step.alarm = "revoked_after_deployment"
    step.actions.append(
        Action(
            at=patch.changed_at,
            actor="policy",
            action="revoked_after_deployment",
            patch_id=patch.patch_id,
            round=patch.round,
            seq=patch.seq,
            patch_digest=patch.patch_digest,
            evidence_digest=patch.evidence_digest,
            policy_version=patch.policy_version,
            justification="this artefact is deployed and no longer stands approved",
        )
    )
