"""Whoever looked before is shown what is new: of the diff too, change by change."""

from __future__ import annotations

from typing import Final

import asyncpg
from playwright.async_api import Locator, expect

from tests.console.axe import Axe
from tests.console.conftest import Sit
from tests.console.stage import Stage


def diff(*hunks: str) -> str:
    """A diff of one file."""
    return "--- a/app.py\n+++ b/app.py\n" + "".join(hunks)


def hunk(at: int, was: str, now: str) -> str:
    """A change of the second of three lines."""
    return f"@@ -{at},3 +{at},3 @@\n one\n-{was}\n+{now}\n four\n"


def added(shown: Locator, text: str) -> Locator:
    """A line that the patch adds; its words stand apart where they are highlighted."""
    return shown.locator(".diff-code-insert").filter(has_text=text)


FIRST: Final = diff(hunk(1, "print(x)", "log(x)"), hunk(11, "eval(y)", "int(y)"), hunk(21, "z = 1", "z = 2"))
SECOND: Final = diff(hunk(1, "print(x)", "log(x)"), hunk(11, "eval(y)", "literal_eval(y)"))


async def test_of_a_diff_that_changed_it_is_told_what_is_new(stage: Stage, sit: Sit) -> None:
    await stage.review(1, patch__diff=FIRST)
    alice = await sit(height=2_000)  # only what is in sight is drawn
    page = alice.page
    shown = page.get_by_role("region", name="The patch")
    await alice.open("alice", "p-1")
    await expect(added(shown, "log(x)")).to_be_visible()
    await expect(shown.get_by_text("round 1")).to_have_count(0)
    await stage.review(1, patch__diff=SECOND)
    await page.get_by_role("button", name="Show what is new").click()
    told = shown.get_by_role("status")
    await expect(told).to_contain_text(
        "1 change is new or different · 2 changes of round 1 are not there any more · 1 is as it was in round 1"
    )
    # All of it is there, and what is new is marked, until somebody wants less.
    await expect(added(shown, "log(x)")).to_be_visible()
    await expect(added(shown, "literal_eval(y)")).to_be_visible()
    await expect(shown.get_by_text("new", exact=True)).to_have_count(1)
    axe = Axe(page)
    await axe.look("second look")
    axe.check(looks=1)
    await shown.get_by_text("Only what is new").click()
    await expect(added(shown, "log(x)")).to_have_count(0)
    await expect(added(shown, "literal_eval(y)")).to_be_visible()
    await shown.get_by_text("2 changes of round 1 are not there any more").last.click()
    await expect(shown.get_by_text("+int(y)")).to_be_visible()
    # New evidence on the same diff: what it is compared with stays, and so does what is shown.
    await stage.upstream.result("e-more", patch_id="p-1", apv_id="APV-1", ml__confidence=0.9, patch__diff=SECOND)
    await page.get_by_role("button", name="Show what is new").click()
    await expect(page.get_by_role("button", name="Show what is new")).to_have_count(0)
    await expect(told).to_contain_text("in round 1")
    await expect(added(shown, "log(x)")).to_have_count(0)
    await shown.get_by_text("Whole patch").click()
    await expect(added(shown, "log(x)")).to_be_visible()


async def test_where_the_earlier_one_is_gone_that_is_said(stage: Stage, sit: Sit) -> None:
    await stage.review(1, patch__diff=FIRST)
    alice = await sit()
    await alice.open("alice", "p-1")
    await stage.review(1, patch__diff=SECOND)
    owner = await asyncpg.connect(stage.database)
    await owner.execute("SET session_replication_role = replica")  # as retention does it
    await owner.execute("UPDATE evidence SET payload = NULL WHERE round = 1")
    await owner.close()
    await alice.open("alice", "p-1")
    shown = alice.page.get_by_role("region", name="The patch")
    await expect(shown.get_by_role("status")).to_contain_text("What round 1 was about is not there to compare with")
    await expect(added(shown, "log(x)")).to_be_visible()
