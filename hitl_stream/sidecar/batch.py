"""Many patches with one request: each by all the rules, each with its own answer; a dry run does everything and undoes it.

All of it is one transaction, in the order of the ids that every transaction locks in: the answers, and the one kept under the
Idempotency-Key, are about exactly what was done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from fastapi import APIRouter, Response

from hitl_stream.contract.encode import DecisionEvent
from hitl_stream.errors import Refused
from hitl_stream.sidecar import decision, reply, words
from hitl_stream.sidecar.asked import Asked, Asker
from hitl_stream.sidecar.problem import Problem
from hitl_stream.sidecar.reply import Reply
from hitl_stream.store import command
from hitl_stream.store.database import Connection, attempt
from hitl_stream.store.review import Standing

ITEMS_MAX: Final = 500
DONE: Final[Mapping[str, str]] = {"approve": "approved", "reject": "rejected"}
WOULD: Final[Mapping[str, str]] = {
    "approved": "would_approve",
    "rejected": "would_reject",
    "approval_given": "would_give_approval",
}
_STATE: Final = "pending"

Item = tuple[str, str | None]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of every item."""

    action: str
    reason: str
    presets: Sequence[str]
    comment: str | None


class _Undone(Exception):
    """Takes back what a dry run did."""


@router.post("/hitl/patches/batch")
async def act(asked: Asker) -> Response:
    """Approve or reject up to 500 patches, each at the version that was seen."""

    async def work(conn: Connection) -> Reply:
        body = words.members(asked.body)
        said, items = _read(body), _items(body)
        dry_run = words.flag(body, "dry_run")
        answers: dict[Item, dict[str, Any]] = {}
        done: list[Callable[[], None]] = []
        try:
            async with attempt(conn):
                for item in sorted(set(items), key=lambda one: (one[0].encode(), one[1] or "")):
                    answers[item] = await _act(conn, asked, said, item, done, dry_run=dry_run)
                if dry_run:
                    raise _Undone
        except _Undone:
            done.clear()

        def then() -> None:
            for count in done:
                count()

        return reply.make({"dry_run": dry_run, "results": [answers[item] for item in items]}, then=then)

    return await asked.once(work)


async def _act(
    conn: Connection, asked: Asked, said: Said, item: Item, done: list[Callable[[], None]], *, dry_run: bool
) -> dict[str, Any]:
    """What became of one item: done, or skipped and why. What is to be counted once it is committed goes into `done`."""
    wanted, version = item
    try:
        async with attempt(conn):
            outcome, seen, event = await _say(conn, asked, said, wanted, version)
    except Problem as refused:
        return _skipped(wanted, refused)
    except Refused as refusal:
        told = await decision.lost(conn, asked, wanted, decision.version_of(version), _STATE, refusal)
        return _skipped(wanted, told)
    done.append(partial(decision.count, seen, event))
    return {"patch_id": wanted, "status": 200, "outcome": WOULD[outcome] if dry_run else outcome}


async def _say(
    conn: Connection, asked: Asked, said: Said, wanted: str, version: str | None
) -> tuple[str, Standing, DecisionEvent | None]:
    """What came of it, how the patch stood, and the decision if there is one."""
    seen = await decision.seen_standing(conn, asked, wanted, [] if version is None else [version], _STATE)
    if said.action == "reject":
        event = await command.reject(conn, wanted, seen.version, asked.actor, said.reason, said.presets)
        return DONE[said.action], seen, event
    voted = await command.approve(conn, wanted, seen.version, asked.actor, said.comment or said.reason or None)
    return DONE[said.action] if voted.event is not None else "approval_given", seen, voted.event


def _skipped(wanted: str, refused: Problem) -> dict[str, Any]:
    return {"patch_id": wanted, "status": refused.status, "outcome": "skipped", "problem": refused.body}


def _read(body: dict[str, Any]) -> Said:
    action = body.get("action")
    if not isinstance(action, str) or action not in DONE:
        raise words.invalid(f"action: one of {', '.join(DONE)}")
    reason = words.required(body, "reason") if action == "reject" else words.text(body, "reason") or ""
    return Said(action, reason, words.presets(body), words.text(body, "comment"))


def _items(body: dict[str, Any]) -> Sequence[Item]:
    items = body.get("items")
    if not isinstance(items, list) or not 0 < len(items) <= ITEMS_MAX:
        raise words.invalid(f"items: 1 to {ITEMS_MAX} of them")
    found = [_item(item) for item in items]
    if len({patch_id for patch_id, _ in found}) != len(found):
        raise words.invalid("items: each patch once")
    return found


def _item(item: Any) -> Item:
    patch_id = item.get("patch_id") if isinstance(item, dict) else None
    version = item.get("version") if isinstance(item, dict) else None
    if not isinstance(patch_id, str) or not 0 < len(patch_id) <= 255 or "\0" in patch_id:
        raise words.invalid("items: each with a patch_id")
    if version is not None and not isinstance(version, str):
        raise words.invalid("items: version is the ETag that was seen")
    return patch_id, version
