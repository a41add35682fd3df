"""Sessions that end, and people who go: what could not be asked is asked again, and nobody stays without being told why."""

from __future__ import annotations

from typing import Final

from playwright.async_api import Route, expect

from tests.console.conftest import Sit
from tests.console.stage import Stage

PENDING: Final = "**/hitl/patches/pending?*"
APPROVE: Final = "**/approve?*"
PATIENCE_MS: Final = 5_500  # a little longer than logging out waits for an answer


async def over(route: Route) -> None:
    """As the sidecar answers a token that it does not accept any more."""
    await route.fulfill(
        status=401, json={"title": "Unauthorized", "status": 401}, content_type="application/problem+json"
    )


async def test_what_a_session_that_ended_could_not_ask_is_there_after_the_next_login(stage: Stage, sit: Sit) -> None:
    await stage.review(1)
    alice = await sit()
    page = alice.page
    await alice.log_in("alice", "/numbers")
    await page.route(PENDING, over)
    await alice.press("g", "t")
    ended = page.get_by_role("dialog", name="Your session has ended")
    await expect(ended).to_be_visible()
    await page.unroute(PENDING)
    await ended.get_by_role("button", name="Log in again").click()
    await expect(alice.row("p-1")).to_be_visible()


async def test_a_card_that_was_read_stays_where_it_could_not_be_read_anew(stage: Stage, sit: Sit) -> None:
    await stage.review(1)
    alice = await sit()
    page = alice.page
    await alice.open("alice", "p-1")
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    await stage.review(1, wargame__run_id="run-2", ml__confidence=0.8)
    await page.route("**/hitl/patches/_/?patch_id=p-1", over)
    await page.get_by_role("button", name="Show what is new").click()
    ended = page.get_by_role("dialog", name="Your session has ended")
    await expect(ended).to_be_visible()
    await page.unroute("**/hitl/patches/_/?patch_id=p-1")
    await expect(alice.card("p-1")).to_be_attached()
    await ended.get_by_role("button", name="Log in again").click()
    await expect(page.get_by_role("region", name="Why is this here")).to_contain_text("0.8 < 0.95")


async def test_looking_again_at_the_card_that_is_open_reads_it_anew(stage: Stage, sit: Sit) -> None:
    await stage.review(1)
    alice = await sit()
    page = alice.page
    await alice.open("alice", "p-1")
    await alice.press("a")
    await page.go_back()
    await alice.reads("p-1")
    await stage.review(1, wargame__run_id="run-2", ml__confidence=0.8)
    await page.get_by_role("button", name="Send now").click()
    await page.get_by_label("Sending").get_by_role("button", name="Look again").click()
    await expect(page.get_by_role("region", name="Why is this here")).to_contain_text("0.8 < 0.95")


async def test_a_fresh_login_that_does_not_work_says_so(stage: Stage, sit: Sit) -> None:
    await stage.review(1, vulnerability__severity="critical")
    alice = await sit()
    page = alice.page
    stage.issuer.age_s = 600
    await alice.open("alice", "p-1")
    await alice.press("a")
    await page.get_by_role("button", name="Send now").click()
    asked = page.get_by_label("Sending").get_by_role("alert")
    await page.route("**/demo/token", lambda route: route.abort())
    await asked.get_by_role("button", name="Log in again to approve this").click()
    await expect(asked).to_contain_text("The login did not work")
    await page.unroute("**/demo/token")
    stage.issuer.age_s = 0
    await asked.get_by_role("button", name="Log in again to approve this").click()
    await expect(page.get_by_label("Sending")).to_contain_text("Your approval counts")


async def test_a_refusal_that_nobody_dismissed_keeps_nobody_from_going(stage: Stage, sit: Sit) -> None:
    await stage.review(1)
    alice = await sit()
    page = alice.page
    await alice.open("alice", "p-1")
    await stage.decide("bob", "p-1", "reject", reason="it is odd")
    await alice.press("a")
    await page.get_by_role("button", name="Send now").click()
    await expect(page.get_by_text("was decided by bob")).to_be_visible()
    await page.get_by_role("button", name="alice", exact=True).click()
    await page.get_by_role("menuitem", name="Log out").click()
    await expect(page.get_by_role("heading", name="Review console")).to_be_visible()


async def test_who_goes_while_a_decision_has_no_answer_is_told_and_may_go_anyway(stage: Stage, sit: Sit) -> None:
    await stage.review(1)
    alice = await sit()
    page = alice.page
    await page.clock.install()
    await alice.open("alice", "p-1")
    await page.route(APPROVE, lambda route: route.abort())
    await alice.press("a")
    who, out = page.get_by_role("button", name="alice", exact=True), page.get_by_role("menuitem", name="Log out")
    for answer in ("Stay", "Log out anyway"):
        await who.click()
        await out.click()
        await who.click()
        await expect(out).to_be_disabled()  # it is on its way
        await who.click()
        await page.clock.fast_forward(PATIENCE_MS)
        held = page.get_by_role("dialog", name="Not everything has arrived")
        await expect(held).to_be_visible()
        await held.get_by_role("button", name=answer).click()
        await expect(held).to_be_hidden()
    await expect(page.get_by_role("heading", name="Review console")).to_be_visible()
    assert alice.warned == 0
    await page.unroute(APPROVE)
    await alice.log_in("alice")
    await expect(page.get_by_label("Sending")).to_be_empty()
    assert await stage.state("p-1") == "pending"
