"""Everybody can read it: no violation that axe knows of, on every page and in every state, light and dark, wide and narrow."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.console.axe import Axe
from tests.console.conftest import Sit
from tests.console.stage import Stage


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 375])
async def test_no_page_and_no_state_keeps_anybody_out(stage: Stage, sit: Sit, scheme: str, width: int) -> None:
    shap = {"lines_added": 0.2, "has_encoding": -0.1}
    await stage.review(1, ml__shap_values=shap, ml__shap_base_value=0.4, patch__flagged=True, patch__flag_reason="odd")
    await stage.review(2, vulnerability__severity="critical")
    await stage.review(3, patch__diff="no diff at all")
    await stage.decide("bob", "p-2", "approve")
    await stage.review(4)
    await stage.decide("bob", "p-4", "reject", reason="wrong")
    reader = await sit(width=width, height=900, scheme=scheme)
    page = reader.page
    axe = Axe(page)
    await page.goto(stage.url)
    await expect(page.get_by_role("button", name="Continue as alice")).to_be_visible()
    await axe.look("login")
    await reader.log_in("alice")
    await expect(reader.row("p-1")).to_be_visible()
    await axe.look("queue")
    await reader.press("j", "x")
    await expect(page.get_by_role("region", name="1 selected")).to_be_visible()
    await axe.look("selection")
    await page.get_by_role("button", name="Decide together").click()
    await axe.look("batch")
    await reader.press("Escape")
    await reader.press("Shift+?")
    await expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    await axe.look("keys")
    await reader.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await reader.press("g", "s")
    await expect(page.get_by_role("dialog", name="Settings")).to_be_visible()
    await axe.look("settings")
    await reader.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await reader.press("g", "f")
    await axe.look("feedback")
    await reader.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    for patch in ("p-1", "p-2", "p-3", "p-4"):
        await page.evaluate("(to) => { history.pushState(null, '', to) }", f"/patch?id={patch}")
        await reader.reads(patch)
        await axe.look(f"card {patch}")
    await page.evaluate("(to) => { history.pushState(null, '', to) }", "/patch?id=p-1")
    await reader.reads("p-1")
    await reader.press("r")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await axe.look("rejecting")
    await reader.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await reader.press("a")
    await expect(page.get_by_text("not sent yet", exact=True)).to_be_visible()
    await axe.look("not sent yet")
    await reader.press("u", "g", "n")
    await expect(page.get_by_role("heading", name="Numbers")).to_be_visible()
    await expect(page.get_by_role("region", name="Reviewer load")).to_be_visible()
    await axe.look("numbers")
    await reader.press("g", "h")
    await expect(page.get_by_role("row").nth(1)).to_be_visible()
    await axe.look("audit")
    await page.evaluate("(to) => { history.pushState(null, '', to) }", "/patch?id=gone")
    await expect(page.get_by_text("There is no such patch")).to_be_visible()
    await axe.look("nothing there")
    axe.check(looks=16)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_what_is_to_be_filled_in_and_what_was_not_can_be_read(stage: Stage, sit: Sit, scheme: str) -> None:
    """Our colours, which have the contrast, and not the library's: axe does not look at what stands in an empty box."""
    await stage.review(1)
    reader = await sit(scheme=scheme)
    page = reader.page
    token = """name => {
      const one = document.body.appendChild(document.createElement("i"));
      one.style.color = `var(--${name})`;
      const found = getComputedStyle(one).color;
      one.remove();
      return found;
    }"""
    await reader.log_in("alice")
    box = page.get_by_role("searchbox")
    shown = await box.evaluate("box => getComputedStyle(box, '::placeholder').color")
    assert shown == await page.evaluate(token, "ink-soft")
    await reader.row("p-1").get_by_role("link").click()
    await reader.reads("p-1")
    await reader.press("r")
    await page.get_by_role("dialog").get_by_role("button", name="Reject").click()
    missing = page.get_by_role("dialog").get_by_text("Say why")
    assert await missing.evaluate("text => getComputedStyle(text).color") == await page.evaluate(token, "bad")
    axe = Axe(page)
    await axe.look("a reason is missing")
    axe.check(looks=1)


async def test_who_wants_no_motion_has_everything_in_its_place_at_once(stage: Stage, sit: Sit) -> None:
    """The browsers of these tests want none; a row that is moved is there before the next picture is drawn."""
    await stage.review(1)
    reader = await sit()
    await reader.log_in("alice")
    await expect(reader.row("p-1")).to_be_visible()
    moved = await reader.row("p-1").evaluate(
        """row => {
          getComputedStyle(row).transform;
          row.style.transform = "translateY(500px)";
          return [getComputedStyle(row).transform, document.getAnimations().length];
        }"""
    )
    assert moved == ["matrix(1, 0, 0, 1, 0, 500)", 0]


async def test_keys_can_be_switched_off_and_are_none_while_typing(stage: Stage, sit: Sit) -> None:
    await stage.review(1)
    alice = await sit()
    page = alice.page
    await alice.open("alice", "p-1")
    await alice.press("c")
    await page.keyboard.type("arnjk?")
    await expect(page.get_by_role("dialog").get_by_role("textbox")).to_have_value("arnjk?")
    await alice.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await alice.press("Shift+?")
    await page.get_by_role("dialog").get_by_role("switch", name="Use keys").uncheck(force=True)
    await alice.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await alice.press("a")
    await alice.press("r")
    await expect(page.get_by_text("not sent yet", exact=True)).to_be_hidden()
    await expect(page.get_by_role("dialog")).to_be_hidden()
    assert await stage.state("p-1") == "pending"


async def test_a_viewer_is_offered_nothing_that_they_may_not_do(stage: Stage, sit: Sit) -> None:
    await stage.review(1)
    victor = await sit()
    await victor.open("victor", "p-1")
    await expect(victor.page.get_by_text("You read only")).to_be_visible()
    for name in ("Approve", "Reject", "Comment", "Claim", "More"):
        await expect(victor.page.get_by_role("button", name=name)).to_have_count(0)
    await expect(victor.page.get_by_role("link", name="Audit")).to_have_count(0)
    await victor.press("a")
    await expect(victor.page.get_by_text("not sent yet", exact=True)).to_be_hidden()


async def test_it_speaks_portuguese(stage: Stage, sit: Sit) -> None:
    await stage.review(1)
    alice = await sit()
    await alice.log_in("alice")
    await alice.press("g", "s")
    await alice.page.get_by_text("Português").click()
    await expect(alice.page.get_by_role("dialog", name="Definições")).to_be_visible()
    await alice.press("Escape")
    await expect(alice.page.get_by_role("link", name="A minha vez")).to_be_visible()
    assert await alice.page.locator("html").get_attribute("lang") == "pt"
