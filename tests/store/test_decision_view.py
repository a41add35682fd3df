"""`hitl_decisions`: one row per patch and round, as compliance queries expect it, with that round's audit in order."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import asyncpg

from tests.store import row
from tests.store.row import DIFF, EVIDENCE, NOW, OTHER_DIFF

COLUMNS = {
    "id": "bigint",
    "patch_id": "text",
    "apv_id": "text",
    "cve_id": "text",
    "decision": "text",
    "comment": "text",
    "ml_confidence": "double precision",
    "ml_prediction": "boolean",
    "decided_by": "text",
    "decided_at": "timestamp with time zone",
    "audit_log": "jsonb",
}


async def rows(conn: asyncpg.Connection) -> list[dict[str, Any]]:
    found = await conn.fetch("SELECT * FROM hitl_decisions ORDER BY patch_id, round")
    return [dict(r) | {"audit_log": json.loads(r["audit_log"])} for r in found]


async def act(conn: asyncpg.Connection, action: str, after: int, **more: Any) -> None:
    values = {"at": NOW + timedelta(seconds=after), "action": action, "patch_id": "p-1", "round": 1}
    await row.insert(conn, "action", values | more)


async def test_the_columns_that_queries_are_written_against(owner: asyncpg.Connection) -> None:
    found = await owner.fetch(
        "SELECT column_name, data_type FROM information_schema.columns"
        " WHERE table_name = 'hitl_decisions' ORDER BY ordinal_position"
    )
    assert list(COLUMNS.items()) == [tuple(r) for r in found][: len(COLUMNS)]


async def test_an_approval_reads_as_decided(owner: asyncpg.Connection) -> None:
    await row.insert(owner, "patch", row.patch(approved_by="human"))
    await row.insert(owner, "decision", row.by_person(comment="looks right"))
    (found,) = await rows(owner)
    assert (found["decision"], found["comment"], found["decided_by"], found["decided_at"]) == (
        "approved",
        "looks right",
        "ann",
        NOW,
    )
    assert (found["ml_confidence"], found["ml_prediction"], found["round"]) == (0.97, True, 1)


async def test_open_rounds_read_pending_and_name_nobody(owner: asyncpg.Connection) -> None:
    await row.insert(owner, "patch", row.pending())
    await row.insert(
        owner, "patch", row.patch(patch_id="p-2", state="collecting", approved_by=None, seq=0, evidence_due_at=NOW)
    )
    assert [(f["decision"], f["decided_by"], f["decided_at"], f["audit_log"]) for f in await rows(owner)] == [
        ("pending", None, None, []),
        ("pending", None, None, []),
    ]


async def test_an_approval_taken_back_reads_pending_and_lives_on_in_the_audit(owner: asyncpg.Connection) -> None:
    await row.insert(owner, "patch", row.pending(seq=2))
    await row.insert(owner, "decision", row.decision())
    later = NOW + timedelta(hours=1)
    await row.insert(owner, "decision", row.decision(seq=2, decision="revoked", valid_until=None, decided_at=later))
    (found,) = await rows(owner)
    assert (found["decision"], found["decided_by"]) == ("pending", None)
    assert [entry["action"] for entry in found["audit_log"]] == ["approved", "revoked"]


async def test_a_closed_round_keeps_its_own_row_and_audit(owner: asyncpg.Connection) -> None:
    await row.insert(owner, "patch", row.pending(round=2, seq=1, patch_digest=OTHER_DIFF))
    await row.insert(owner, "decision", row.decision(decision="expired", valid_until=None))
    closed = {
        "patch_id": "p-1",
        "round": 1,
        "id": 10**6,
        "apv_id": "apv-1",
        "state": "expired",
        "seq": 1,
        "patch_digest": DIFF,
    }
    closed |= {
        "evidence_digest": EVIDENCE,
        "policy_version": 1,
        "received_at": NOW,
        "synthetic": False,
        "sampled": False,
    }
    await row.insert(owner, "round_closed", closed | {"closed_at": NOW})
    await act(owner, "review_opened", after=9, round=2)
    first, second = await rows(owner)
    assert (first["round"], first["decision"], first["decided_by"], first["id"]) == (1, "expired", "policy", 10**6)
    assert (second["round"], second["decision"]) == (2, "pending")
    assert [entry["action"] for entry in first["audit_log"]] == ["expired"]
    assert [entry["action"] for entry in second["audit_log"]] == ["review_opened"]


async def test_audit_entries_say_everything_and_stand_in_order(owner: asyncpg.Connection) -> None:
    await row.insert(owner, "patch", row.patch(approved_by="human"))
    await act(
        owner,
        "commented",
        after=-1,
        actor="bob",
        role="reviewer",
        justification="why?",
        request_id="r-1",
        detail='{"a": 1}',
    )
    await act(owner, "review_opened", after=-2)
    await row.insert(owner, "decision", row.by_person(comment="fine", role="approver", token_id="t", request_id="r-2"))
    (found,) = await rows(owner)
    opened, commented, approved = found["audit_log"]
    assert [opened["action"], opened["actor"]] == ["review_opened", "policy"]
    assert commented["detail"] == {"a": 1}
    assert {
        key: approved[key]
        for key in ("actor", "role", "token_id", "action", "patch_id", "round", "seq", "justification")
    } == {
        "actor": "ann",
        "role": "approver",
        "token_id": "t",
        "action": "approved",
        "patch_id": "p-1",
        "round": 1,
        "seq": 1,
        "justification": "fine",
    }
    assert (approved["patch_digest"], approved["policy_version"], approved["request_id"]) == (
        f"sha256:{DIFF.hex()}",
        1,
        "r-2",
    )
    assert approved["detail"]["approvers"] == ["ann"]
