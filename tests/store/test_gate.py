"""The gate says yes only when the patch, its last decision and the question agree, at this moment. Everything else is no."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from tests.store import row
from tests.store.row import DIFF, EVIDENCE, NOW, OTHER_DIFF

Given = dict[str, Any]


async def ask(conn: asyncpg.Connection, digest: bytes | None = DIFF, patch_id: str = "p-1") -> tuple[Any, ...]:
    answer = await conn.fetch("SELECT * FROM gate($1, $2)", patch_id, digest)
    assert len(answer) == 1, "one question, one answer"
    return tuple(answer[0])


YES: list[tuple[str, Given, Given]] = [
    ("approved by policy", row.patch(), row.decision()),
    ("approved by a person", row.patch(approved_by="human"), row.by_person()),
    ("approved in a later round", row.patch(round=2, seq=3), row.decision(round=2, seq=3)),
]

NO: list[tuple[str, Given, Given | None, bytes | None]] = [
    ("collecting", row.patch(state="collecting", approved_by=None, seq=0, evidence_due_at=NOW), None, DIFF),
    ("pending_review", row.pending(), None, DIFF),
    ("pending_review", row.pending(seq=1), row.decision(), DIFF),  # an approval that was revoked and waits again
    (
        "rejected",
        row.patch(state="rejected", approved_by=None),
        row.by_person(decision="rejected", valid_until=None),
        DIFF,
    ),
    ("expired", row.patch(state="expired", approved_by=None), row.decision(decision="expired", valid_until=None), DIFF),
    ("revoked", row.patch(state="revoked", approved_by=None), row.decision(decision="revoked", valid_until=None), DIFF),
    ("digest_required", row.patch(), row.decision(), None),
    ("no_decision", row.patch(), None, DIFF),
    ("no_decision", row.patch(seq=2), row.decision(), DIFF),  # not its last decision
    ("no_decision", row.patch(round=2), row.decision(), DIFF),  # of another round
    ("no_decision", row.patch(), row.decision(decision="revoked", valid_until=None), DIFF),
    ("no_decision", row.patch(approved_by="human"), row.decision(), DIFF),  # a person on the row, none in the decision
    ("no_decision", row.patch(), row.by_person(), DIFF),
    ("wrong_digest", row.patch(), row.decision(), OTHER_DIFF),
    ("wrong_digest", row.patch(), row.decision(patch_digest=OTHER_DIFF), DIFF),
    ("wrong_digest", row.patch(patch_digest=OTHER_DIFF), row.decision(), DIFF),
    ("wrong_digest", row.patch(), row.decision(), b""),
    ("synthetic", row.patch(synthetic=True), row.decision(), DIFF),
    ("synthetic", row.patch(), row.decision(synthetic=True), DIFF),
    ("approval_ended", row.patch(), row.decision(valid_until=NOW + timedelta(seconds=1)), DIFF),
]


@pytest.mark.parametrize(("why", "patch", "decision"), YES, ids=[case[0] for case in YES])
async def test_the_gate_opens(owner: asyncpg.Connection, why: str, patch: Given, decision: Given) -> None:
    await row.insert(owner, "patch", patch)
    await row.insert(owner, "decision", decision)
    assert await ask(owner) == (True, "approved", decision["decision_id"], NOW, decision["valid_until"])


@pytest.mark.parametrize(
    ("reason", "patch", "decision", "digest"), NO, ids=[f"{n}-{case[0]}" for n, case in enumerate(NO)]
)
async def test_the_gate_stays_shut(
    owner: asyncpg.Connection, reason: str, patch: Given, decision: Given | None, digest: bytes | None
) -> None:
    await row.insert(owner, "patch", patch)
    if decision is not None:
        await row.insert(owner, "decision", decision)
    assert await ask(owner, digest) == (False, reason, None, None, None)


async def test_an_unknown_patch_is_not_deployable(owner: asyncpg.Connection) -> None:
    await row.insert(owner, "patch", row.patch())
    await row.insert(owner, "decision", row.decision())
    assert await ask(owner, patch_id="p-2") == (False, "unknown_patch", None, None, None)
    assert await ask(owner, patch_id="P-1") == (False, "unknown_patch", None, None, None)


async def test_the_gate_shuts_at_the_moment_the_approval_ends(owner: asyncpg.Connection) -> None:
    await row.insert(owner, "patch", row.patch())
    ends = await owner.fetchval("SELECT clock_timestamp()")
    await row.insert(owner, "decision", row.decision(valid_until=ends))
    assert (await ask(owner))[1] == "approval_ended"


def test_every_reason_is_tried() -> None:
    tried = {case[0] for case in NO}
    assert tried == {
        *("collecting", "pending_review", "rejected", "expired", "revoked", "digest_required", "no_decision"),
        *("wrong_digest", "synthetic", "approval_ended"),
    }
    assert len(DIFF) == len(EVIDENCE) == 32
