"""What the sidecar reads: one patch with everything a decision needs, and the gate's answer.

A detail is read in one snapshot, so that its version covers all that it shows. Nothing here changes a patch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from asyncpg import Connection

from hitl_stream.errors import Unavailable
from hitl_stream.policy.document import PolicyDocument
from hitl_stream.store import policy, statement

RESULTS_MAX = 200
RESULT_BYTES_MAX = 16 * 1_048_576
HISTORY_MAX = 500

Row = dict[str, Any]
ResultPlace = tuple[datetime, str, str]

# Before every result.
_START = datetime(1, 1, 1, tzinfo=UTC), "", ""


class Standing(NamedTuple):
    """Just enough of a patch to tell a person that the card is stale, and since when somebody should have decided."""

    version: int
    state: str
    round: int
    opened_at: datetime | None


@dataclass(frozen=True, slots=True)
class Results:
    """Some results of a round in the order of arrival; `following` is where the next begin, None at the end."""

    rows: Sequence[Row]
    following: ResultPlace | None


@dataclass(frozen=True, slots=True)
class Detail:
    """One patch with its current round. `policy` is the document it was last judged by.

    `artefact` is the content of the first result that brought the diff, read where there are more results than are shown.
    """

    patch: Row
    results: Results
    artefact: bytes | None
    authors: Sequence[Row]
    comments: Sequence[Row]
    outcomes: Sequence[Row]
    history: Sequence[Row]
    related: Sequence[Row]
    policy: PolicyDocument


@dataclass(frozen=True, slots=True)
class Look:
    """What a person saw when they last looked, and what is different now: artefact, evidence, approvals, decision, state."""

    version: int
    round: int
    at: datetime
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GateAnswer:
    """The gate's answer. `deployable` is true only together with reason `approved` and a decision.

    `valid_until` is how long a yes may be relied on without asking again; a no may change at any moment.
    """

    deployable: bool
    reason: str
    decision_id: UUID | None
    decided_at: datetime | None
    expires_at: datetime | None
    valid_until: datetime | None


async def read_detail(conn: Connection, patch_id: str, person: str) -> Detail | None:
    """Everything a decision of this person on this patch needs; None if there is no such patch."""
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        patch = await conn.fetchrow(statement.get("patch_detail"), patch_id, person)
        if patch is None:
            return None
        results = await read_results(conn, patch_id, patch["round"], None, RESULTS_MAX)
        first = None if results.following is None else await read_artefact(conn, patch_id, patch["round"])
        authors = await _rows(conn, "patch_authors", patch_id, patch["round"])
        comments = await _rows(conn, "patch_comments", patch_id, HISTORY_MAX)
        outcomes = await _rows(conn, "patch_outcomes", patch_id, HISTORY_MAX)
        history = await _rows(conn, "patch_history", patch_id, HISTORY_MAX)
        related = await _rows(conn, "patch_related", patch_id, patch["apv_ids"], patch["patch_digest"], patch["cve_id"])
        document = await policy.read(conn, patch["policy_version"])
    artefact = None if first is None else first["payload"]
    return Detail(dict(patch), results, artefact, authors, comments, outcomes, history, related, document)


async def read_results(conn: Connection, patch_id: str, round_: int, after: ResultPlace | None, limit: int) -> Results:
    """At most `limit` results and RESULT_BYTES_MAX bytes of one round after this place, and always one if there is one."""
    bounds = (limit, RESULT_BYTES_MAX)
    rows = await _rows(conn, "patch_results", patch_id, round_, *(after or _START), *bounds)
    more = bool(rows) and rows[0]["total"] > len(rows)
    return Results(rows, (rows[-1]["received_at"], rows[-1]["source"], rows[-1]["event_id"]) if more else None)


async def read_artefact(conn: Connection, patch_id: str, round_: int) -> Row | None:
    """`patch_digest` of what a round was about, and `payload` that brought it; None if there was no such round."""
    row = await conn.fetchrow(statement.get("round_artefact"), patch_id, round_)
    return None if row is None else dict(row)


async def read_standing(conn: Connection, patch_id: str) -> Standing | None:
    """How a patch stands; None if there is no such patch."""
    row = await conn.fetchrow(statement.get("patch_standing"), patch_id)
    return None if row is None else Standing(*row)


async def read_look(conn: Connection, patch_id: str, person: str, version: int | None = None) -> Look | None:
    """What this person saw at that version, or when they last looked; None if they did not."""
    row = await conn.fetchrow(statement.get("changes_since"), patch_id, person, version)
    if row is None:
        return None
    changed = tuple(name for name in ("artefact", "evidence", "approvals", "decision") if row[name])
    return Look(row["version"], row["round"], row["at"], changed or (("state",) if row["changed"] else ()))


async def read_last_change(conn: Connection, patch_id: str) -> str:
    """What last moved the version of this patch: evidence, approvals, decision or state, as in Look."""
    return str(await conn.fetchval(statement.get("last_change"), patch_id))


async def note_look(conn: Connection, patch: Row, person: str, token: str | None, request: str | None) -> None:
    """Remember what this person was shown; whoever holds the review holds it on."""
    seen = (patch["version"], patch["round"], patch["seq"], patch["evidence_digest"])
    await conn.execute(statement.get("note_look"), patch["patch_id"], person, *seen, token, request)
    if patch["claimed_by"] == person:
        await conn.execute(statement.get("renew_claim"), patch["patch_id"], person)


async def read_last_decision(conn: Connection, patch_id: str) -> Row | None:
    """What was last decided of a patch: decision, decided_by, decided_at, decision_id."""
    row = await conn.fetchrow(statement.get("last_decision"), patch_id)
    return None if row is None else dict(row)


async def ask_gate(conn: Connection, patch_id: str, digest: bytes | None) -> GateAnswer:
    """May this artefact of this patch be deployed? Anything but a whole, consistent yes of the primary is a no.

    Raises Unavailable on a standby.
    """
    row = await conn.fetchrow(statement.get("gate"), patch_id, digest)
    if row is None:
        return GateAnswer(False, "unknown_patch", None, None, None, None)
    if row["standby"] is not False:
        raise Unavailable("this is a standby: only the primary knows what stands approved")
    told = (row["decision_id"], row["decided_at"], row["expires_at"], row["valid_until"])
    if row["deployable"] is True and row["reason"] == "approved" and None not in told:
        return GateAnswer(True, "approved", *told)
    return GateAnswer(False, "no_decision" if row["reason"] == "approved" else row["reason"], None, None, None, None)


async def count_unreviewed_glass(conn: Connection) -> int:
    """How often the glass was broken and nobody else looked at it yet."""
    count: int = await conn.fetchval(statement.get("glass_unreviewed"))
    return count


async def count_deployment_alarms(conn: Connection) -> int:
    """How often something was deployed that did not stand approved, or no longer stood so."""
    count: int = await conn.fetchval(statement.get("deployment_alarms"))
    return count


async def check_database(conn: Connection) -> None:
    """Raises Unavailable through the connection when the database does not answer."""
    await conn.execute(statement.get("database_answers"))


async def _rows(conn: Connection, name: str, *arguments: Any) -> list[Row]:
    return [dict(row) for row in await conn.fetch(statement.get(name), *arguments)]
