"""Reviewers: they read, claim, approve, reject, comment, revoke and open again, and now and then do what must be refused.

What must be refused: an approval with a version that was seen a while ago, the same vote twice, an approval of one's own patch,
by somebody who may not approve, of something that waits no more.
"""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

from tests.faults.crew.desk import Answer, Desk
from tests.faults.crew.people import BOB, DAN
from tests.harness import wait

LOOKS: Final[tuple[tuple[str, Mapping[str, str]], ...]] = (
    ("/hitl/me", {}),
    ("/hitl/people", {"subject": BOB.name}),
    ("/hitl/patches/pending", {"turn": "me"}),
    ("/hitl/patches/pending", {"needs": "me"}),
    ("/hitl/patches/pending", {"claimed": "nobody"}),
    ("/hitl/patches/pending", {"q": "CVE-2024", "severity": "high"}),
    ("/hitl/queue/facets", {}),
    ("/hitl/analytics/summary", {}),
    ("/hitl/analytics/timeline", {}),
    ("/hitl/audit", {"limit": "20"}),
    ("/hitl/audit", {"limit": "20", "actor": BOB.name}),
)  # fmt: skip
SORTS: Final = ("risk", "confidence", "severity", "age", "deadline")
REMEMBERED_MAX = 200
NOTHING_TO_DO_S, PACE_S = 0.5, 0.05
STALE_SHARE, KEY_SHARE, TWICE_SHARE, LOOK_BACK_SHARE, LOOK_AROUND_SHARE = 0.15, 0.6, 0.3, 0.2, 0.05


class Reviewer:
    """One person's work, turn by turn; `is_over` tells when to begin nothing more."""

    def __init__(self, desk: Desk, rng: random.Random, is_over: Callable[[], bool]) -> None:
        self._desk, self._rng, self._is_over = desk, rng, is_over
        self._seen: OrderedDict[str, str] = OrderedDict()  # the version of a patch when it was first read

    async def run(self) -> None:
        """Until it is over."""
        while not self._is_over():
            if self._rng.random() < LOOK_AROUND_SHARE:
                await self._look_around()
            patch_id = await self._choose()
            card = None if patch_id is None else await self._desk.read(f"/hitl/patches/{quote(patch_id, safe='')}")
            if card is None or card.status != 200:
                await wait.pace(NOTHING_TO_DO_S)
                continue
            await self._work(card)
            await wait.pace(self._rng.random() * 2 * PACE_S)

    async def _choose(self) -> str | None:
        """Something that waits, or something that was read before and may be anything by now."""
        if self._seen and self._rng.random() < LOOK_BACK_SHARE:
            return self._rng.choice(list(self._seen))
        waiting = await self._desk.read("/hitl/patches/pending", limit="20", sort=self._rng.choice(SORTS))
        if waiting is None or waiting.status != 200 or not waiting.body:
            return None
        return str(self._rng.choice(waiting.body)["patch_id"])

    async def _look_around(self) -> None:
        """At everything but cards; and say what one thinks of it."""
        path, query = self._rng.choice(LOOKS)
        await self._desk.read(path, **query)
        if self._seen:
            patch_id = quote(self._rng.choice(list(self._seen)), safe="")
            await self._desk.read(f"/hitl/patches/{patch_id}/{self._rng.choice(('results', 'artefact'))}")
        if path == "/hitl/me":
            await self._desk.say(self._say("the list is long"))

    async def _work(self, card: Answer) -> None:
        patch_id, version = card.body["patch_id"], card.headers["ETag"]
        seen = self._seen.setdefault(patch_id, version)
        if len(self._seen) > REMEMBERED_MAX:
            self._seen.popitem(last=False)
        if self._rng.random() < STALE_SHARE:
            version = seen
        match card.body["state"]:
            case "pending" | "collecting":
                await self._review(patch_id, version, card.body)
            case "approved" if self._rng.random() < 0.1:
                await self._do("revoke", patch_id, version, {"reason": self._say("it came to light")})
            case "expired" if self._rng.random() < 0.5:
                await self._do("reopen", patch_id, version, {"reason": self._say("it matters")})
            case _ if self._rng.random() < 0.2:
                await self._do("approve", patch_id, version, {})

    async def _review(self, patch_id: str, version: str, card: Mapping[str, Any]) -> None:
        match self._rng.random():
            case chance if chance < 0.10:
                await self._do("claim", patch_id, None, {})
                return
            case chance if chance < 0.14:
                await self._do("takeover", patch_id, None, {"reason": self._say("mine now")})
                return
            case chance if chance < 0.17:
                await self._do("release", patch_id, None, {})
                return
            case chance if chance < 0.25:
                await self._do("comment", patch_id, None, {"comment": self._say("look at line 3")})
                return
            case chance if chance < 0.45:
                await self._do("reject", patch_id, version, {"reason": self._say("incomplete")})
                return
        body: dict[str, Any] = {"comment": self._say("fine")} if self._rng.random() < 0.5 else {}
        if self._desk.who == DAN.name and self._rng.random() < 0.1:
            body = {"comment": self._say("it burns"), "break_glass": True}
        answer = await self._do("approve", patch_id, version, body)
        voted = answer is not None and answer.status == 200 and answer.body["state"] == "pending"
        if voted and answer is not None and self._rng.random() < TWICE_SHARE:
            await self._do("approve", patch_id, answer.headers["ETag"], {})

    async def _do(self, op: str, patch_id: str, version: str | None, body: Mapping[str, Any]) -> Answer | None:
        return await self._desk.do(op, patch_id, body, version, with_key=self._rng.random() < KEY_SHARE)

    def _say(self, what: str) -> str:
        """Words that nobody else says: what is recorded can be told from every other request."""
        return f"{what} ({self._desk.who} {self._rng.getrandbits(48):012x})"
