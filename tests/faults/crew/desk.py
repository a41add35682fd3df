"""One person at the sidecars: asks the next one when one does not answer, repeats what has a key, writes everything down."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import aiohttp

from tests.faults.journal import Journal
from tests.harness import wait

TIMEOUT: Final = aiohttp.ClientTimeout(total=12.0, sock_connect=2.0)
TRIES, TRY_AGAIN_S = 8, 0.4
FAILURES: Final = (aiohttp.ClientError, TimeoutError, OSError)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the body is JSON, or None."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def is_late(self) -> bool:
        """Whether the same may be asked again with another result: the sidecar is busy, or the first try still runs."""
        kind = str((self.body or {}).get("type", "")) if isinstance(self.body, dict) else ""
        return self.status in (429, 503) or (self.status == 409 and kind.endswith("/idempotency-key-in-flight"))


@dataclass
class Desk:
    """`open_requests` counts, by sidecar and person, requests under way that change something; it is shared."""

    who: str
    token: Callable[[], str]
    urls: Sequence[str]
    journal: Journal
    session: aiohttp.ClientSession
    open_requests: Counter[tuple[str, str]]
    rng: random.Random
    _next: itertools.cycle[str] = field(init=False)

    def __post_init__(self) -> None:
        self._next = itertools.cycle(self.rng.sample(self.urls, len(self.urls)))

    async def read(self, path: str, **query: str) -> Answer | None:
        """Look at something; None when nobody answered."""
        try:
            return await self._send("GET", path, query=query)
        except FAILURES:
            return None

    async def say(self, text: str) -> Answer | None:
        """Give feedback about the console; None when nobody answered."""
        try:
            return await self._send(
                "POST", "/hitl/feedback", body={"text": text, "page": "/console", "build": "campaign"}
            )
        except FAILURES:
            return None

    async def do(
        self, op: str, patch_id: str, body: Mapping[str, Any], version: str | None, *, with_key: bool
    ) -> Answer | None:
        """Do something to a patch; None when nobody knows whether it happened. Without a key nothing is asked twice."""
        said = {"who": self.who, "op": op, "patch": patch_id, "version": version, "body": dict(body)}
        ask = self.journal.ask(**said)
        headers = {"X-Request-Id": f"ask-{ask}"}  # what is recorded names it
        if version is not None:
            headers["If-Match"] = version
        if with_key:
            headers["Idempotency-Key"] = f"ask-{ask}"
        path = f"/hitl/patches/{quote(patch_id, safe='')}/{op}"
        for number in range(TRIES if with_key else 1):
            if number:
                await wait.pace(TRY_AGAIN_S * number)
            try:
                answer = await self._send("POST", path, headers=headers, body=body)
            except FAILURES as failure:
                self.journal.write("unanswered", ask=ask, error=repr(failure))
                continue
            self.journal.write("answered", ask=ask, status=answer.status, body=answer.body)
            if not (with_key and answer.is_late):
                return answer
        return None

    async def _send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Answer:
        url = next(self._next)
        sent = {"Authorization": f"Bearer {self.token()}", **(headers or {})}
        changes = int(method == "POST")
        self.open_requests[url, self.who] += changes
        try:
            asked = self.session.request(method, url + path, params=query, headers=sent, json=body, timeout=TIMEOUT)
            async with asked as answer:
                content = await answer.json(content_type=None) if await answer.read() else None
                return Answer(answer.status, answer.headers, content)
        except ValueError as failure:
            raise aiohttp.ClientPayloadError(f"no JSON: {failure}") from failure
        finally:
            self.open_requests[url, self.who] -= changes
