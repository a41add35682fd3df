"""Who listens to live updates and comes back with the cursor, and who asks the gate before deploying."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import orjson

from tests.faults.crew.desk import FAILURES, Desk
from tests.faults.journal import Journal
from tests.harness import wait

AGAIN_S, ASK_GATE_S = 0.5, 0.05
WRONG_DIGEST_SHARE = 0.1
WRONG: Final = f"sha256:{'0' * 64}"


class Listener:
    """One connection at a time, to one sidecar after the other; `filters` are those of the list."""

    def __init__(self, name: str, desk: Desk, urls: Sequence[str], filters: dict[str, str]) -> None:
        self._name, self._desk, self._urls, self._filters = name, desk, urls, filters
        self._journal: Journal = desk.journal
        self.cursor: str | None = None
        self.since = float("inf")  # by the monotonic clock, while it is connected

    async def run(self) -> None:
        """Until it is cancelled."""
        self._journal.write("listens", who=self._name, filters=self._filters)
        number = 0
        while True:
            try:
                await self._listen(self._urls[number % len(self._urls)])
            except (*FAILURES, orjson.JSONDecodeError, KeyError):
                number += 1
            finally:
                self.since = float("inf")
            await wait.pace(AGAIN_S)

    async def _listen(self, url: str) -> None:
        headers = {"Authorization": f"Bearer {self._desk.token()}"}
        async with self._desk.session.post(f"{url}/hitl/live/ticket", headers=headers) as answer:
            ticket = (await answer.json())["ticket"]
        query = {"ticket": ticket, **self._filters, **({"cursor": self.cursor} if self.cursor else {})}
        async with self._desk.session.ws_connect(f"{url}/hitl/live", params=query, heartbeat=5.0) as socket:
            self.since = time.monotonic()
            async for message in socket:
                if message.type is not aiohttp.WSMsgType.TEXT:
                    return
                told = orjson.loads(message.data)
                self._journal.write("heard", who=self._name, message=told, before=self.cursor)
                self.cursor = told["cursor"]


class Decided:
    """What Eureka has read so far: approvals out of the copy that its consumer keeps."""

    def __init__(self, copy: Path) -> None:
        self._copy = copy
        self._at = 0
        self._approved: list[tuple[str, str]] = []

    def approved(self) -> Sequence[tuple[str, str]]:
        """Patches that were approved at some time, each with the digest that was."""
        if self._copy.exists():
            with self._copy.open("rb") as lines:
                lines.seek(self._at)
                for line in lines:
                    if not line.endswith(b"\n"):
                        break  # it is being written
                    self._at += len(line)
                    told = orjson.loads(line)
                    if told["decision"] == "approved" and told["patch_digest"]:
                        self._approved.append((told["patch_id"], told["patch_digest"]))
        return self._approved


class GateClient:
    """Asks whether patches may be deployed, with their digest and sometimes with another."""

    def __init__(self, desk: Desk, rng: random.Random, known: Callable[[], Sequence[tuple[str, str]]]) -> None:
        self._desk, self._rng, self._known = desk, rng, known

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await wait.pace(ASK_GATE_S)
            known = self._known()
            if not known:
                continue
            patch_id, digest = self._rng.choice(known)
            if self._rng.random() < WRONG_DIGEST_SHARE:
                digest = WRONG
            ask = self._desk.journal.ask(who=self._desk.who, op="gate", patch=patch_id, digest=digest)
            answer = await self._desk.read(f"/hitl/patches/{quote(patch_id, safe='')}/gate", digest=digest)
            said: dict[str, Any] = {} if answer is None else {"status": answer.status, "body": answer.body}
            self._desk.journal.write("answered", ask=ask, **said)
