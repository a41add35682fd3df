"""What was kept long enough goes: answers, payloads of evidence, identities of events, in the end patches and audit.

Identities are kept for twice the retention of the topics that events come from, so that nothing which can still be read
again is taken for new.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from hitl_stream.contract.topics import Topics
from hitl_stream.duties.duty import Duty
from hitl_stream.store import process, retention
from hitl_stream.store.database import Connection

EVIDENCE_KEPT = timedelta(days=366)
AUDIT_KEPT = timedelta(days=7 * 366)
CHANGES_KEPT = timedelta(hours=1)
ANSWERS_KEPT = timedelta(hours=24)
SEEN_FOREVER = timedelta(days=100 * 366)
SEEN_TOPIC_RETENTIONS = 2
EVERY_S = 600.0
DEADLINE_S = 300.0
ROWS_MAX = 2_000

Take = Callable[[Connection, timedelta, int], Awaitable[int]]


def duties(topics: Topics) -> list[Duty]:
    """One duty for each thing that is kept for a time."""
    return [
        _duty("evidence_retention", retention.retire_evidence, EVIDENCE_KEPT),
        _duty("identity_retention", retention.forget_seen, seen_kept(topics)),
        _duty("audit_retention", retention.forget_patches, AUDIT_KEPT),
        _duty("answer_retention", retention.forget_answers, ANSWERS_KEPT),
        _duty("change_retention", retention.forget_changes, CHANGES_KEPT),
        Duty("process_sweep", EVERY_S, DEADLINE_S, _sweep),
    ]


def seen_kept(topics: Topics) -> timedelta:
    """How long identities of events are kept: for ever if a topic keeps its records for ever."""
    kept = [topics[logical].retention for logical in ("wargaming_results", "eureka_outcomes")]
    longest = max((one for one in kept if one is not None), default=SEEN_FOREVER)
    return SEEN_FOREVER if None in kept else SEEN_TOPIC_RETENTIONS * longest


def _duty(name: str, take: Take, older_than: timedelta) -> Duty:
    async def work(conn: Connection) -> bool:
        return await take(conn, older_than, ROWS_MAX) == ROWS_MAX

    return Duty(name, EVERY_S, DEADLINE_S, work)


async def _sweep(conn: Connection) -> bool:
    await process.sweep(conn)
    return False
