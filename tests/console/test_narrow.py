"""On a phone as well: what is on its way covers nothing that one decides with, and no page is wider than it."""

from __future__ import annotations

from contextlib import suppress

import pytest
from playwright.async_api import Locator, expect
from playwright.async_api import TimeoutError as NotInTime

from tests.console.conftest import Sit
from tests.console.stage import Stage

# Whether what is drawn at the middle of a button is that button.
_ON_TOP = """button => {
  const { x, y, width, height } = button.getBoundingClientRect();
  return button.contains(document.elementFromPoint(x + width / 2, y + height / 2));
}"""

# How wide all of the page is, and what scrolls in it.
_WIDTH = "Math.max(...[document.documentElement, document.querySelector('main')].map((one) => one.scrollWidth))"


async def clear(buttons: Locator) -> None:
    """Each of them can be pressed where it is."""
    for button in await buttons.all():
        await expect(button).to_be_in_viewport()
        assert await button.evaluate(_ON_TOP), await button.inner_text()


@pytest.mark.parametrize("width", [375, 1440])
async def test_what_is_not_sent_yet_covers_no_button(stage: Stage, sit: Sit, width: int) -> None:
    for number in (1, 2, 3):
        await stage.review(number)
    alice = await sit(width=width, height=812)
    page = alice.page
    await alice.open("alice", "p-1")
    for later in ("p-2", "p-3"):
        await alice.press("a")
        await alice.reads(later)
    sending = page.get_by_label("Sending")
    await expect(sending.get_by_text("not sent yet", exact=True)).to_have_count(2)
    bar = page.get_by_role("contentinfo")
    await expect(bar.get_by_role("button", name="Approve")).to_be_visible()
    await clear(bar.get_by_role("button"))
    await clear(sending.get_by_role("button"))
    lines, below = await sending.bounding_box(), await bar.bounding_box()
    assert lines is not None
    assert below is not None
    assert lines["y"] + lines["height"] <= below["y"]
    await alice.press("Escape")
    await expect(alice.row("p-3")).to_be_visible()
    await alice.press("j", "x")
    await clear(page.get_by_role("region", name="1 selected").get_by_role("button"))


async def test_no_page_is_wider_than_a_phone(stage: Stage, sit: Sit) -> None:
    long = "a" * 300
    await stage.review(
        1, patch__diff=f"--- a/{long}\n+++ b/{long}\n@@ -1 +1 @@\n-{long}\n+{long}b\n", vulnerability__package=long
    )
    await stage.review(2, patch_id=f"p-{long[:200]}")
    alice = await sit()
    page = alice.page
    await alice.log_in("alice")
    await expect(alice.row("p-1")).to_be_visible()
    widths = {}
    for path in ("/patch?id=p-1", "/audit", "/numbers", "/"):
        await page.set_viewport_size({"width": 1440, "height": 900})
        await page.evaluate("(to) => { history.pushState(null, '', to) }", path)
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        if "patch" in path:
            await alice.reads("p-1")
        await page.wait_for_load_state("networkidle")
        # What was drawn for more room gives way.
        await page.set_viewport_size({"width": 375, "height": 812})
        with suppress(NotInTime):  # then it is told how wide it stayed
            await page.wait_for_function(f"{_WIDTH} === 375", timeout=2_000)
        widths[path] = await page.evaluate(_WIDTH)
    assert widths == dict.fromkeys(widths, 375)
