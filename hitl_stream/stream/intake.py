"""Records what has arrived: at most two transactions under way, a partition's own always in order.

A dependency that is away is waited for with the same records; nothing is skipped, and nothing is asked for twice a moment.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from hitl_stream.errors import PositionLost, Unavailable
from hitl_stream.observe import log, metrics, tracing
from hitl_stream.store.batch import Recorded, Remark, Span
from hitl_stream.store.position import Claim
from hitl_stream.stream.backoff import Backoff
from hitl_stream.stream.breaker import Breakers
from hitl_stream.stream.inbox import Batch, Inbox

UNDER_WAY_MAX = 2

Record = Callable[[Sequence[Span]], Awaitable[Recorded]]


@dataclass(slots=True)
class Intake:
    """`recorders` says how each topic is recorded, `lost` is told of positions that had moved."""

    inbox: Inbox
    recorders: Mapping[str, Record]
    lost: Callable[[Sequence[Claim]], None]
    committed: Callable[[], None]
    breakers: Breakers
    progress_at: float = field(default_factory=time.monotonic)

    async def run(self) -> None:
        """Record until the inbox is shut. Raises Fatal, or the bug that ended it, in a group."""
        async with asyncio.TaskGroup() as slots:
            for _ in range(UNDER_WAY_MAX):
                slots.create_task(self._slot())

    async def _slot(self) -> None:
        while (batch := await self.inbox.take()) is not None:
            recorded, began_ns = None, time.time_ns()
            try:
                recorded = await self._record(batch)
            finally:
                self.inbox.done(batch, recorded=recorded is not None)
            self.progress_at = time.monotonic()
            if recorded is None:
                self.lost(batch.claims)
            else:
                _trace(recorded, began_ns)

    async def _record(self, batch: Batch) -> Recorded | None:
        """What was recorded; None when positions have to be looked up first."""
        record = self.recorders[batch.topic]
        backoff = Backoff()
        while all(self.inbox.holds(claim) for claim in batch.claims):
            started = time.monotonic()
            try:
                recorded = await record(batch.spans)
            except PositionLost as failure:
                if not await _those_before(batch):
                    log.get().info("batch_refused", topic=batch.topic, reason=str(failure))
                    return None
            except Unavailable as failure:
                self.breakers.failed(failure)
                await backoff.wait()
            else:
                self.breakers.postgres.worked()
                self.committed()
                _count(batch, recorded, time.monotonic() - started)
                return recorded
        return None


async def _those_before(batch: Batch) -> bool:
    """Wait for the transactions that had to commit first; whether there were any."""
    waiting = [earlier for earlier in batch.behind if not earlier.done.is_set()]
    for earlier in waiting:
        await earlier.done.wait()
    behind, batch.behind = bool(batch.behind), []
    return behind


def _count(batch: Batch, recorded: Recorded, took_s: float) -> None:
    metrics.BATCH_RECORDS.observe(batch.records)
    metrics.BATCH_SECONDS.observe(took_s)
    metrics.POLICY_VERSION.set(recorded.policy_version)
    now_ms = recorded.now.timestamp() * 1000
    for span in batch.spans:
        if span.records:  # the oldest of each span: one figure a batch and partition, the worst there
            metrics.END_TO_END_SECONDS.observe(max(0.0, now_ms - span.records[0].timestamp) / 1000)
    for fate, count in recorded.fates.items():
        metrics.count_records(batch.topic, fate, count)
    if approved := recorded.fates.get("approved", 0):
        metrics.count_approvals(approved)
    for reason, count in recorded.reasons.items():
        metrics.count_reason(reason, count)
    metrics.KEY_MISMATCHES.inc(recorded.key_mismatches)
    metrics.ODD_TIMES.inc(recorded.odd_times)
    said = log.get(policy_version=recorded.policy_version)
    for remark in recorded.alarms:
        metrics.UNAPPROVED_DEPLOYMENTS.inc()
        said.error(remark.reason, **_fields(remark._replace(reason="")))
    for remark in recorded.refused:
        said.warning("record_refused", **_fields(remark))


def _trace(recorded: Recorded, began_ns: int) -> None:
    """From when its batch was taken until it was committed."""
    for one in recorded.traced:
        attributes: dict[str, str | int] = {
            "messaging.system": "kafka",
            "messaging.operation.type": "process",
            "messaging.destination.name": one.topic,
            "messaging.destination.partition.id": str(one.partition),
            "messaging.kafka.offset": one.offset,
            "hitl.policy_version": recorded.policy_version,
        }
        if one.error:
            attributes["error.type"] = one.error
        else:
            attributes |= {"cloudevents.event_id": one.event_id, "hitl.patch_id": one.patch_id}
        name = f"process {one.topic}"
        tracing.end(name, "consumer", one.traceparent, began_ns, attributes, failed=bool(one.error))


def _fields(remark: Remark) -> dict[str, object]:
    return {name: value for name, value in remark._asdict().items() if value not in ("", None)}
