"""The queue: one comes back to where one was, and what is shown is what was asked for."""

from __future__ import annotations

from playwright.async_api import Request, Route, expect

from tests.console.conftest import Sit
from tests.console.stage import Stage
from tests.harness import wait


async def test_back_from_a_card_one_is_where_one_was_and_nothing_was_read_anew(stage: Stage, sit: Sit) -> None:
    for number in range(10, 50):
        await stage.review(number)
    alice = await sit(height=600)
    page = alice.page
    await alice.log_in("alice")
    await expect(alice.row("p-10")).to_be_visible()
    await alice.press(*["j"] * 30)
    here = alice.row("p-39").get_by_role("link")
    await expect(here).to_be_focused()
    before = await alice.row("p-39").bounding_box()
    asked: list[str] = []

    def note(request: Request) -> None:
        if "/hitl/patches/pending" in request.url and not request.url.endswith("limit=1"):  # how many a lane holds
            asked.append(request.url)

    page.on("request", note)
    await alice.press("Enter")
    await alice.reads("p-39")
    await alice.press("Escape")
    await expect(here).to_be_focused()
    assert await alice.row("p-39").bounding_box() == before
    # Two cards further on, back is to the one that was read last.
    await alice.press("Enter")
    await alice.reads("p-39")
    await alice.press("n")
    await alice.reads("p-40")
    await alice.press("n")
    await alice.reads("p-41")
    await alice.press("Escape")
    await expect(alice.row("p-41").get_by_role("link")).to_be_focused()
    await alice.press("j")
    await expect(alice.row("p-42").get_by_role("link")).to_be_focused()
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
    await expect(alice.row("p-2").get_by_role("link")).to_be_focused()
    await expect(alice.row("p-1")).to_be_hidden()
    await alice.press("x")
    await expect(alice.page.get_by_role("checkbox", name="Select p-2")).to_be_checked()
    await expect(alice.page.get_by_role("checkbox", name="Select p-3")).not_to_be_checked()


async def test_the_parts_of_a_list_come_together_and_each_review_counts_once(stage: Stage, sit: Sit) -> None:
    for number, severity in enumerate(["high", "critical", "low"], start=1):
        await stage.review(number, vulnerability__severity=severity)
    await stage.decide("bob", "p-2", "approve")
    alice = await sit()
    page = alice.page
    held: list[Route] = []

    async def hold(route: Route) -> None:
        held.append(route)

    await page.route("**/hitl/patches/pending?limit=50*needs=me*", hold)
    async with page.expect_response("**/hitl/patches/pending?*sort=risk&turn=me"):
        await alice.log_in("alice")
    await wait.until_async(lambda: _are(held))
    await expect(page.get_by_role("status", name="Loading").last).to_be_visible()
    await expect(page.get_by_role("heading", level=2)).to_have_count(0)
    await held[0].continue_()
    lines = page.get_by_role("list", name="My turn").get_by_role("listitem")
    await expect(lines).to_have_count(5)
    told = [(await line.inner_text()).split("\n")[0] for line in await lines.all()]
    assert [told[0], told[2]] == ["One approval short: yours may be it", "Waiting, the most urgent first"]
    await expect(lines.nth(0)).to_contain_text("1")
    await expect(lines.nth(2)).to_have_text("Waiting, the most urgent first2")


async def _are(held: list[Route]) -> bool:
    return held != []


async def test_the_search_says_what_was_searched_for(stage: Stage, sit: Sit) -> None:
    await stage.review(1, vulnerability__package="shop")
    await stage.review(2, vulnerability__package="other")
    alice = await sit()
    page = alice.page
    await alice.log_in("alice")
    await expect(alice.row("p-2")).to_be_visible()
    box = page.get_by_role("searchbox")
    await box.fill("shop")
    await expect(alice.row("p-2")).to_be_hidden()
    await page.get_by_role("button", name="Clear filters").click()
    await expect(alice.row("p-2")).to_be_visible()
    await expect(box).to_have_value("")
    await box.fill("shop")
    await expect(alice.row("p-2")).to_be_hidden()
    await page.get_by_role("link", name="My turn").click()
    await expect(alice.row("p-2")).to_be_visible()
    await expect(box).to_have_value("")
    # At once to another lane: what was typed goes along.
    await box.fill("shop")
    await page.get_by_role("tab", name="Everything open").click()
    await expect(alice.row("p-2")).to_be_hidden()
    await expect(alice.row("p-1")).to_be_visible()
    await expect(box).to_have_value("shop")


async def test_what_is_counted_is_what_the_lane_holds(stage: Stage, sit: Sit) -> None:
    await stage.review(1, vulnerability__severity="low")
    await stage.review(2, vulnerability__severity="high")
    async with stage.client("alice") as client:
        await client.post("/hitl/patches/_/claim", params={"patch_id": "p-1"})
    async with stage.client("bob") as client:
        await client.post("/hitl/patches/_/claim", params={"patch_id": "p-2"})
    alice = await sit()
    await alice.log_in("alice")
    severities = alice.page.get_by_role("group", name="Severity").get_by_role("checkbox")
    await expect(alice.row("p-1")).to_be_visible()
    await expect(severities).to_have_count(1)
    await alice.page.get_by_role("tab", name="Everything open").click()
    await expect(severities).to_have_count(2)
    mine = alice.page.get_by_role("tab", name="Claimed by me")
    await expect(mine).to_have_text("Claimed by me 1")
    await mine.click()
    await expect(severities).to_have_count(1)
    # And what a lane shows is what it holds when it is chosen, also by whoever is in it.
    async with stage.client("alice") as client:
        await client.post("/hitl/patches/_/release", params={"patch_id": "p-1"})
        await mine.click()
        await expect(alice.page.get_by_text("Nothing is waiting for you")).to_be_visible()
        await expect(mine).to_have_text("Claimed by me")
        await alice.page.get_by_role("tab", name="Everything open").click()
        await expect(alice.row("p-1")).to_be_visible()
        await client.post("/hitl/patches/_/claim", params={"patch_id": "p-1"})
    await mine.click()
    await expect(alice.row("p-1")).to_be_visible()
