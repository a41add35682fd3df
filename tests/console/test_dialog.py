"""Dialogs: what is pressed in one does nothing below it."""

from __future__ import annotations

from playwright.async_api import expect

from tests.console.conftest import Sit
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
