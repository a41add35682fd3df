"""Each thing that people can do, done once for certain: what must be in a small world is not left to chance."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from tests.faults.crew.desk import Desk
from tests.faults.crew.people import BOB, CLEO, DAN

LIMIT = "200"


class NothingToDo(LookupError):
    """There is no patch to do it to, or it was refused with each of them."""


async def do_each(desks: Mapping[str, Desk], approved: Sequence[str]) -> None:
    """Claim, comment, take over, reject, approve alone and together, break the glass, revoke, release. Raises NothingToDo."""
    bob, cleo, dan = desks[BOB.name], desks[CLEO.name], desks[DAN.name]
    waiting = await bob.read("/hitl/patches/pending", limit=LIMIT)
    cards: list[dict[str, Any]] = [] if waiting is None else waiting.body
    alone = [card["patch_id"] for card in cards if card["approvals_required"] == 1]
    together = [card["patch_id"] for card in cards if card["approvals_required"] > 1]
    claimed = await _one(bob, "claim", reversed(alone), {})
    await _one(bob, "comment", alone, {"comment": "look at line 7"})
    await _one(cleo, "takeover", [claimed], {"reason": "mine"})
    await _one(cleo, "reject", alone, {"reason": "still open"})
    await _one(bob, "approve", alone, {"comment": "closed"}, lambda said: bool(said["state"] == "approved"))
    voted = await _one(bob, "approve", together, {}, lambda said: bool(said["state"] == "pending"))
    await _one(cleo, "approve", [voted], {}, lambda said: bool(said["state"] == "approved"))
    await _one(dan, "approve", together, {"comment": "it burns", "break_glass": True})
    await _one(bob, "revoke", approved, {"reason": "it breaks the build"})
    await _one(cleo, "release", [claimed], {})


async def _one(
    desk: Desk,
    op: str,
    patches: Iterable[str],
    body: Mapping[str, Any],
    is_meant: Callable[[Mapping[str, Any]], bool] = lambda _: True,
) -> str:
    """The first patch with which it was done, and came out as it was meant."""
    for patch_id in patches:
        card = await desk.read(f"/hitl/patches/{quote(patch_id, safe='')}")
        if card is None or card.status != 200:
            continue
        answer = await desk.do(op, patch_id, body, card.headers["ETag"], with_key=True)
        if answer is not None and answer.status < 300 and is_meant(answer.body):
            return patch_id
    raise NothingToDo(op)
