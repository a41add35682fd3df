"""A reviewer's whole day without leaving the keyboard, from login to logout."""

from __future__ import annotations

from playwright.async_api import expect

from tests.console.reader import Reader
from tests.console.stage import Stage

HOUR_MS = 3_600_000
UNDO_MS = 10_500


async def test_a_reviewers_day(stage: Stage, alice: Reader) -> None:
    for number in range(1, 7):
        await stage.review(number)
    page = alice.page
    await page.clock.install()
    await alice.log_in("alice")

    # The queue, walked down and up; the second row is opened.
    await expect(alice.row("p-1")).to_be_visible()
    await alice.press("j", "j", "j", "k")
    await expect(alice.row("p-2").get_by_role("link")).to_be_focused()
    await alice.press("Enter")
    await alice.reads("p-2")
    await expect(page.get_by_role("region", name="Why is this here")).to_contain_text("0.91 < 0.95")

    # Approved, taken back, approved again: the next one opens by itself, and only then is the first sent.
    await alice.press("a")
    await alice.reads("p-3")
    await expect(page.get_by_text("not sent yet", exact=True)).to_be_visible()
    await alice.press("u")
    await expect(page.get_by_text("not sent yet", exact=True)).to_be_hidden()
    await page.clock.fast_forward(UNDO_MS)
    assert await stage.state("p-2") == "pending"
    await page.go_back()
    await alice.reads("p-2")
    await alice.press("a")
    await alice.reads("p-3")
    await page.clock.fast_forward(UNDO_MS)
    await expect(page.get_by_label("Sending")).to_contain_text("p-2 Approved")
    assert await stage.state("p-2") == "approved"

    # Rejected for a preset and a reason.
    await alice.press("r")
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_label("Reason")).to_be_focused()
    await page.keyboard.type("it opens a race, see jkarx")
    await dialog.get_by_label("The fix is incomplete").press("Space")
    await dialog.get_by_role("button", name="Reject").press("Enter")
    await alice.reads("p-4")
    await page.clock.fast_forward(UNDO_MS)
    await expect(page.get_by_label("Sending")).to_contain_text("p-3 Rejected")
    assert await stage.state("p-3") == "rejected"

    # Held by itself, let go, claimed; and the session ends while a comment is being written.
    await expect(page.get_by_text("Held by you")).to_be_visible()
    await alice.press("m")
    await expect(page.get_by_text("Held by you")).to_be_hidden()
    await alice.press("m")
    await expect(page.get_by_text("Held by you")).to_be_visible()
    await alice.press("c")
    await page.keyboard.type("I asked the team")
    await page.clock.fast_forward(HOUR_MS)
    ended = page.get_by_role("dialog", name="Your session has ended")
    await expect(ended).to_be_visible()
    await alice.press("Escape")  # closes nothing that lies below
    await ended.get_by_role("button", name="Log in again").press("Enter")
    await expect(ended).to_be_hidden()
    comment = page.get_by_role("dialog").get_by_role("textbox")
    await expect(comment).to_have_value("I asked the team")
    await comment.press("Control+Enter")
    await expect(page.get_by_role("region", name="What happened")).to_contain_text("I asked the team")

    # To the next, back to the queue by Escape, to the numbers and the audit by two keys, and what all the keys are.
    await alice.press("n")
    await alice.reads("p-5")
    await alice.press("Escape")
    await expect(alice.row("p-5")).to_be_visible()
    await alice.press("g", "n")
    await expect(page.get_by_role("heading", name="Numbers")).to_be_visible()
    await alice.press("g", "h")
    await expect(page.get_by_role("row", name="it opens a race").first).to_be_visible()
    await alice.press("?")
    await expect(page.get_by_role("dialog", name="Keys")).to_contain_text("My turn")
    await alice.press("Escape")

    # Home.
    await page.get_by_role("button", name="alice", exact=True).press("Enter")
    await page.get_by_role("menuitem", name="Log out").press("Enter")
    await expect(page.get_by_role("heading", name="Review console")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("heading", name="Review console")).to_be_visible()
