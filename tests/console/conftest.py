"""A stage with a console, a browser, and readers in front of it.

The tests here share one loop: the browser belongs to that in which it was started, and a start takes as long as a short test.
What a test leaves in it (windows, cookies, storage) goes with the context that its readers sat in.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib.resources import files
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page

from tests.console.reader import Reader
from tests.console.stage import Stage
from tests.harness.availability import missing
from tests.harness.browser import launched
from tests.sidecar.conftest import recording

Sit = Callable[..., Awaitable[Reader]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents and inspect.iscoroutinefunction(getattr(item, "obj", None)):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


def built() -> None:
    """The console is there to be served; else the test is skipped by name, in CI it fails."""
    if not (files("hitl_stream") / "console" / "index.html").is_file():
        missing("the built console", "make console could not build it")


@pytest_asyncio.fixture(loop_scope="session")
async def stage(database: str) -> AsyncIterator[Stage]:
    built()
    async with recording(database) as upstream:
        made = Stage(database, upstream)
        await made.start()
        yield made
        await made.stop()


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with launched() as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def sit(stage: Stage, browser: Browser) -> AsyncIterator[Sit]:
    """Sits somebody down in front of a browser of their own; nothing may have gone wrong when they get up."""
    readers: list[Reader] = []
    contexts: list[BrowserContext] = []

    async def sit_down(width: int = 1440, height: int = 900, scheme: str = "light") -> Reader:
        context = await browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
            reduced_motion="reduce",
            locale="en-GB",
            timezone_id="Europe/Lisbon",
        )
        contexts.append(context)
        context.set_default_timeout(10_000)
        page: Page = await context.new_page()
        reader = await Reader.sit_down(page, stage.url)
        readers.append(reader)
        return reader

    yield sit_down
    for reader in readers:
        await reader.check()
    for context in contexts:
        await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def alice(sit: Sit) -> Reader:
    """A reviewer in front of the login page."""
    return await sit()
