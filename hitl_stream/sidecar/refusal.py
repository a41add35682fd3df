"""What the database refuses, as problems; above all 412, which says what changed since the person looked."""

from __future__ import annotations

from typing import Any

from hitl_stream.errors import Refused
from hitl_stream.sidecar import shape
from hitl_stream.sidecar.asked import Asked, not_allowed
from hitl_stream.sidecar.problem import Problem
from hitl_stream.sidecar.raw_path import unknown_patch
from hitl_stream.sidecar.words import invalid
from hitl_stream.store import command, review
from hitl_stream.store.database import Connection

STEP_UP_S = 300
_STEP_UP = f'Bearer realm="hitl-stream", error="insufficient_user_authentication", max_age="{STEP_UP_S}"'


def problem(refusal: Refused) -> Problem:
    """The problem that this refusal is."""
    told = str(refusal)
    match refusal:
        case command.LoginTooOld():
            return Problem(401, "login-too-old", "Log in again", told, headers={"WWW-Authenticate": _STEP_UP})
        case command.NotAllowed():
            return not_allowed((), told)
        case command.UnknownPatch():
            return unknown_patch()
        case command.Unbound():
            return Problem(409, "artefact-unknown", "There is no diff to approve", told)
        case command.NotPossible():
            return Problem(409, "not-possible", "This cannot be done now", told)
        case command.Invalid():
            return invalid(told)
        case _:
            raise refusal


async def stale(conn: Connection, asked: Asked, wanted: str, seen: int | None) -> Problem:
    """412: the patch is at another version than the one seen; what changed since the person looked, as far as that is known."""
    current = await review.read_standing(conn, wanted)
    if current is None:
        return unknown_patch()
    look = None if seen is None else await review.read_look(conn, wanted, asked.who.subject, seen)
    changed = look.changed if look is not None and look.changed else (await review.read_last_change(conn, wanted),)
    told = f"It is {current.state} at version {current.version} now."
    title = "The patch changed since you looked"
    won = await who_won(conn, wanted) if "decision" in changed else {}
    return Problem(412, "stale-version", title, told, changed=list(changed), version=shape.etag(current.version), **won)


async def who_won(conn: Connection, wanted: str) -> dict[str, Any]:
    """The last decision of a patch, for whoever came too late; nothing where there is none."""
    last = await review.read_last_decision(conn, wanted)
    if last is None:
        return {}
    said = {name: str(last[name]) for name in ("decision", "decided_by", "decision_id")}
    return {**said, "decided_at": shape.at(last["decided_at"])}
