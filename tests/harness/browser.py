"""A real browser: Debian's Chromium, driven by Playwright. Its own download of browsers is not used."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

from tests.harness.availability import missing

_NAMES = ("chromium", "chromium-browser", "google-chrome")


def executable() -> str:
    """Where Chromium is; without one the test is skipped by name, in CI it fails."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    return found or missing("Chromium", "it is not installed")


@asynccontextmanager
async def launched() -> AsyncIterator[Browser]:
    """A browser of its own."""
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable(), args=arguments)
        try:
            yield browser
        finally:
            await browser.close()
