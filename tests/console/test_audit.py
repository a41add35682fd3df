"""The audit: what was done is chosen in words, and stands in the address as the API names it."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.async_api import expect

from tests.console.conftest import Sit
from tests.console.stage import Stage


async def test_what_was_done_is_chosen_in_words(stage: Stage, sit: Sit) -> None:
    await stage.review(1)
    await stage.review(2)
    await stage.decide("bob", "p-1", "approve")
    await stage.decide("bob", "p-2", "reject", reason="it is odd")
    alice = await sit()
    page = alice.page
    await alice.log_in("alice", "/audit?action=rejected")
    what = page.get_by_role("combobox", name="What", exact=True)
    rows = page.get_by_role("row").filter(has_text="bob")
    await expect(what).to_have_value("rejected")
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text("p-2")
    await expect(rows.get_by_role("time")).to_have_text(re.compile(r":\d\d:\d\d"))
    await what.click()
    await page.get_by_role("option", name="approved", exact=True).click()
    await expect(rows).to_contain_text("p-1")
    await page.wait_for_url("**/audit?action=approved")
    async with page.expect_download() as downloading:
        await page.get_by_role("button", name="Export CSV").click()
    told = Path(await (await downloading.value).path()).read_text()
    assert "p-1" in told
    assert "p-2" not in told
