"""What the database itself refuses, whatever the program above it believes."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from tests.store import row
from tests.store.row import NOW

REFUSED: list[tuple[str, str, dict[str, Any]]] = [
    ("approved_is_bound_to_a_diff", "patch", row.patch(patch_digest=None)),
    ("approved_says_by_whom", "patch", row.patch(approved_by=None)),
    ("approved_says_by_whom", "patch", row.pending(approved_by="human")),
    ("decided_has_a_decision", "patch", row.patch(seq=0)),
    ("pending_has_a_time_limit", "patch", row.pending(expires_at=None)),
    ("collecting_has_a_deadline", "patch", row.patch(state="collecting", approved_by=None)),
    ("patch_patch_id_check", "patch", row.patch(patch_id="")),
    ("patch_patch_id_check", "patch", row.patch(patch_id="x" * 256)),
    ("patch_patch_digest_check", "patch", row.patch(patch_digest=b"short")),
    ("patch_ml_confidence_check", "patch", row.patch(ml_confidence=1.01)),
    ("patch_severity_check", "patch", row.patch(severity="CRITICAL")),
    ("patch_state_check", "patch", row.patch(state="deployed", approved_by=None)),
    ("approval_is_bound_to_a_diff", "decision", row.decision(patch_digest=None)),
    ("approval_ends", "decision", row.decision(valid_until=None)),
    ("approval_ends", "decision", row.decision(valid_until=NOW)),
    ("only_a_person_rejects", "decision", row.decision(decision="rejected")),
    ("policy_has_no_approvers", "decision", row.decision(approvers=["ann"])),
    ("policy_has_no_approvers", "decision", row.decision(decided_by="ann")),
    ("a_person_has_a_name", "decision", row.by_person(decided_by="policy")),
    ("a_person_has_a_name", "decision", row.by_person(decided_by="")),
    ("decision_seq_check", "decision", row.decision(seq=0)),
    ("decision_decision_check", "decision", row.decision(decision="pending")),
    ("outbox_messages_check", "outbox", {"shard": 0, "messages": []}),
    ("outbox_messages_check", "outbox", {"shard": 0, "messages": [b"topic", b"key", b"value"]}),
    ("policy_state_one_check", "policy_state", {"one": False, "active_version": 1, "changed_by": "x"}),
]


@pytest.mark.parametrize(("constraint", "table", "values"), REFUSED, ids=[f"{n}-{c[0]}" for n, c in enumerate(REFUSED)])
async def test_the_database_refuses(
    owner: asyncpg.Connection, constraint: str, table: str, values: dict[str, Any]
) -> None:
    with pytest.raises(asyncpg.CheckViolationError) as refusal:
        await row.insert(owner, table, values)
    assert refusal.value.constraint_name == constraint


@pytest.mark.parametrize(("table", "column"), [("decision", "reasons"), ("action", "detail")])
@pytest.mark.parametrize("text", ["not JSON", '"\\u0000"', '["\\ud800"]', ""])
async def test_what_the_audit_could_not_show_is_refused(
    owner: asyncpg.Connection, table: str, column: str, text: str
) -> None:
    values = row.decision() if table == "decision" else {"at": NOW, "action": "noted", "patch_id": "p-1"}
    with pytest.raises(asyncpg.DataError):
        await row.insert(owner, table, values | {column: text})


async def test_a_second_policy_approval_of_one_apv_is_refused(owner: asyncpg.Connection) -> None:
    await row.insert(owner, "patch", row.patch())
    with pytest.raises(asyncpg.UniqueViolationError) as refusal:
        async with owner.transaction():
            await row.insert(owner, "patch", row.patch(patch_id="p-2"))
    assert refusal.value.constraint_name == "one_policy_approval_per_apv"
    await row.insert(owner, "patch", row.patch(patch_id="p-2", approved_by="human"))
    await row.insert(owner, "patch", row.pending(patch_id="p-3"))


async def test_a_number_in_the_sequence_of_decisions_is_used_once(owner: asyncpg.Connection) -> None:
    await row.insert(owner, "decision", row.decision())
    with pytest.raises(asyncpg.UniqueViolationError):
        await row.insert(owner, "decision", row.by_person())


async def test_an_event_is_seen_once(owner: asyncpg.Connection) -> None:
    seen = {"source": "/s", "event_id": "e", "payload_sha256": row.DIFF, "seen_at": NOW}
    await row.insert(owner, "event_seen", seen)
    with pytest.raises(asyncpg.UniqueViolationError):
        async with owner.transaction():
            await row.insert(owner, "event_seen", seen)
