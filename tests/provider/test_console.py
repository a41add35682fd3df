"""The console with a real provider: one logs in there, comes back to where one was, and logs in again on top of one's work."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Page, Route, expect

from tests.console.conftest import built
from tests.console.reader import Reader
from tests.harness import database as databases
from tests.harness.browser import launched
from tests.harness.postgres import PostgresServer
from tests.provider.conftest import granted
from tests.provider.keycloak import KeycloakServer
from tests.provider.product import Product

ANN = "5b0f6a52-7c0e-4c55-9a3e-0d9a6c1e0001"
CRITICAL = {"vulnerability__severity": "critical"}


@asynccontextmanager
async def sitting(product: Product) -> AsyncIterator[Reader]:
    """Somebody in front of a browser that knows nobody; nothing may have gone wrong when they get up."""
    built()
    async with launched() as browser:
        reader = await Reader.sit_down(await browser.new_page(locale="en-GB"), product.url)
        yield reader
        await reader.check()


async def log_in(page: Page, name: str) -> None:
    """Fill in the provider's own form."""
    await page.get_by_label("Username or email").fill(name)
    await page.get_by_label("Password", exact=True).fill(f"{name}-password")
    await page.get_by_role("button", name="Sign In").click()


async def open_as(reader: Reader, name: str, patch_id: str) -> None:
    """By a link to a patch, over the provider, to that patch."""
    await reader.page.goto(f"{reader.url}/patch?id={patch_id}")
    await reader.page.get_by_role("button", name="Log in").click()
    await log_in(reader.page, name)
    await reader.reads(patch_id)
    assert reader.page.url == f"{reader.url}/patch?id={patch_id}", "neither code nor state is left in the address"


@pytest.mark.usefixtures("reviewing")
async def test_a_person_logs_in_decides_and_logs_out_at_the_provider_too(product: Product) -> None:
    patch_id = await asyncio.to_thread(product.review)
    async with sitting(product) as ann:
        page = ann.page
        await open_as(ann, "ann", patch_id)
        kept = await page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")
        assert "eyJ" not in kept, "a token is in memory only"
        await ann.press("a")
        await page.get_by_role("button", name="Send now").click()
        await expect(page.get_by_label("Sending")).to_contain_text(f"{patch_id} Approved")
        await page.get_by_role("button", name="ann", exact=True).click()
        await page.get_by_role("menuitem", name="Log out").click()
        await expect(page.get_by_role("heading", name="Review console")).to_be_visible()
        assert page.url == f"{ann.url}/"
        await page.get_by_role("button", name="Log in").click()
        await expect(page.get_by_label("Username or email")).to_be_visible()


@pytest.mark.usefixtures("reviewing")
async def test_a_fresh_login_is_asked_of_the_provider_beside_the_page(product: Product) -> None:
    patch_id = await asyncio.to_thread(product.review, **CRITICAL)

    async def too_old(route: Route) -> None:
        told = {"type": "/problems/login-too-old", "title": "Log in again", "status": 401, "detail": "five minutes"}
        await route.fulfill(status=401, content_type="application/problem+json", body=json.dumps(told))

    async with sitting(product) as ann:
        page = ann.page
        await open_as(ann, "ann", patch_id)
        # The sidecar would say so five minutes from now.
        await page.route("**/approve?*", too_old, times=1)
        await ann.press("a")
        await page.get_by_role("button", name="Send now").click()
        asked = page.get_by_label("Sending").get_by_role("alert")
        async with page.expect_popup() as opening:
            await asked.get_by_role("button", name="Log in again to approve this").click()
        aside = await opening.value
        # The provider knows the person, and asks for the password all the same.
        await aside.get_by_label("Password", exact=True).fill("ann-password")
        async with aside.expect_event("close"):
            await aside.get_by_role("button", name="Sign In").click()
        await expect(page.get_by_label("Sending")).to_contain_text("1 more needed")
        await page.goto(f"{ann.url}/patch?id={patch_id}")
        await page.get_by_role("button", name="Log in").click()
        await expect(page.get_by_text("1 of 2")).to_be_visible()


@pytest.fixture
def forgetful(
    keycloak: KeycloakServer, postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Product]:
    """A sidecar whose console gets tokens that are good for a second, and renews them as often."""
    with databases.migrated(postgres) as url:
        made = Product(url, keycloak.issuer, tmp_path_factory.mktemp("forgetful") / "sidecar.log", "short-lived")
        with granted(made, "/security-engineers", "reviewer"):
            yield made
        made.stop()


async def test_a_session_that_the_provider_ends_keeps_what_is_written(
    forgetful: Product, keycloak: KeycloakServer
) -> None:
    patch_id = await asyncio.to_thread(forgetful.review)
    async with sitting(forgetful) as ann:
        page = ann.page
        async with page.expect_response("**/protocol/openid-connect/token") as exchanged:
            await open_as(ann, "ann", patch_id)
        assert (await exchanged.value).ok
        async with page.expect_response("**/protocol/openid-connect/token") as renewed:
            await ann.press("c")
        assert (await renewed.value).ok
        await page.keyboard.type("I asked the team")
        keycloak.end_sessions(ANN)
        ended = page.get_by_role("dialog", name="Your session has ended")
        await expect(ended).to_be_visible()
        async with page.expect_popup() as opening:
            await ended.get_by_role("button", name="Log in again").click()
        aside = await opening.value
        await aside.get_by_label("Username or email").fill("ann")
        await aside.get_by_label("Password", exact=True).fill("ann-password")
        async with aside.expect_event("close"):
            await aside.get_by_role("button", name="Sign In").click()
        await expect(ended).to_be_hidden()
        comment = page.get_by_role("dialog").get_by_role("textbox")
        await expect(comment).to_have_value("I asked the team")
        await comment.press("Control+Enter")
        await expect(page.get_by_role("region", name="What happened")).to_contain_text("I asked the team")
