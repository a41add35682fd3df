"""What an outcome means for a patch: recorded, and an alarm if something was deployed that did not stand approved.

The one test that the whole gate works, therefore in doubt it rings: no digest, no decision id, an approval that ended.
"""

from __future__ import annotations

from datetime import datetime

import orjson

from hitl_stream.contract.fact import Outcome, OutcomeKind
from hitl_stream.review.state import Action, Fate, Patch, State, Step

# What an outcome means for the artefact it is about: is it out there?
DEPLOYED = {"deployed": "yes", "exploited": "yes", "failed": "no", "rolled_back": "no", "superseded": "no"}


def report(
    patch: Patch | None, outcome: Outcome, approved_until: datetime | None, decision_id: str | None, now: datetime
) -> Step:
    """Record what Eureka did; a deployment of what did not stand approved is an alarm.

    `approved_until` and `decision_id` belong to the patch's standing approval, None where there is none.
    """
    step = Step(patch, Fate.OUTCOME, patch.round if patch else 0, changed=False)
    if outcome.outcome is not OutcomeKind.DEPLOYED or _stood_approved(patch, outcome, approved_until, decision_id, now):
        return step
    step.alarm = "unapproved_deployment"
    state = f"round {patch.round} is {patch.state}" if patch else "the patch is unknown"
    step.actions.append(
        Action(
            at=now,
            actor=outcome.source,
            action="unapproved_deployment",
            patch_id=outcome.patch_id,
            round=patch.round if patch else None,
            seq=patch.seq if patch else None,
            patch_digest=outcome.patch_digest,
            justification=f"deployed although {state}",
            detail=orjson.dumps({"event_id": outcome.event_id, "decision_id": outcome.decision_id}).decode(),
        )
    )
    return step


def _stood_approved(
    patch: Patch | None, outcome: Outcome, approved_until: datetime | None, decision_id: str | None, now: datetime
) -> bool:
    if patch is None or patch.state is not State.APPROVED or patch.synthetic or approved_until is None:
        return False
    if outcome.patch_digest is None:
        same_artefact = outcome.decision_id is not None and outcome.decision_id == decision_id
    else:
        same_artefact = outcome.patch_digest == patch.patch_digest
    deployed_at = now if outcome.odd_time else min(outcome.observed_at, now)
    return same_artefact and deployed_at < approved_until
