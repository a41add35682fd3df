"""Writes what a transaction leaves behind: what came in, what follows from it, the outbox last.

Much goes in by COPY, a little as JSON in two statements, which saves a round trip for every table. Rows are sorted by key
and tables always come in the same order, so that two transactions inserting the same new keys wait for each other instead
of deadlocking. The outbox comes last: by then every patch it speaks of is locked or new.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

import orjson
from asyncpg import Connection

from hitl_stream.contract.digest import decision_id, review_id
from hitl_stream.contract.encode import DecisionEvent, reasons_json
from hitl_stream.contract.record import Message
from hitl_stream.review.state import Action, Closed, Patch, Review, State, Step
from hitl_stream.store import outbox, statement

# Above either, COPY is faster than JSON.
SMALL_ROWS = 32
SMALL_BYTES = 256 * 1024

Row = tuple[Any, ...]

COLUMNS: dict[str, tuple[str, ...]] = {
    "patch": (
        "patch_id", "apv_id", "cve_id", "home", "round", "state", "approved_by", "seq", "version", "patch_digest",
        "evidence_digest", "severity", "risk", "ml_confidence", "ml_prediction", "policy_version", "reasons", "received_at",
        "changed_at", "evidence_due_at", "opened_at", "expires_at", "detected_at", "synthetic", "sampled",
    ),
    "event_seen": ("source", "event_id", "payload_sha256", "seen_at"),
    "evidence": (
        "patch_id", "source", "event_id", "round", "topic", "partition", "record_offset", "patch_digest",
        "payload_sha256", "payload", "received_at", "traceparent", "author",
    ),
    "outcome": (
        "patch_id", "source", "event_id", "topic", "partition", "record_offset", "decision_id", "patch_digest", "outcome",
        "detail", "observed_at", "received_at", "unapproved", "payload_sha256", "payload", "traceparent",
    ),
    "decision": (
        "patch_id", "seq", "round", "decision_id", "apv_id", "cve_id", "decision", "comment", "reasons",
        "policy_version", "patch_digest", "evidence_digest", "ml_confidence", "ml_prediction", "decided_at",
        "valid_until", "deployed", "synthetic",
    ),
    "action": (
        "at", "actor", "role", "token_id", "action", "patch_id", "round", "seq", "patch_digest", "evidence_digest",
        "policy_version", "justification", "request_id", "detail",
    ),
    "dead_letter": (
        "cluster_id", "topic", "partition", "record_offset", "record_key", "record_value", "headers", "error", "reason", "at",
    ),
    "review": (
        "patch_id", "round", "review_id", "opened_at", "source", "author", "package", "ecosystem", "language", "strategy",
        "cwe_ids", "summary",
    ),
    "outbox": ("shard", "messages"),
}  # fmt: skip
# What the statements take, in the order of their parameters.
STATEMENTS = {
    "write_arrivals": ("patch", "evidence", "outcome", "event_seen", "dead_letter"),
    "write_consequences": ("decision", "action", "review", "outbox"),
}


async def write(
    conn: Connection,
    steps: Sequence[Step],
    messages: Iterable[tuple[int, Message]],
    arrived: Mapping[str, Sequence[Row]] = MappingProxyType({}),
    new_patch_ids: Collection[str] = (),
) -> None:
    """Write everything the steps left behind, their messages with the shard of each, and rows of what arrived.

    Steps of one patch share its row; the row is written once, as the last step left it. A unique violation surfaces as
    asyncpg's.
    """
    patches = {step.patch.patch_id: step.patch for step in steps if step.patch is not None and step.changed}
    # Who lets an apv_id go is written before who takes it over: the unique index looks at every row at once.
    ordered = sorted(patches.values(), key=lambda patch: (patch.state is State.APPROVED, patch.patch_id))
    closed = [_closed_row(c) for step in steps for c in step.closed]
    if closed:
        await conn.executemany(statement.get("insert_round_closed"), closed)
    changed = [_update_row(p) for p in ordered if p.patch_id not in new_patch_ids]
    if changed:
        await conn.executemany(statement.get("update_patch"), changed)
    tables = {
        **arrived,
        "patch": [_patch_row(p) for p in ordered if p.patch_id in new_patch_ids],
        "decision": [_decision_row(d) for step in steps for d in step.decisions],
        "action": [_action_row(a) for step in steps for a in step.actions],
        # Written by an upsert, which may meet a row only once; of a round opened twice the last counts.
        "review": [*{(r.patch_id, r.round): _review_row(r) for step in steps for r in step.reviews}.values()],
        "outbox": _outbox_rows(messages),
    }
    await (_write_little if _is_little(tables) else _write_much)(conn, tables)


def _is_little(tables: Mapping[str, Sequence[Row]]) -> bool:
    if any(len(rows) > SMALL_ROWS for rows in tables.values()):
        return False
    outgoing = sum(len(part or b"") for _, parts in tables["outbox"] for part in parts)
    arrived = sum(len(value) for rows in tables.values() for row in rows for value in row if type(value) is bytes)
    return outgoing + arrived <= SMALL_BYTES


async def _write_little(conn: Connection, tables: Mapping[str, Sequence[Row]]) -> None:
    for name, taken in STATEMENTS.items():
        if any(tables.get(table) for table in taken):
            await conn.execute(statement.get(name), *(_as_json(table, tables.get(table, ())) for table in taken))


async def _write_much(conn: Connection, tables: Mapping[str, Sequence[Row]]) -> None:
    for table in (*STATEMENTS["write_arrivals"], "decision", "action"):
        if rows := tables.get(table):
            await conn.copy_records_to_table(table, records=rows, columns=COLUMNS[table])
    if tables["review"]:  # COPY knows no upsert
        await conn.execute(statement.get("write_consequences"), "[]", "[]", _as_json("review", tables["review"]), "[]")
    if tables["outbox"]:
        await conn.executemany(statement.get("write_outbox"), tables["outbox"])


def _as_json(table: str, rows: Sequence[Row]) -> str:
    """Rows as json_populate_recordset reads them."""
    if not rows:
        return "[]"
    columns = COLUMNS[table]
    return orjson.dumps([dict(zip(columns, row, strict=True)) for row in rows], default=_hexadecimal).decode()


def _hexadecimal(value: bytes) -> str:
    """A bytea as Postgres reads it."""
    return f"\\x{value.hex()}"


def _outbox_rows(messages: Iterable[tuple[int, Message]]) -> list[Row]:
    """Messages on their shards, in the order given; the caller holds the lock of every patch they speak of."""
    shards: dict[int, list[Message]] = {}
    for shard, message in messages:
        shards.setdefault(shard, []).append(message)
    return [(shard, packed) for shard in sorted(shards) for packed in outbox.pack(shards[shard])]


def step_messages(steps: Iterable[Step]) -> Iterable[tuple[int, Message]]:
    """The messages of steps with the shard each goes to: the patch's home."""
    for step in steps:
        if step.patch is not None:
            for message in step.messages:
                yield step.patch.home, message


