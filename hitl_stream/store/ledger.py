"""What one batch finds in the database and what it leaves there, record by record, in order.

A ledger reads everything the batch touches at once, applies each record in memory exactly as if it had come alone, and
writes the sum. Identity is settled first: a known (source, id) never reaches the life of a patch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from asyncpg import Connection

from hitl_stream.contract import content, encode
from hitl_stream.contract.fact import Outcome, Result
from hitl_stream.contract.record import Message
from hitl_stream.errors import BadRecord, Conflict, Defect
from hitl_stream.review import lifecycle
from hitl_stream.review import outcome as outcome_report
from hitl_stream.review.lifecycle import RoundFull
from hitl_stream.review.state import Patch, State, Step
from hitl_stream.store import batch, outbox, statement, surroundings, writing
from hitl_stream.store.batch import Decoded, Recorded, Remark
from hitl_stream.store.surroundings import Surroundings

Identity = tuple[str, str]
Key = tuple[str, str, str]

COMPARED_AT_ONCE = 32  # stored payloads that are held in memory together; each may have most of a megabyte


class Failing(Exception):
    """Pure code failed on one record: roll back and treat that record as bad."""

    def __init__(self, place: tuple[str, int, int], defect: Defect) -> None:
        super().__init__(str(defect))
        self.place = place
        self.defect = defect


@dataclass(slots=True)
class _Ledger:
    """`thorough`: look for events beyond the time for which identities are kept; after a key was there already.

    `seen` holds the payload's digest of every identity. Equal payloads say the same; only where they differ are they read
    again: `same` are pairs of digests, the stored and a new one, that say the same; `payloads` is what is new in this batch.
    """

    kind: ClassVar[str]
    cluster_id: str
    recorded: Recorded
    thorough: bool = False
    seen: dict[Identity, bytes] = field(default_factory=dict)
    same: set[tuple[bytes, bytes]] = field(default_factory=set)
    payloads: dict[bytes, bytes] = field(default_factory=dict)
    values: dict[bytes, Any] = field(default_factory=dict)
    patches: dict[str, Patch] = field(default_factory=dict)
    seen_rows: list[writing.Row] = field(default_factory=list)
    dead_rows: list[writing.Row] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    messages: list[tuple[int, Message]] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        return self.recorded.now

    async def _read_seen(self, conn: Connection, events: Sequence[Result] | Sequence[Outcome]) -> None:
        rows = await conn.fetch(statement.get("seen_events"), [e.source for e in events], [e.event_id for e in events])
        self.seen = {(row["source"], row["event_id"]): row["payload_sha256"] for row in rows}
        if not (rows or self.thorough):
            return
        unsettled: dict[Key, list[Result | Outcome]] = {}
        for event in events:
            if self._is_unsettled(event):
                unsettled.setdefault((event.patch_id, event.source, event.event_id), []).append(event)
        keys = list(unsettled)
        for start in range(0, len(keys), COMPARED_AT_ONCE):
            await self._read_applied(conn, keys[start : start + COMPARED_AT_ONCE], unsettled)

    def _is_unsettled(self, event: Result | Outcome) -> bool:
        """Whether what is stored of the event decides what it is."""
        known = self.seen.get((event.source, event.event_id))
        return self.thorough if known is None else known != event.payload_sha256

    async def _read_applied(
        self, conn: Connection, keys: Sequence[Key], events: Mapping[Key, Sequence[Result | Outcome]]
    ) -> None:
        for row in await conn.fetch(statement.get("applied_events"), *map(list, zip(*keys, strict=True))):
            identity, stored = (row["source"], row["event_id"]), row["payload_sha256"]
            if identity not in self.seen:
                if row["kind"] != self.kind:
                    continue  # forgotten, as an event of the other topic is
                self.seen[identity] = stored
            if row["payload"] is not None:
                others = {e.payload_sha256: e.payload for e in events[row["patch_id"], *identity]}
                others.pop(stored, None)
                value = content.read(row["payload"]) if others else None
                self.same |= {
                    (stored, sha) for sha, other in others.items() if content.is_same(value, content.read(other))
                }

    def _is_new(self, item: Decoded[Result] | Decoded[Outcome]) -> bool:
        """Settle identity: bad records, duplicates and conflicts end here."""
        event = item.event
        if event is None:
            assert item.failure is not None  # noqa: S101 - one of both is always set
            self._refuse(item, item.failure)
            return False
        self.recorded.key_mismatches += event.key_differs
        self.recorded.odd_times += event.odd_time
        known = self.seen.get((event.source, event.event_id))
        if known is None:
            self.seen[event.source, event.event_id] = event.payload_sha256
            self.payloads[event.payload_sha256] = event.payload
            self.seen_rows.append((event.source, event.event_id, event.payload_sha256, self.now))
            return True
        if known == event.payload_sha256 or self._says_the_same(known, event):
            self.recorded.fates["duplicate"] += 1
        else:
            self._refuse(item, Conflict(f"id {event.event_id} of {event.source} was seen before with other content"))
        return False

    def _forget(self, event: Result | Outcome) -> None:
        """What `_is_new` noted of it."""
        del self.seen[event.source, event.event_id]
        self.seen_rows.pop()

    def _says_the_same(self, known: bytes, event: Result | Outcome) -> bool:
        """Whether a payload that differs from the known one is the same JSON value."""
        if (known, event.payload_sha256) in self.same:
            return True
        if known not in self.payloads:
            return False
        if known not in self.values:
            self.values[known] = content.read(self.payloads[known])
        return content.is_same(self.values[known], content.read(event.payload))

    def _refuse(self, item: Decoded[Result] | Decoded[Outcome], failure: BadRecord) -> None:
        record = item.record
        self.dead_rows.append(
            writing.dead_letter_row(
                self.cluster_id,
                batch.place(record),
                (record.key, record.value, record.headers),
                (failure.kind, failure.reason),
                self.now,
            )
        )
        message = encode.dead_letter_message(record, failure.kind, failure.reason, self.now)
        self.messages.append((outbox.letter_shard(record.partition), message))
        self.recorded.fates[failure.kind] += 1
        self.recorded.refused.append(_remark(item, failure.reason, failure.kind))

    def _keep(self, item: Decoded[Result] | Decoded[Outcome], step: Step) -> None:
        self._take(item, step)
        self.recorded.fates[step.fate] += 1

    def _take(self, item: Decoded[Result] | Decoded[Outcome], step: Step) -> None:
        self.steps.append(step)
        self.messages.extend(writing.step_messages((step,)))
        for event in step.opened:
            self.recorded.reasons.update(row[0] for row in event.reasons)
        if step.alarm:
            self.recorded.alarms.append(_remark(item, step.alarm))

    def _arrived(self, **rows: Sequence[writing.Row]) -> dict[str, Sequence[writing.Row]]:
        """Rows of what came in, by table."""
        return {**rows, "event_seen": sorted(self.seen_rows), "dead_letter": self.dead_rows}


@dataclass(slots=True)
class ResultLedger(_Ledger):
    """A batch of wargaming results."""

    kind: ClassVar[str] = "result"
    around: Surroundings = field(kw_only=True)
    new_patch_ids: set[str] = field(default_factory=set)
    other_apvs: set[tuple[str, str]] = field(default_factory=set)
    evidence_rows: list[writing.Row] = field(default_factory=list)

    async def read(self, conn: Connection, decoded: Sequence[Decoded[Result]]) -> None:
        """Look up identities, lock the patches, read what bears on the verdicts: in this order."""
        events = [item.event for item in decoded if item.event is not None]
        if not events:
            return
        await self._read_seen(conn, events)
        fresh = [e for e in events if (e.source, e.event_id) not in self.seen]
        if not fresh:
            return
        self.patches = await surroundings.lock_patches(conn, {e.patch_id for e in fresh})
        digests = {e.patch_digest for e in fresh if e.patch_digest is not None}
        await self.around.read(conn, self.patches, {e.apv_id for e in fresh}, digests)

    def apply(self, decoded: Sequence[Decoded[Result]]) -> None:
        """Give every record its fate, in order."""
        for item in decoded:
            if self._is_new(item):
                assert item.event is not None  # noqa: S101 - _is_new says so
                try:
                    self._receive(item, item.event)
                except RoundFull as refusal:
                    self._overfill(item, item.event, refusal)
                except Exception as bug:
                    raise Failing(batch.place(item.record), Defect(batch.describe(bug))) from bug

    def _overfill(self, item: Decoded[Result], result: Result, refusal: RoundFull) -> None:
        """A dead letter, as if it had not been seen: it can come again."""
        self._forget(result)
        self._refuse(item, refusal)
        if refusal.step is not None:
            self._take(item, refusal.step)

    def _receive(self, item: Decoded[Result], result: Result) -> None:
        record, patch = item.record, self.patches.get(result.patch_id)
        if patch is None:
            self.new_patch_ids.add(result.patch_id)
            situation = self.around.of_new(result, record.partition)
        else:
            situation = self.around.of(patch, result)
        step = lifecycle.receive(patch, result, situation)
        if step.patch is not None:
            self.patches[result.patch_id] = step.patch
            if result.apv_id != step.patch.apv_id:
                self.other_apvs.add((result.apv_id, result.patch_id))
        self.around.follow(step, result)
        self.evidence_rows.append(
            (
                result.patch_id, result.source, result.event_id, step.round, record.topic, record.partition,
                record.offset, result.patch_digest, result.payload_sha256, result.payload, self.now, result.traceparent,
                result.author or "",
            )
        )  # fmt: skip
        self._keep(item, step)

    async def write(self, conn: Connection) -> None:
        """Write the sum of the batch."""
        arrived = self._arrived(evidence=self.evidence_rows)
        await writing.write(conn, self.steps, self.messages, arrived, self.new_patch_ids)
        if self.other_apvs:
            await conn.executemany(statement.get("insert_other_apv"), sorted(self.other_apvs))


@dataclass(slots=True)
class OutcomeLedger(_Ledger):
    """A batch of what Eureka reports."""

    kind: ClassVar[str] = "outcome"
    approvals: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    outcome_rows: list[writing.Row] = field(default_factory=list)

    async def read(self, conn: Connection, decoded: Sequence[Decoded[Outcome]]) -> None:
        """Look up identities, lock the patches, read what each stands on."""
        events = [item.event for item in decoded if item.event is not None]
        if not events:
            return
        await self._read_seen(conn, events)
        self.patches = await surroundings.lock_patches(conn, {e.patch_id for e in events})
        approved = [p.patch_id for p in self.patches.values() if p.state is State.APPROVED]
        if approved:
            for row in await conn.fetch(statement.get("standing_approvals"), approved):
                self.approvals[row["patch_id"]] = (str(row["decision_id"]), row["valid_until"])

    def apply(self, decoded: Sequence[Decoded[Outcome]]) -> None:
        """Give every record its fate, in order."""
        for item in decoded:
            if self._is_new(item):
                assert item.event is not None  # noqa: S101 - _is_new says so
                try:
                    self._report(item, item.event)
                except Exception as bug:
                    raise Failing(batch.place(item.record), Defect(batch.describe(bug))) from bug

    def _report(self, item: Decoded[Outcome], outcome: Outcome) -> None:
        decision_id, valid_until = self.approvals.get(outcome.patch_id, (None, None))
        step = outcome_report.report(self.patches.get(outcome.patch_id), outcome, valid_until, decision_id, self.now)
        record = item.record
        self.outcome_rows.append(
            (
                outcome.patch_id, outcome.source, outcome.event_id, record.topic, record.partition, record.offset,
                outcome.decision_id, outcome.patch_digest, outcome.outcome, outcome.detail, outcome.observed_at, self.now,
                step.alarm is not None, outcome.payload_sha256, outcome.payload, outcome.traceparent,
            )
        )  # fmt: skip
        self._keep(item, step)

    async def write(self, conn: Connection) -> None:
        """Write the sum of the batch."""
        await writing.write(conn, self.steps, self.messages, self._arrived(outcome=self.outcome_rows))


def _remark(item: Decoded[Result] | Decoded[Outcome], reason: str, error: str | None = None) -> Remark:
    event = item.event
    event_id, patch_id = (event.event_id, event.patch_id) if event else ("", "")
    return Remark(*batch.place(item.record), event_id, patch_id, reason, error)
