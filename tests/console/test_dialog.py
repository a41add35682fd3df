"""Dialogs: what is pressed in one does nothing below it."""

from __future__ import annotations

from playwright.async_api import expect

from tests.console.conftest import Sit
from tests.console.gate import gated
from tests.console.stage import Stage


async def test_escape_closes_the_dialog_and_not_the_card_below(stage: Stage, sit: Sit) -> None:
    await stage.review(1)
    alice = await sit()
    page = alice.page
    await alice.open("alice", "p-1")
    dialog = page.get_by_role("dialog")
    await alice.press("Shift+?")
    await dialog.get_by_role("button", name="Close").focus()
    await alice.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(alice.card("p-1")).to_be_visible()
    await alice.press("r")
    await dialog.get_by_label("The fix is incomplete").focus()
    await alice.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(alice.card("p-1")).to_be_visible()
    await alice.press("Escape")
    await expect(alice.row("p-1")).to_be_visible()


async def test_who_closes_a_dialog_goes_on_where_they_were(stage: Stage, sit: Sit) -> None:
    await stage.review(1)
    await stage.decide("bob", "p-1", "approve")
    alice = await sit()
    page = alice.page
    await alice.open("alice", "p-1")
    dialog = page.get_by_role("dialog")
    comment, more = page.get_by_role("button", name="Comment"), page.get_by_role("button", name="More")
    await comment.press("Enter")
    await expect(dialog.get_by_role("textbox")).to_be_focused()
    await alice.press("Escape")
    await expect(comment).to_be_focused()
    await more.press("Enter")
    await page.get_by_role("menuitem", name="Revoke").press("Enter")
    await expect(dialog.get_by_role("textbox")).to_be_focused()
    await alice.press("Escape")
    await expect(more).to_be_focused()


async def test_a_comment_goes_once_and_its_answer_closes_no_other_dialog(stage: Stage, sit: Sit) -> None:
    await stage.review(1)
    alice = await sit()
    page = alice.page
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if "/comment?" in request.url else None)
    await alice.open("alice", "p-1")
    box = page.get_by_role("dialog").get_by_role("textbox")
    async with gated(page) as gate:
        await alice.press("c")
        await page.keyboard.type("it reads well")
        for _ in range(2):  # also where it is closed and opened again meanwhile
            await alice.press("Control+Enter")
            await expect(box).not_to_be_editable()
            await alice.press("!", "Control+Enter", "Escape")
            await expect(box).to_be_hidden()
            await alice.press("c")
            await expect(box).to_have_value("it reads well")
        await alice.press("Escape")
        await expect(box).to_be_hidden()
        await alice.press("r")
        await page.keyboard.type("nobody ")
        gate.opened.set()
        await expect(page.get_by_label("What happened")).to_contain_text("it reads well")
        await page.keyboard.type("tried it")
    await expect(box).to_have_value("nobody tried it")
    assert len(sent) == 1


async def test_a_page_is_named_and_begins_with_its_heading(stage: Stage, sit: Sit) -> None:
    await stage.review(1)
    alice = await sit()
    page = alice.page
    await alice.log_in("alice")
    await expect(page).to_have_title("My turn · hitl-stream")
    await page.get_by_role("link", name="Numbers").click()
    await expect(page).to_have_title("Numbers · hitl-stream")
    await expect(page.get_by_role("heading", level=1, name="Numbers")).to_be_focused()
    await alice.press("g", "t")
    await alice.row("p-1").get_by_role("link").click()
    await alice.reads("p-1")
    await expect(page).to_have_title("p-1 · hitl-stream")
    await expect(page.get_by_role("heading", level=1, name="p-1")).to_be_focused()


async def test_enter_on_a_filter_opens_no_review(stage: Stage, sit: Sit) -> None:
    await stage.review(1)
    alice = await sit()
    await alice.log_in("alice")
    await expect(alice.row("p-1")).to_be_visible()
    await alice.page.get_by_role("group", name="Severity").get_by_role("checkbox").first.press("Enter")
    await alice.press("g", "n")
    await alice.page.go_back()
    await expect(alice.row("p-1")).to_be_visible()


async def test_a_page_that_broke_takes_no_other_with_it(stage: Stage, sit: Sit) -> None:
    await stage.review(1)
    alice = await sit()
    page = alice.page
    await alice.log_in("alice")
    await page.route("**/hitl/audit?*", lambda route: route.fulfill(json=[None]))
    await alice.press("g", "h")
    await expect(page.get_by_text("Something here is broken")).to_be_visible()
    assert alice.wrong != []  # the browser was told, as it should be
    alice.wrong.clear()
    await page.unroute("**/hitl/audit?*")
    await alice.press("g", "t")
    await expect(alice.row("p-1")).to_be_visible()