def dead_letter_row(
    cluster_id: str,
    place: tuple[str, int, int],
    record: tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes | None]]],
    failure: tuple[str, str],
    at: datetime,
) -> Row:
    """A row of `dead_letter`: place is (topic, partition, offset), record (key, value, headers), failure (error, reason)."""
    key, value, headers = record
    return (cluster_id, *place, key, value, outbox.pack_headers(headers).decode(), *failure, at)


def _patch_row(p: Patch) -> Row:
    return (
        p.patch_id, p.apv_id, p.cve_id, p.home, p.round, p.state, p.approved_by, p.seq, p.version, p.patch_digest,
        p.evidence_digest, p.severity, p.risk, p.ml_confidence, p.ml_prediction, p.policy_version, p.reasons,
        p.received_at, p.changed_at, p.evidence_due_at, p.opened_at, p.expires_at, p.detected_at, p.synthetic, p.sampled,
    )  # fmt: skip


def _update_row(p: Patch) -> Row:
    return (
        p.patch_id, p.cve_id, p.round, p.state, p.approved_by, p.seq, p.version, p.patch_digest, p.evidence_digest,
        p.severity, p.risk, p.ml_confidence, p.ml_prediction, p.policy_version, p.reasons, p.changed_at,
        p.evidence_due_at, p.opened_at, p.expires_at, p.detected_at, p.synthetic, p.sampled,
    )  # fmt: skip


def _closed_row(closed: Closed) -> Row:
    p = closed.patch
    return (
        p.patch_id, p.round, p.id, p.apv_id, p.cve_id, p.state, p.seq, p.patch_digest, p.evidence_digest, p.severity,
        p.risk, p.ml_confidence, p.ml_prediction, p.policy_version, p.reasons, p.received_at, p.opened_at, p.synthetic,
        p.sampled, closed.closed_at,
    )  # fmt: skip


def _decision_row(d: DecisionEvent) -> Row:
    return (
        d.patch_id, d.seq, d.round, decision_id(d.patch_id, d.round, d.seq), d.apv_id, d.cve_id, d.decision, d.comment,
        reasons_json(d.reasons), d.policy_version, d.patch_digest, d.evidence_digest, d.ml_confidence, d.ml_prediction,
        d.decided_at, d.valid_until, d.deployed, d.synthetic,
    )  # fmt: skip


def _review_row(r: Review) -> Row:
    card = r.card
    return (
        r.patch_id, r.round, review_id(r.patch_id, r.round, r.seq), r.opened_at, r.source, r.author, card.package,
        card.ecosystem, card.language, card.strategy, list(card.cwe_ids), card.summary,
    )  # fmt: skip


def _action_row(a: Action) -> Row:
    return (
        a.at, a.actor, a.role, a.token_id, a.action, a.patch_id, a.round, a.seq, a.patch_digest, a.evidence_digest,
        a.policy_version, a.justification, a.request_id, a.detail,
    )  # fmt: skip
