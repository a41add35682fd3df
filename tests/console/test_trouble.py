"""What is not there yet, what could not be fetched, and nobody on the other end: each is said, and can be read by everybody."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, field
from typing import Final

import pytest
from playwright.async_api import Route, expect

from tests.console.axe import Axe
from tests.console.conftest import Sit
from tests.console.stage import Stage

# Everything that a page shows; who is here and whether it is live are asked elsewhere.
ASKED: Final = re.compile(r"/hitl/(patches|queue|analytics|decisions|audit)")
PAGES: Final = {"queue": "/?lane=all", "card": "/patch?id=p-1", "numbers": "/numbers", "audit": "/audit"}


@dataclass
class Gate:
    """Stands between a page and the sidecar: holds what is asked, or answers it with a failure, or lets it through."""

    opened: asyncio.Event = field(default_factory=asyncio.Event)
    broken: bool = False

    async def pass_on(self, route: Route) -> None:
        """One question."""
        await self.opened.wait()
        if not self.broken:
            await route.continue_()
            return
        told = {"type": "about:blank", "title": "Unavailable", "status": 503, "detail": "the database is away"}
        await route.fulfill(status=503, content_type="application/problem+json", body=json.dumps(told))


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_what_is_coming_and_what_failed_is_said(stage: Stage, sit: Sit, scheme: str) -> None:
    await stage.review(1)
    reader = await sit(scheme=scheme)
    page = reader.page
    axe = Axe(page)
    for name, path in PAGES.items():
        gate = Gate()
        await page.route(ASKED, gate.pass_on)
        await reader.log_in("alice", path)
        await expect(page.get_by_role("status", name="Loading").first).to_be_visible()
        await axe.look(f"{name}, coming")
        gate.broken = True
        gate.opened.set()
        failed = page.get_by_text("This could not be loaded")
        await expect(failed.first).to_be_visible()
        await expect(page.get_by_text("the database is away").first).to_be_visible()
        await expect(page.get_by_role("status", name="Loading")).to_have_count(0)
        await axe.look(f"{name}, failed")
        gate.broken = False
        while await failed.count() > 0:
            left = await failed.count()
            await page.get_by_role("button", name="Try again").first.click()
            await expect(failed).to_have_count(left - 1)
        await page.unroute(ASKED)
    axe.check(looks=2 * len(PAGES))


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_nobody_on_the_other_end_is_said_and_what_was_read_stays(stage: Stage, sit: Sit, scheme: str) -> None:
    await stage.review(1)
    reader = await sit(scheme=scheme)
    axe = Axe(reader.page)
    await reader.open("alice", "p-1")
    await stage.stop()
    await expect(reader.page.get_by_role("alert").get_by_text("No connection to the sidecar")).to_be_visible()
    await expect(reader.card("p-1")).to_be_visible()
    await axe.look("offline")
    axe.check(looks=1)
    await stage.start()
    await expect(reader.page.get_by_role("alert")).to_have_count(0, timeout=30_000)
