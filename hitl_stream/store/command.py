"""A person's decision: state, audit and message in one transaction, on exactly the version that the person saw."""

from __future__ import annotations

from asyncpg import Connection

from hitl_stream.contract.digest import decision_id
from hitl_stream.contract.encode import DecisionEvent, reasons_json
from hitl_stream.errors import Refused
from hitl_stream.review import command
from hitl_stream.review.command import Command, Stale
from hitl_stream.review.state import Step
from hitl_stream.store import outbox, policy, statement
from hitl_stream.store.surroundings import read_patch


class UnknownPatch(Refused):
    """There is no such patch."""


async def decide(conn: Connection, patch_id: str, wanted: Command, request_id: str | None = None) -> DecisionEvent:
    """Approve or reject. Raises UnknownPatch, command.Stale, command.Taken or command.Unbound; nothing happened then."""
    async with conn.transaction():
        row = await conn.fetchrow(statement.get("lock_patch_for_person"), patch_id)
        if row is None:
            raise UnknownPatch()
        now = await policy.current(conn)
        step = command.decide(read_patch(row), wanted, now.policy, now.now)
        await _write(conn, step, wanted.version, request_id)
    return step.decisions[0]


async def _write(conn: Connection, step: Step, seen_version: int, request_id: str | None) -> None:
    patch, event = step.patch, step.decisions[0]
    assert patch is not None  # noqa: S101 - a person decides on a row
    changed = await conn.execute(
        statement.get("close_by_person"),
        patch.patch_id,
        seen_version,
        patch.state,
        patch.approved_by,
        patch.seq,
        patch.version,
        patch.changed_at,
    )
    if changed != "UPDATE 1":
        raise Stale()
    await conn.execute(
        statement.get("insert_human_decision"),
        *(event.patch_id, event.seq, event.round, decision_id(event.patch_id, event.round, event.seq), event.apv_id),
        *(event.cve_id, event.decision, event.decided_by, list(event.approvers), event.comment),
        *(reasons_json(event.reasons), list(event.reject_reasons), event.policy_version, event.patch_digest),
        *(event.evidence_digest, event.ml_confidence, event.ml_prediction, event.decided_at, event.valid_until),
        *(event.synthetic, "reviewer", request_id),
    )
    for packed in outbox.pack(step.messages):
        await conn.execute(statement.get("write_outbox_for_person"), patch.home, packed)
