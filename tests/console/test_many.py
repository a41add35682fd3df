"""Many at once: chosen by key, by range and by filter; a dry run that tells, and an answer for each."""

from __future__ import annotations

import json
import re
from typing import Final

from playwright.async_api import Route, expect

from tests.console.conftest import Sit
from tests.console.gate import gated
from tests.console.stage import Stage

BATCH: Final = re.compile("/hitl/patches/batch")
# Whether the page would go without a question.
MAY_GO: Final = "window.dispatchEvent(new Event('beforeunload', { cancelable: true }))"


async def test_several_are_rejected_and_what_was_skipped_says_why(stage: Stage, sit: Sit) -> None:
    for number in range(1, 7):
        await stage.review(number)
    alice = await sit()
    page = alice.page
    await alice.log_in("alice")
    await expect(alice.row("p-1")).to_be_visible()
    # The first by key, then all to the fourth.
    await alice.press("j", "x", "j", "j", "j", "Shift+X")
    await expect(page.get_by_role("region", name="4 selected")).to_be_visible()
    await alice.press("Escape")
    await expect(page.get_by_role("region", name="4 selected")).to_be_hidden()
    await alice.press("k", "k", "k", "x", "j", "j", "j", "Shift+X", "b")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("It mends the wrong thing").check()
    await dialog.get_by_role("button", name="See what would happen").click()
    await expect(dialog.get_by_text("4 · Would be rejected")).to_be_visible()
    for number in range(1, 5):
        assert await stage.state(f"p-{number}") == "pending"
    assert await page.evaluate(MAY_GO)
    async with gated(page, BATCH) as gate:
        await dialog.get_by_role("button", name="Do it for 4").click()
        await expect(dialog.get_by_role("status")).to_be_visible()
        assert not await page.evaluate(MAY_GO)
        gate.fail()
        await expect(dialog.get_by_role("alert")).to_contain_text("may have been done")
        await expect(dialog.get_by_role("button", name="Do it for 4")).to_be_enabled()
    # Whoever closes it and comes back finds what they chose and wrote.
    await alice.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(page.get_by_role("region", name="4 selected")).to_be_visible()
    await alice.press("b")
    await expect(dialog.get_by_label("It mends the wrong thing")).to_be_checked()
    await dialog.get_by_role("button", name="See what would happen").click()
    await expect(dialog.get_by_text("4 · Would be rejected")).to_be_visible()
    await stage.decide("bob", "p-2", "approve")
    await dialog.get_by_role("button", name="Do it for 4").click()
    await expect(dialog.get_by_text("3 · Rejected")).to_be_visible()
    await expect(dialog.get_by_role("listitem").filter(has_text="p-2")).to_contain_text("was decided by bob")
    await expect(dialog.get_by_role("listitem").first).to_contain_text("p-2")
    await dialog.get_by_role("button", name="Close").last.click()
    await expect(page.get_by_role("region", name="4 selected")).to_be_hidden()
    async with stage.client("alice") as client:
        told = (await client.get("/hitl/patches/p-1")).json()
    assert told["history"][0]["justification"] == "It mends the wrong thing"
    assert [await stage.state(f"p-{n}") for n in range(1, 6)] == [
        "rejected", "approved", "rejected", "rejected", "pending",
    ]  # fmt: skip


async def test_what_is_critical_among_many_needs_a_fresh_login(stage: Stage, sit: Sit) -> None:
    await stage.review(1)
    await stage.review(2, vulnerability__severity="critical")
    alice = await sit()
    stage.issuer.age_s = 600
    await alice.log_in("alice")
    await expect(alice.row("p-1")).to_be_visible()
    await alice.press("j", "x", "j", "Shift+X", "b")
    dialog = alice.page.get_by_role("dialog")
    await dialog.get_by_text("Approve", exact=True).click()
    await dialog.get_by_role("button", name="See what would happen").click()
    await expect(dialog.get_by_text("1 · Skipped")).to_be_visible()
    stage.issuer.age_s = 0
    await dialog.get_by_role("button", name="Log in again").click()
    await expect(dialog.get_by_text("1 · Skipped")).to_be_hidden()
    await dialog.get_by_role("button", name="Do it for 2").click()
    await expect(dialog.get_by_text("1 · Approved")).to_be_visible()
    assert [await stage.state(f"p-{n}") for n in (1, 2)] == ["approved", "pending"]
    async with stage.client("bob") as client:
        assert (await client.get("/hitl/patches/p-2")).json()["approvals"] == ["alice"]


