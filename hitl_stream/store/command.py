"""What a person does to a patch: each in one transaction, the caller's or its own, on exactly the version that was seen.

The database decides whether it may be (0002_people): here is put together what is recorded and told. A refusal of the
database becomes one of ours, and the transaction is over then.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime

import asyncpg
from asyncpg import Connection

from hitl_stream.contract import encode
from hitl_stream.contract.digest import decision_id, review_id
from hitl_stream.contract.encode import DecisionEvent
from hitl_stream.contract.record import Message
from hitl_stream.errors import Refused
from hitl_stream.review import command
from hitl_stream.review.outcome import DEPLOYED
from hitl_stream.review.ruling import Person
from hitl_stream.review.state import Patch
from hitl_stream.store import outbox, policy, statement
from hitl_stream.store.surroundings import read_patch


class LoginTooOld(Refused):
    """This needs a person who has just logged in."""


class NotAllowed(Refused):
    """This person may not do this."""


class UnknownPatch(Refused):
    """There is no such patch."""


class NotPossible(Refused):
    """The patch is in no state for this."""


class Unbound(Refused):
    """Without a diff there is nothing to bind an approval to."""


class Stale(Refused):
    """The patch changed since you looked."""


class Invalid(Refused):
    """The request lacks something."""


_REFUSALS: dict[str, type[Refused]] = {
    "HT401": LoginTooOld,
    "HT403": NotAllowed, "HT404": UnknownPatch, "HT409": NotPossible, "HT410": Unbound, "HT412": Stale, "HT422": Invalid,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks, as the token says: `groups` have their roles in the database. `token` and `request` stand in the audit.

    `authenticated_at` is when the person last showed who they are, None if nobody says.
    """

    person: str
    groups: tuple[str, ...]
    token: str | None = None
    request: str | None = None
    authenticated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """What came of a vote: the decision when it was the last one needed, else None."""

    round: int
    approvers: tuple[str, ...]
    needed: int
    version: int
    event: DecisionEvent | None


@dataclass(frozen=True, slots=True)
class Claimed:
    """Who holds a review, and until when."""

    person: str
    until: datetime


async def approve(
    conn: Connection,
    patch_id: str,
    version: int,
    actor: Actor,
    comment: str | None = None,
    *,
    break_glass: bool = False,
) -> Approval:
    """Vote for an approval, and conclude it where no other vote is needed. Raises a Refused of this module."""
    async with _deciding(conn):
        cast = await conn.fetchrow(
            statement.get("cast_vote"),
            *(patch_id, version, actor.person, list(actor.groups), comment, break_glass, actor.authenticated_at),
            *(actor.token, actor.request),
        )
        assert cast is not None  # noqa: S101 - the function answers or refuses
        voted, event = tuple(cast["approvers"]), None
        patch, _ = await _locked(conn, patch_id)
        if cast["complete"]:
            current = await policy.current(conn)
            event, message = command.approve(
                patch, Person(actor.person, comment), voted, current.policy.approval_valid, cast["at"]
            )
            await conn.execute(
                statement.get("conclude_approval"),
                *(patch_id, cast["version"], _id(event), actor.person, list(actor.groups), comment, event.decided_at),
                *(event.valid_until, actor.token, actor.request, _packed(message)),
            )
    return Approval(patch.round, voted, cast["needed"], cast["version"] + (event is not None), event)


async def reject(
    conn: Connection, patch_id: str, version: int, actor: Actor, reason: str, presets: Sequence[str] = ()
) -> DecisionEvent:
    """Reject. Raises a Refused of this module."""
    async with _deciding(conn):
        patch, at = await _locked(conn, patch_id)
        event, message = command.reject(patch, Person(actor.person, reason, tuple(presets)), at)
        await conn.execute(
            statement.get("reject_by_person"),
            *(patch_id, version, _id(event), actor.person, list(actor.groups), reason, list(presets)),
            *(event.decided_at, actor.token, actor.request, _packed(message)),
        )
    return event


