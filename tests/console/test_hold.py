"""Two who work down the same queue: what one was led to, the other is not."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.console.conftest import Sit
from tests.console.stage import Stage
from tests.harness import wait


async def test_what_next_opens_is_held_until_it_is_left(stage: Stage, sit: Sit) -> None:
    for number in range(1, 5):
        await stage.review(number)
    alice, bob = await sit(), await sit()
    await alice.log_in("alice")
    await expect(alice.row("p-1")).to_be_visible()
    await bob.log_in("bob")
    await alice.press("n")
    await alice.reads("p-1")
    await expect(alice.page.get_by_text("Held by you")).to_be_visible()
    # The other is led past it.
    await expect(bob.row("p-1")).to_contain_text("Held by alice")
    await bob.press("n")
    await bob.reads("p-2")
    await expect(bob.page.get_by_text("Held by you")).to_be_visible()
    # What is left undecided is let go, by going back as by going on; what is decided is held until that is done.
    await alice.press("Escape")
    await until_held(stage, "p-1", None)
    await expect(alice.row("p-2")).to_contain_text("Held by bob")
    await alice.press("n")
    await alice.reads("p-1")
    await until_held(stage, "p-1", "alice")
    await alice.press("n")
    await alice.reads("p-3")
    await until_held(stage, "p-1", None)
    await until_held(stage, "p-3", "alice")
    await alice.press("a")
    await alice.reads("p-4")
    await until_held(stage, "p-4", "alice")
    await until_held(stage, "p-3", "alice")
    await alice.press("u")
    await until_held(stage, "p-3", None)
    # And when the page goes, or its reader.
    await alice.page.reload()
    await until_held(stage, "p-4", None)
    await bob.page.get_by_role("button", name="bob", exact=True).click()
    await bob.page.get_by_role("menuitem", name="Log out").click()
    await until_held(stage, "p-2", None)


async def test_one_approval_of_two_hides_it_from_nobody(stage: Stage, sit: Sit) -> None:
    await stage.review(1, vulnerability__severity="critical")
    await stage.review(2)
    alice = await sit()
    await alice.log_in("alice")
    await expect(alice.row("p-1")).to_be_visible()
    await alice.press("n")
    await alice.reads("p-1")
    await expect(alice.page.get_by_text("Held by you")).to_be_visible()
    await alice.press("a")
    await alice.page.get_by_role("button", name="Send now").click()
    await expect(alice.page.get_by_label("Sending")).to_contain_text("1 more needed")
    await until_held(stage, "p-1", None)


async def test_what_somebody_opens_or_claims_themselves_is_theirs(stage: Stage, sit: Sit) -> None:
    for number in (1, 2):
        await stage.review(number)
    alice = await sit()
    claims = asked(alice.page, "/claim?")
    await alice.log_in("alice")
    await alice.row("p-1").get_by_role("link").click()
    await alice.reads("p-1")
    await alice.press("m")
    await expect(alice.page.get_by_text("Held by you")).to_be_visible()
    assert len(claims) == 1
    await alice.press("Escape")
    await expect(alice.row("p-1")).to_contain_text("Held by you")
    await until_held(stage, "p-1", "alice")


async def test_who_does_not_want_that_holds_nothing(stage: Stage, sit: Sit) -> None:
    for number in (1, 2):
        await stage.review(number)
    alice = await sit()
    claims = asked(alice.page, "/claim?")
    await alice.log_in("alice")
    await alice.page.get_by_role("button", name="alice", exact=True).click()
    await alice.page.get_by_role("menuitem", name="Settings").click()
    await alice.page.get_by_role("switch", name="Hold what Next opens").press("Space")
    await alice.press("Escape")
    await expect(alice.page.get_by_role("dialog")).to_be_hidden()
    await alice.press("n")
    await alice.reads("p-1")
    await alice.press("m")
    await expect(alice.page.get_by_text("Held by you")).to_be_visible()
    assert len(claims) == 1


def asked(page: Page, what: str) -> list[str]:
    """All that the page asks from now on whose address has this in it."""
    found: list[str] = []
    page.on("request", lambda request: found.append(request.url) if what in request.url else None)
    return found


async def until_held(stage: Stage, patch_id: str, person: str | None) -> None:
    """By this one, or by nobody."""

    async def is_so() -> bool:
        async with stage.client("victor") as client:
            detail = (await client.get("/hitl/patches/_", params={"patch_id": patch_id})).json()
        return bool(detail["claimed_by"] == person)

    await wait.until_async(is_so, 10.0)