async def test_all_that_pass_a_filter_are_decided_however_many_pages(stage: Stage, sit: Sit) -> None:
    for number in range(1, 206):
        await stage.review(number, vulnerability__package="shop" if number % 41 else "other")
    alice = await sit(height=700)
    page = alice.page
    await alice.log_in("alice", "/?package=shop")
    await expect(alice.row("p-1")).to_be_visible()
    await alice.press("j", "x")
    await page.get_by_role("button", name="Select all that pass (200)").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_text("Approve", exact=True).click()
    await dialog.get_by_role("button", name="See what would happen").click()
    await expect(dialog.get_by_text("200 · Would be approved")).to_be_visible()
    await dialog.get_by_role("button", name="Do it for 200").click()
    await expect(dialog.get_by_text("200 · Approved")).to_be_visible()
    assert [await stage.state(f"p-{n}") for n in (1, 41, 42, 205)] == ["approved", "pending", "approved", "pending"]


async def test_what_was_lost_half_way_is_said_and_what_was_chosen_stays(stage: Stage, sit: Sit) -> None:
    await stage.review(1)
    await stage.multiply(600)
    alice = await sit()
    page = alice.page
    done: list[int] = []

    async def half(route: Route) -> None:
        asked = json.loads(route.request.post_data or "")
        if not asked["dry_run"]:
            done.append(len(asked["items"]))
            if done == [500, 100]:
                await route.abort()
                return
        outcome = "would_reject" if asked["dry_run"] else "rejected"
        results = [{"patch_id": one["patch_id"], "status": 200, "outcome": outcome} for one in asked["items"]]
        await route.fulfill(json={"dry_run": asked["dry_run"], "results": results})

    await page.route(BATCH, half)
    await alice.log_in("alice", "/?lane=all")
    await expect(alice.row("p-1")).to_be_visible()
    await alice.press("j", "x")
    await page.get_by_role("button", name="Select all that pass (600)").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("It mends the wrong thing").check()
    await dialog.get_by_role("button", name="See what would happen").click()
    await dialog.get_by_role("button", name="Do it for 600").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("may have been done")
    await expect(dialog.get_by_text("500 · Rejected")).to_be_visible()
    await alice.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(page.get_by_role("region", name="1 selected")).to_be_visible()
    await alice.press("b")
    await expect(dialog.get_by_label("It mends the wrong thing")).to_be_checked()


async def test_a_view_is_a_link(stage: Stage, sit: Sit) -> None:
    await stage.review(1, vulnerability__severity="low", vulnerability__package="shop")
    await stage.review(2, vulnerability__severity="medium", vulnerability__package="shop")
    await stage.review(3, vulnerability__severity="low", vulnerability__package="other")
    alice, bob = await sit(), await sit()
    page = alice.page
    await alice.log_in("alice")
    filters = page.get_by_role("complementary", name="Filters")
    await filters.get_by_role("group", name="Severity").get_by_label("Low").check()
    await expect(alice.row("p-2")).to_be_hidden()
    await alice.press("/")
    await page.keyboard.type("shop")
    await expect(alice.row("p-3")).to_be_hidden()
    await expect(alice.row("p-1")).to_be_visible()
    await page.wait_for_url("**q=shop*")
    await bob.log_in("bob", page.url.removeprefix(stage.url))
    await expect(bob.row("p-1")).to_be_visible()
    await expect(bob.row("p-2")).to_be_hidden()
    await expect(bob.page.get_by_role("searchbox")).to_have_value("shop")
    await bob.page.get_by_role("button", name="Remove filter Severity: Low").click()
    await expect(bob.row("p-2")).to_be_visible()
