"""One transaction per batch: move the position, look, decide, write. The heart of the product.

Everything is evaluated after its patch row was locked; what was decided before is never decided again. Either all
records of the batch have their fate recorded, with the position behind them, or nothing happened.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from asyncpg import Connection
from asyncpg.exceptions import UniqueViolationError

from hitl_stream.contract.decode import decode_outcome, decode_result
from hitl_stream.contract.fact import Outcome, Result
from hitl_stream.contract.record import Record
from hitl_stream.errors import Defect, PositionLost, Unavailable
from hitl_stream.policy.document import PolicyDocument
from hitl_stream.store import batch, policy, statement
from hitl_stream.store.batch import Decoded, Recorded, Span, Traced
from hitl_stream.store.database import Database
from hitl_stream.store.ledger import Failing, OutcomeLedger, ResultLedger
from hitl_stream.store.surroundings import Surroundings, TooMuchEvidence

ATTEMPTS_MAX = 8


class Mode(NamedTuple):
    """How one attempt is made: whether policy may approve, and how far back identities are looked for."""

    auto_approve: bool
    thorough: bool


@dataclass(slots=True)
class Recorder:
    """Records batches for one process. `auto_approve` is this process's own switch; off beats on. `wants_trace` says of a
    `traceparent` whether somebody wants to know."""

    database: Database
    cluster_id: str
    auto_approve: bool = True
    wants_trace: Callable[[str | None], bool] = lambda _: False
    _policies: dict[int, PolicyDocument] = field(default_factory=dict)

    async def record_results(self, spans: Sequence[Span]) -> Recorded:
        """Record wargaming results. Raises PositionLost (seek again), Unavailable (try again), Fatal."""
        return await self._record(spans, decode_result, self._results)

    async def record_outcomes(self, spans: Sequence[Span]) -> Recorded:
        """Record what Eureka reports. Raises PositionLost (seek again), Unavailable (try again), Fatal."""
        return await self._record(spans, decode_outcome, self._outcomes)

    async def _record(
        self,
        spans: Sequence[Span],
        decoder: Callable[[Record], batch.Event],
        write: Callable[[Connection, Sequence[Decoded[batch.Event]], Recorded, Mode], Awaitable[None]],
    ) -> Recorded:
        """In one transaction, or in several where there is too much to look at."""
        try:
            return await self._record_at_once(spans, decoder, write)
        except TooMuchEvidence:
            first, second = batch.halves(spans)
        recorded = await self._record(first, decoder, write)
        recorded += await self._record(second, decoder, write)
        return recorded

    async def _record_at_once(
        self,
        spans: Sequence[Span],
        decoder: Callable[[Record], batch.Event],
        write: Callable[[Connection, Sequence[Decoded[batch.Event]], Recorded, Mode], Awaitable[None]],
    ) -> Recorded:
        """Run the transaction, again after a lost race for a new key and without a record that pure code fails on.

        Raises TooMuchEvidence.
        """
        defects: dict[tuple[str, int, int], Defect] = {}
        decoded: list[Decoded[batch.Event]] = batch.decode(spans, decoder, defects)
        thorough = False
        for _ in range(ATTEMPTS_MAX + sum(len(span.records) for span in spans)):
            try:
                async with self.database.transaction(first="share_policy_lock") as conn:
                    recorded, auto_approve = await self._move(conn, spans)
                    await write(conn, decoded, recorded, Mode(auto_approve, thorough))
                recorded.traced = [*self._traced(decoded)]
                return recorded
            except UniqueViolationError:
                # Another transaction inserted the key first, and now it can be seen; or it is of an event that was applied
                # longer ago than identities are kept.
                thorough = True
            except Failing as failing:
                defects[failing.place] = failing.defect
                decoded = batch.decode(spans, decoder, defects)
        raise Unavailable("lost the race for a new key too often")

    def _traced(self, decoded: Sequence[Decoded[batch.Event]]) -> Iterator[Traced]:
        for one in decoded:
            event = one.event
            traceparent = _header(one.record) if event is None else event.traceparent
            if traceparent is None or not self.wants_trace(traceparent):
                continue
            if event is None:
                yield Traced(traceparent, *batch.place(one.record), "", "", type(one.failure).__name__)
            else:
                yield Traced(traceparent, *batch.place(one.record), event.event_id, event.patch_id)

    async def _move(self, conn: Connection, spans: Sequence[Span]) -> tuple[Recorded, bool]:
        """Take the positions, behind the policy lock: the statement's answer is the batch's only clock."""
        rows = await conn.fetch(
            statement.get("move_positions"),
            self.cluster_id,
            [span.topic for span in spans],
            [span.partition for span in spans],
            [span.first_offset for span in spans],
            [span.next_offset for span in spans],
            [span.epoch for span in spans],
        )
        if len(rows) != len(spans):
            raise PositionLost(f"{len(spans) - len(rows)} of {len(spans)} positions were moved by another owner")
        auto_approve = self.auto_approve and rows[0]["auto_approve"]
        return Recorded(max(row["now"] for row in rows), rows[0]["active_version"]), auto_approve

    async def _results(
        self, conn: Connection, decoded: Sequence[Decoded[Result]], recorded: Recorded, mode: Mode
    ) -> None:
        document = await self._policy(conn, recorded.policy_version)
        around = Surroundings(recorded.now, document, mode.auto_approve)
        ledger = ResultLedger(self.cluster_id, recorded, mode.thorough, around=around)
        await ledger.read(conn, decoded)
        ledger.apply(decoded)
        await ledger.write(conn)

    async def _outcomes(
        self, conn: Connection, decoded: Sequence[Decoded[Outcome]], recorded: Recorded, mode: Mode
    ) -> None:
        ledger = OutcomeLedger(self.cluster_id, recorded, mode.thorough)
        await ledger.read(conn, decoded)
        ledger.apply(decoded)
        await ledger.write(conn)

    async def _policy(self, conn: Connection, version: int) -> PolicyDocument:
        """The document of a version; it never changes, so it is read once."""
        document = self._policies.get(version)
        if document is None:
            document = await policy.read(conn, version)
            self._policies[version] = document
        return document


def _header(record: Record) -> str | None:
    """The trace of a record that could not be read."""
    sent = dict(record.headers)
    value = sent.get("ce_traceparent") or sent.get("traceparent")
    return None if value is None else value.decode("ascii", "replace")
