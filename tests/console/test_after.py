"""After a decision: what became of the patch, until when it stands approved, and the review that a broken glass needs."""

from __future__ import annotations

import re

import asyncpg
from playwright.async_api import expect

from tests.console.conftest import Sit
from tests.console.gate import gated
from tests.console.stage import Stage

DIFF = re.compile(r"/assets/diff-.*\.js")
REPORTED = """
INSERT INTO outcome (patch_id, source, event_id, topic, partition, record_offset, outcome, detail, observed_at, received_at,
                     unapproved, payload_sha256)
VALUES ('p-1', '/eureka', 'o-1', 'eureka.outcomes', 0, 1, 'deployed', NULL, now(), now(), false, sha256('x')),
       ('p-1', '/eureka', 'o-2', 'eureka.outcomes', 0, 2, 'exploited', '<b>again</b>', now() + interval '1 s', now(),
        true, sha256('y'))"""


async def test_what_became_of_it_stands_on_the_card(stage: Stage, sit: Sit) -> None:
    await stage.review(1)
    await stage.decide("bob", "p-1", "approve")
    owner = await asyncpg.connect(stage.database)
    await owner.execute(REPORTED)
    await owner.close()
    alice = await sit()
    await alice.open("alice", "p-1")
    became = alice.page.get_by_role("region", name="What became of it").get_by_role("listitem")
    await expect(became).to_have_count(2)
    await expect(became.first).to_contain_text("Exploited all the same")
    await expect(became.first).to_contain_text("Without an approval")
    await expect(became.first).to_contain_text("<b>again</b>")
    await expect(became.last).to_contain_text("Deployed")
    await expect(alice.card("p-1")).to_contain_text("Approved until")


async def test_a_broken_glass_is_reviewed_by_somebody_else(stage: Stage, sit: Sit) -> None:
    await stage.review(1, vulnerability__severity="critical")
    carol, alice = await sit(), await sit()
    async with gated(carol.page, DIFF) as gate:
        await carol.log_in("carol", "/patch?id=p-1")
        await expect(carol.page.get_by_role("button", name="Reject")).to_be_visible()
        await expect(carol.page.get_by_role("button", name="More")).to_have_count(0)  # nor is the glass broken unseen
        gate.opened.set()
        await carol.reads("p-1")
        await carol.page.get_by_role("button", name="More").click()
        await expect(carol.page.get_by_role("menuitem", name="Break the glass")).to_be_visible()
    await stage.decide("carol", "p-1", "approve", comment="it is being exploited", break_glass=True)
    await carol.open("carol", "p-1")
    await expect(carol.page.get_by_text("carol broke the glass", exact=True)).to_be_visible()
    await carol.page.get_by_role("button", name="More").click()
    await expect(carol.page.get_by_role("menuitem", name="Review the broken glass")).to_have_count(0)
    await alice.open("alice", "p-1")
    await alice.page.get_by_role("button", name="More").click()
    await alice.page.get_by_role("menuitem", name="Review the broken glass").click()
    dialog = alice.page.get_by_role("dialog")
    await dialog.get_by_role("textbox").fill("right, it could not wait")
    await dialog.get_by_role("button", name="Review the broken glass").click()
    await expect(alice.page.get_by_text("carol broke the glass", exact=True)).to_be_hidden()
    await expect(alice.page.get_by_role("region", name="What happened")).to_contain_text("right, it could not wait")
    await expect(alice.page.get_by_text("alice reviewed the broken glass")).to_be_visible()
    owner = await asyncpg.connect(stage.database)
    assert await owner.fetchval("SELECT actor FROM action WHERE action = 'glass_reviewed'") == "alice"
    await owner.close()
