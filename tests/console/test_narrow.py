"""On a phone as well: what is on its way covers nothing that one decides with."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, expect

from tests.console.conftest import Sit
from tests.console.stage import Stage

# Whether what is drawn at the middle of a button is that button.
_ON_TOP = """button => {
  const { x, y, width, height } = button.getBoundingClientRect();
  return button.contains(document.elementFromPoint(x + width / 2, y + height / 2));
}"""


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
