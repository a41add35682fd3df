"""The queue: one comes back to where one was, and what is shown is what was asked for."""

from __future__ import annotations

from playwright.async_api import Request, expect

from tests.console.conftest import Sit
from tests.console.stage import Stage


async def test_back_from_a_card_one_is_where_one_was_and_nothing_was_read_anew(stage: Stage, sit: Sit) -> None:
    for number in range(1, 41):
        await stage.review(number)
    alice = await sit(height=600)
    page = alice.page
    await alice.log_in("alice")
    await expect(alice.row("p-1")).to_be_visible()
    await alice.press(*["j"] * 30)
    here = alice.row("p-30").get_by_role("link")
    await expect(here).to_be_focused()
    before = await alice.row("p-30").bounding_box()
    asked: list[str] = []

    def note(request: Request) -> None:
        if "/hitl/patches/pending" in request.url:
            asked.append(request.url)

    page.on("request", note)
    await alice.press("Enter")
    await alice.reads("p-30")
    await alice.press("Escape")
    await expect(here).to_be_focused()
    assert await alice.row("p-30").bounding_box() == before
    await alice.press("j")
    await expect(alice.row("p-31").get_by_role("link")).to_be_focused()
    assert asked == []


async def test_a_key_acts_on_the_review_that_is_marked_whatever_has_moved(stage: Stage, sit: Sit) -> None:
    for number in (1, 2, 3):
        await stage.review(number)
    alice = await sit()
    await alice.log_in("alice")
    await expect(alice.row("p-3")).to_be_visible()
    await alice.press("j", "j")
    await expect(alice.row("p-2").get_by_role("link")).to_be_focused()
    await stage.decide("bob", "p-1", "approve")
    await expect(alice.row("p-1")).to_contain_text("Approved by bob")
    await alice.press(".")
    await expect(alice.row("p-1")).to_be_hidden()
    await alice.press("x")
    await expect(alice.page.get_by_role("checkbox", name="Select p-2")).to_be_checked()
    await expect(alice.page.get_by_role("checkbox", name="Select p-3")).not_to_be_checked()