async def revoke(conn: Connection, patch_id: str, version: int, actor: Actor, reason: str) -> DecisionEvent:
    """End an approval. Raises a Refused of this module."""
    async with _deciding(conn):
        patch, at = await _locked(conn, patch_id)
        outcome = await conn.fetchval(statement.get("deployed_as"), patch_id, patch.patch_digest)
        deployed = "unknown" if outcome is None else DEPLOYED[outcome]
        event, message = command.revoke(patch, Person(actor.person, reason), deployed, at)
        await conn.execute(
            statement.get("revoke_by_person"),
            *(patch_id, version, _id(event), actor.person, list(actor.groups), reason, deployed),
            *(event.decided_at, actor.token, actor.request, _packed(message)),
        )
    return event


async def reopen(conn: Connection, patch_id: str, version: int, actor: Actor, reason: str) -> datetime:
    """Let an expired review wait again; returns until when. Raises a Refused of this module."""
    async with _deciding(conn):
        patch, _ = await _locked(conn, patch_id)
        current = await policy.current(conn)
        event = command.reopen(patch, current.policy, max(current.now, patch.changed_at))
        await conn.execute(
            statement.get("reopen_by_person"),
            *(patch_id, version, review_id(patch_id, event.round, event.seq), actor.person, list(actor.groups), reason),
            *(event.opened_at, event.expires_at, actor.token, actor.request),
            _packed(encode.pending_review_message(event)),
        )
    return event.expires_at


async def claim(
    conn: Connection, patch_id: str, actor: Actor, reason: str | None = None, *, take_over: bool = False
) -> Claimed:
    """Hold a review, or hold it longer. Raises a Refused of this module."""
    async with _deciding(conn):
        row = await conn.fetchrow(
            statement.get("claim_by_person"),
            *(patch_id, actor.person, list(actor.groups), reason, take_over, actor.token, actor.request),
        )
        assert row is not None  # noqa: S101 - the function answers or refuses
    return Claimed(row["person"], row["until"])


async def release(conn: Connection, patch_id: str, actor: Actor) -> None:
    """Let a review go. Raises a Refused of this module."""
    async with _deciding(conn):
        await conn.execute(
            statement.get("release_by_person"),
            *(patch_id, actor.person, list(actor.groups), actor.token, actor.request),
        )


async def comment(conn: Connection, patch_id: str, actor: Actor, said: str, *, of_glass: bool = False) -> datetime:
    """Say something about a patch, or review who broke the glass; returns when. Raises a Refused of this module."""
    async with _deciding(conn):
        at: datetime = await conn.fetchval(
            statement.get("comment_by_person"),
            *(patch_id, actor.person, list(actor.groups), said, of_glass, actor.token, actor.request),
        )
    return at


@asynccontextmanager
async def _deciding(conn: Connection) -> AsyncIterator[None]:
    """A transaction, the caller's if there is one, whose refusals are ours."""
    try:
        async with nullcontext() if conn.is_in_transaction() else conn.transaction():
            yield
    except asyncpg.PostgresError as error:
        refusal = _REFUSALS.get(error.sqlstate or "")
        if refusal is None:
            raise
        raise refusal(error.args[0]) from error


async def _locked(conn: Connection, patch_id: str) -> tuple[Patch, datetime]:
    """The patch, which nobody else changes any more, and since when."""
    row = await conn.fetchrow(statement.get("lock_patch_for_person"), patch_id)
    if row is None:
        raise UnknownPatch()
    found = dict(row)
    at: datetime = found.pop("locked_at")
    return read_patch(found), at


def _id(event: DecisionEvent) -> str:
    return decision_id(event.patch_id, event.round, event.seq)


def _packed(message: Message) -> list[bytes | None]:
    (row,) = outbox.pack([message])
    return row
