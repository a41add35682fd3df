"""Stands between a page and the sidecar: holds what is asked, or answers it with a failure, or lets it through."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from playwright.async_api import Page, Route

# Everything that a page shows; who is here and whether it is live are asked elsewhere.
ASKED: Final = re.compile(r"/hitl/(patches|queue|analytics|decisions|audit)")


@dataclass
class Gate:
    """Closed at first; once `opened` it answers with a failure for as long as it is `broken`."""

    opened: asyncio.Event = field(default_factory=asyncio.Event)
    broken: bool = False

    def fail(self) -> None:
        """Answer everything that was asked, and is asked from now on, with a failure."""
        self.broken = True
        self.opened.set()

    async def pass_on(self, route: Route) -> None:
        """One question."""
        await self.opened.wait()
        if not self.broken:
            await route.continue_()
            return
        told = {"type": "about:blank", "title": "Unavailable", "status": 503, "detail": "the database is away"}
        await route.fulfill(status=503, content_type="application/problem+json", body=json.dumps(told))


@asynccontextmanager
async def gated(page: Page, asked: re.Pattern[str] = ASKED) -> AsyncIterator[Gate]:
    """A closed gate before all that the page asks, or before these of its questions."""
    gate = Gate()
    await page.route(asked, gate.pass_on)
    yield gate
    await page.unroute(asked)
