"""What is not there yet, what could not be fetched, and nobody on the other end: each is said, and can be read by everybody."""

from __future__ import annotations

from typing import Final

import pytest
from playwright.async_api import expect

from tests.console.axe import Axe
from tests.console.conftest import Sit
from tests.console.gate import gated
from tests.console.stage import Stage

PAGES: Final = {"queue": "/?lane=all", "card": "/patch?id=p-1", "numbers": "/numbers", "audit": "/audit"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_what_is_coming_and_what_failed_is_said(stage: Stage, sit: Sit, scheme: str) -> None:
    await stage.review(1)
    reader = await sit(scheme=scheme)
    page = reader.page
    axe = Axe(page)
    for name, path in PAGES.items():
        async with gated(page) as gate:
            await reader.log_in("alice", path)
            await expect(page.get_by_role("status", name="Loading").first).to_be_visible()
            await axe.look(f"{name}, coming")
            gate.fail()
            failed = page.get_by_text("This could not be loaded")
            await expect(failed.first).to_be_visible()
            await expect(page.get_by_text("the database is away").first).to_be_visible()
            await expect(page.get_by_role("status", name="Loading")).to_have_count(0)
            await axe.look(f"{name}, failed")
            gate.broken = False
            while (left := await failed.count()) > 0:
                await page.get_by_role("button", name="Try again").first.click()
                await expect(failed).to_have_count(left - 1)
    axe.check(looks=2 * len(PAGES))


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_nobody_on_the_other_end_is_said_and_what_was_read_stays(stage: Stage, sit: Sit, scheme: str) -> None:
    await stage.review(1)
    reader = await sit(scheme=scheme)
    axe = Axe(reader.page)
    await reader.open("alice", "p-1")
    before = await reader.card("p-1").bounding_box()
    await stage.stop()
    await expect(reader.page.get_by_role("alert").get_by_text("No connection to the sidecar")).to_be_visible()
    assert await reader.card("p-1").bounding_box() == before
    await axe.look("offline")
    axe.check(looks=1)
    await stage.start()
    await expect(reader.page.get_by_role("alert")).to_have_count(0, timeout=30_000)
