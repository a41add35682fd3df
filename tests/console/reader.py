"""Somebody in front of the browser, and an ear on everything that must not happen while they work."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from playwright.async_api import ConsoleMessage, Dialog, Locator, Page, expect

# Runs before anything of the page: what the browser refused by the policy is told here.
_LISTEN: Final = """
window.__refused = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.__refused.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
"""
# What a browser says of an answer that was no success: the tests bring those about.
_EXPECTED: Final = "Failed to load resource"


@dataclass
class Reader:
    """A page, what went wrong on it, and how often it asked whether to stay."""

    page: Page
    url: str
    wrong: list[str] = field(default_factory=list)
    warned: int = 0

    @classmethod
    async def sit_down(cls, page: Page, url: str) -> Reader:
        """Listen from the first moment."""
        made = cls(page, url)
        await page.add_init_script(_LISTEN)
        page.on("dialog", made._dialog)
        page.on("pageerror", lambda error: made.wrong.append(f"error: {error}"))
        page.on("console", made._said)
        return made

    def _said(self, message: ConsoleMessage) -> None:
        if (
            message.type == "error"
            and not message.text.startswith(_EXPECTED)
            and "WebSocket connection" not in message.text
        ):
            self.wrong.append(f"console: {message.text}")

    async def _dialog(self, dialog: Dialog) -> None:
        if dialog.type == "beforeunload":  # the browser's own question whether to leave what is not sent yet
            self.warned += 1
            await dialog.accept()
            return
        self.wrong.append(f"dialog: {dialog.message}")
        await dialog.dismiss()

    async def check(self) -> None:
        """Nothing went wrong."""
        refused = await self.page.evaluate("window.__refused")
        assert [*self.wrong, *refused] == []

    async def log_in(self, name: str, path: str = "/") -> None:
        """As one of the demo, by keyboard."""
        await self.page.goto(f"{self.url}{path}")
        await self.page.get_by_role("button", name=f"Continue as {name}").press("Enter")
        await expect(self.page.get_by_role("button", name=name, exact=True)).to_be_visible()

    async def open(self, name: str, patch_id: str) -> None:
        """As one of the demo, in front of one patch."""
        await self.log_in(name, f"/patch?id={patch_id}")
        await self.reads(patch_id)

    async def press(self, *keys: str) -> None:
        """One key after the other."""
        for key in keys:
            await self.page.keyboard.press(key)

    def row(self, patch_id: str) -> Locator:
        """A line of the queue."""
        link = self.page.get_by_role("link", name=re.compile(rf"^{re.escape(patch_id)}(\s|$)"))
        return self.page.get_by_role("listitem").filter(has=link)

    async def reads(self, patch_id: str) -> None:
        """A patch is open, and its diff on the screen: now it can be decided on."""
        await expect(self.card(patch_id)).to_have_attribute("data-ready", "true")

    def card(self, patch_id: str) -> Locator:
        """A patch that is open."""
        return self.page.get_by_role("article", name=patch_id)
