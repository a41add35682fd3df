"""Several at once: two reviewers and one patch, what others do while one reads, and a sidecar that is away for a while."""

from __future__ import annotations

import json

import pytest
from playwright.async_api import WebSocketRoute, expect

from hitl_stream.sidecar import live
from tests.console.conftest import Sit
from tests.console.gate import gated
from tests.console.stage import Stage
from tests.harness import wait

FILL_MS = 5_000  # so often an empty lane is read again at most
CRITICAL = {"vulnerability__severity": "critical"}


async def test_of_two_who_decide_one_is_told_who_won(stage: Stage, sit: Sit) -> None:
    await stage.review(1)
    alice, bob = await sit(), await sit()
    for reader, name in ((alice, "alice"), (bob, "bob")):
        await reader.log_in(name)
        await reader.row("p-1").get_by_role("link").click()
        await reader.reads("p-1")
    await alice.press("Shift+A")
    await alice.page.keyboard.type("looks right to me")
    await alice.page.keyboard.press("Control+Enter")
    await bob.press("r")
    await bob.page.get_by_role("dialog").get_by_label("Reason").fill("it is incomplete")
    await bob.page.keyboard.press("Control+Enter")
    await alice.page.get_by_role("button", name="Send now").click()
    await expect(alice.page.get_by_label("Sending")).to_contain_text("Approved")
    await bob.page.get_by_role("button", name="Send now").click()
    refused = bob.page.get_by_label("Sending").get_by_role("alert")
    await expect(refused).to_contain_text("p-1 was decided by alice")
    await expect(refused).to_contain_text("Your text is kept")
    assert await stage.state("p-1") == "approved"


async def test_what_others_do_is_told_without_moving_what_is_read(stage: Stage, sit: Sit) -> None:
    for number in (1, 2, 3):
        await stage.review(number)
    alice = await sit()
    page = alice.page
    await alice.log_in("alice")
    await expect(alice.row("p-3")).to_be_visible()
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    before = await alice.row("p-3").bounding_box()
    async with stage.client("bob") as bob:
        await bob.post("/hitl/patches/_/claim", params={"patch_id": "p-3"})
    await expect(alice.row("p-3")).to_contain_text("Held by bob")
    await stage.decide("bob", "p-2", "approve")
    await expect(alice.row("p-2")).to_contain_text("Approved by bob")
    await stage.review(4)
    await expect(page.get_by_role("button", name="2 changes")).to_be_visible()
    assert await alice.row("p-3").bounding_box() == before
    await expect(alice.row("p-4")).to_be_hidden()
    await alice.press(".")
    await expect(alice.row("p-4")).to_be_visible()
    await expect(alice.row("p-2")).to_be_hidden()


async def test_an_empty_queue_fills_by_itself(stage: Stage, sit: Sit) -> None:
    alice = await sit()
    await alice.log_in("alice")
    await expect(alice.page.get_by_text("Nothing is waiting for you")).to_be_visible()
    await expect(alice.page.get_by_text("Live", exact=True)).to_be_visible()
    await stage.review(1)
    await expect(alice.row("p-1")).to_be_visible()


async def test_a_card_that_changes_while_it_is_read_says_so_and_keeps_the_text(stage: Stage, sit: Sit) -> None:
    await stage.review(1)
    alice = await sit()
    page = alice.page
    await alice.open("alice", "p-1")
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    await alice.press("Shift+A")
    await page.keyboard.type("fine by me")
    await stage.review(1, wargame__run_id="run-2", ml__confidence=0.8)
    await expect(page.get_by_text("This patch changed while you were reading")).to_be_visible()
    await page.keyboard.press("Control+Enter")
    await expect(page.get_by_role("button", name="Send now")).to_be_visible()
    await page.get_by_role("button", name="Send now").click()
    refused = page.get_by_label("Sending").get_by_role("alert")
    await expect(refused).to_contain_text("there is new evidence")
    assert await stage.state("p-1") == "pending"
    await refused.get_by_role("button", name="Look again").click()
    await expect(page.get_by_text("there is new evidence")).to_be_visible()
    await expect(page.get_by_role("region", name="Why is this here")).to_contain_text("0.8 < 0.95")
    await expect(page.get_by_role("region", name="The evidence").get_by_text("New", exact=True)).to_have_count(1)
    await alice.reads("p-1")
    await alice.press("a")
    await expect(page.get_by_role("dialog").get_by_role("textbox")).to_have_value("fine by me")


async def test_what_comes_in_under_an_open_dialog_is_not_decided_on(stage: Stage, sit: Sit) -> None:
    await stage.review(1)
    alice = await sit()
    page = alice.page
    await alice.open("alice", "p-1")
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    await stage.review(1, wargame__run_id="run-2", ml__confidence=0.8)
    async with gated(page) as gate:
        await page.get_by_role("button", name="Show what is new").click()
        await alice.press("Shift+A")
        await page.keyboard.type("fine by me")
        gate.opened.set()
        await expect(page.get_by_label("Why is this here")).to_contain_text("0.8 < 0.95")
    await page.keyboard.press("Control+Enter")
    await page.get_by_role("button", name="Send now").click()
    await expect(page.get_by_label("Sending").get_by_role("alert")).to_contain_text("there is new evidence")
    assert await stage.state("p-1") == "pending"


async def test_where_details_were_left_out_a_card_may_have_changed(stage: Stage, sit: Sit) -> None:
    await stage.review(1)
    alice = await sit()
    page = alice.page
    sockets: list[WebSocketRoute] = []

    def between(socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        sockets.append(socket)

    await page.route_web_socket("**/hitl/live?*", between)
    await alice.open("alice", "p-1")
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    sockets[-1].send(json.dumps({"type": "queue_changed", "cursor": "1", "count": 700}))
    said = page.get_by_role("alert").filter(has_text="This patch may have changed while you were reading")
    await expect(said).to_be_visible()
    await alice.press("c")
    await page.keyboard.type("still the same to me")
    await page.keyboard.press("Control+Enter")
    await expect(page.get_by_role("region", name="What happened")).to_contain_text("still the same to me")
    await expect(said).to_be_visible()  # what one said oneself made it no newer
    await said.get_by_role("button", name="Show what is new").click()
    await expect(said).to_be_hidden()


async def test_a_lane_with_nothing_in_it_is_not_read_again_for_every_review_elsewhere(
    stage: Stage, sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "QUIET_S", 0.1)
    alice = await sit()
    page = alice.page
    await page.clock.install()
    told: list[str] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda text: told.append(str(text))))
    await alice.log_in("alice", "/?lane=mine")
    await expect(page.get_by_text("Nothing is waiting for you")).to_be_visible()
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "patches/pending" in request.url else None)
    await _until_told(told, "queue_changed", 4)  # that it is still there, again and again, is nothing new
    assert asked == []
    for number in range(1, 9):
        await stage.review(number)
        await _until_told(told, "review_opened", number)
    async with stage.client("alice") as client:
        await client.post("/hitl/patches/_/claim", params={"patch_id": "p-1"})
    await page.clock.fast_forward(FILL_MS)
    await expect(alice.row("p-1")).to_be_visible()
    assert len([one for one in asked if "limit=100" in one]) <= 2
    assert len(asked) <= 6  # with how many two lanes hold


async def test_that_a_card_changed_is_said_where_one_decides_and_moves_nothing(stage: Stage, sit: Sit) -> None:
    diff = "--- a/x\n+++ b/x\n@@ -0,0 +1,90 @@\n" + "".join(f"+line {number}\n" for number in range(90))
    await stage.review(1, patch__diff=diff)
    alice = await sit()
    page = alice.page
    await alice.open("alice", "p-1")
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    line = page.get_by_text("line 60", exact=True)
    await page.keyboard.press("End")
    await line.scroll_into_view_if_needed()
    before = await line.bounding_box()
    async with stage.client("bob") as bob:
        await bob.post("/hitl/patches/_/claim", params={"patch_id": "p-1"})
    await expect(page.get_by_text("Held by bob")).to_be_in_viewport()
    await stage.review(1, patch__diff=diff, wargame__run_id="run-2", ml__confidence=0.8)
    said = page.get_by_role("alert").filter(has_text="This patch changed while you were reading")
    await expect(said).to_be_in_viewport()
    assert await line.bounding_box() == before
    await said.get_by_role("button", name="Show what is new").click()
    await expect(said).to_be_hidden()
    await expect(page.get_by_role("region", name="Why is this here")).to_contain_text("0.8 < 0.95")


async def test_what_was_chosen_for_a_rejection_comes_back_where_it_was_not_done(stage: Stage, sit: Sit) -> None:
    await stage.review(1)
    alice = await sit()
    page = alice.page
    await alice.open("alice", "p-1")
    dialog = page.get_by_role("dialog")
    chosen = dialog.get_by_label("It breaks what works")
    await alice.press("r")
    await chosen.check()
    await dialog.get_by_role("button", name="Reject").click()
    await page.get_by_role("button", name="Undo").click()
    await alice.row("p-1").get_by_role("link").click()
    await alice.reads("p-1")
    await alice.press("r")
    await expect(chosen).to_be_checked()
    await stage.review(1, wargame__run_id="run-2", ml__confidence=0.8)
    await dialog.get_by_role("button", name="Reject").click()
    await page.get_by_role("button", name="Send now").click()
    await page.get_by_label("Sending").get_by_role("button", name="Look again").click()
    await alice.reads("p-1")
    await alice.press("r")
    await expect(chosen).to_be_checked()
    await expect(dialog.get_by_role("textbox")).to_have_value("")


async def test_away_and_back_misses_nothing_and_sends_what_was_decided_once(stage: Stage, sit: Sit) -> None:
    for number in (1, 2):
        await stage.review(number)
    alice = await sit()
    page = alice.page
    await alice.log_in("alice")
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    await alice.row("p-1").get_by_role("link").click()
    await alice.reads("p-1")
    await stage.stop()
    await expect(page.get_by_role("alert").filter(has_text="No connection to the sidecar")).to_be_visible()
    await alice.press("a")
    await page.get_by_role("button", name="Send now").click()
    await expect(page.get_by_text("Sending…")).to_be_visible()
    await stage.review(3)
    await stage.start()
    await expect(page.get_by_label("Sending")).to_contain_text("p-1 Approved", timeout=30_000)
    await expect(page.get_by_text("Live", exact=True)).to_be_visible(timeout=30_000)
    assert await stage.state("p-1") == "approved"
    await alice.press("Escape")
    await expect(page.get_by_role("button", name="change")).to_be_visible()
    await alice.press(".")
    await expect(alice.row("p-3")).to_be_visible()
    await expect(alice.row("p-1")).to_be_hidden()


async def test_a_page_that_is_loaded_again_sends_what_had_no_answer(stage: Stage, sit: Sit) -> None:
    await stage.review(1)
    alice = await sit()
    page = alice.page
    await alice.open("alice", "p-1")
    await page.route("**/approve?*", lambda route: route.abort())
    await alice.press("a")
    await page.get_by_role("button", name="Send now").click()
    await expect(page.get_by_text("Sending…")).to_be_visible()
    await page.reload()
    await page.unroute("**/approve?*")
    await alice.log_in("alice")
    await expect(page.get_by_label("Sending")).to_contain_text("p-1 Approved")
    assert await stage.state("p-1") == "approved"
    await alice.log_in("alice")
    await expect(page.get_by_label("Sending")).to_be_empty()


async def test_what_is_critical_needs_a_fresh_login_and_a_second_person(stage: Stage, sit: Sit) -> None:
    await stage.review(1, **CRITICAL)
    alice = await sit()
    page = alice.page
    stage.issuer.age_s = 600
    await alice.open("alice", "p-1")
    await expect(page.get_by_text("None yet, 2 needed")).to_be_visible()
    await alice.press("a")
    await page.get_by_role("button", name="Send now").click()
    asked = page.get_by_label("Sending").get_by_role("alert")
    await expect(asked).to_contain_text("younger than five minutes")
    assert await stage.state("p-1") == "pending"
    stage.issuer.age_s = 0
    await asked.get_by_role("button", name="Log in again to approve this").click()
    await expect(page.get_by_label("Sending")).to_contain_text("Your approval counts; 1 more needed")
    assert await stage.state("p-1") == "pending"
    bob = await sit()
    await bob.log_in("bob")
    await expect(bob.page.get_by_role("heading", name="One approval short")).to_be_visible()
    await bob.row("p-1").get_by_role("link").click()
    await bob.reads("p-1")
    await expect(bob.page.get_by_role("button", name="Approve as the second")).to_be_visible()
    await bob.press("a")
    await bob.page.get_by_role("button", name="Send now").click()
    await expect(bob.page.get_by_label("Sending")).to_contain_text("p-1 Approved")
    assert await stage.state("p-1") == "approved"


async def test_what_one_decided_is_never_sent_as_another(stage: Stage, sit: Sit) -> None:
    """Somebody else logs in where the session of the one who decided has ended: nothing of it goes under the second name."""
    await stage.review(1)
    alice = await sit()
    page = alice.page
    await page.clock.install()
    await alice.open("alice", "p-1")
    stage.issuer.instead = "bob"
    await stage.stop()
    await alice.press("a")
    await page.get_by_role("button", name="Send now").click()
    await expect(page.get_by_text("Sending…")).to_be_visible()
    await page.clock.fast_forward(3_700_000)
    await stage.start()
    await page.get_by_role("button", name="Log in again").click()
    await expect(page.get_by_role("heading", name="Review console")).to_be_visible()
    await page.clock.fast_forward(60_000)
    assert await stage.state("p-1") == "pending"


async def test_logging_out_sends_first_what_waits(stage: Stage, sit: Sit) -> None:
    await stage.review(1)
    alice = await sit()
    page = alice.page
    await alice.open("alice", "p-1")
    await alice.press("a")
    await page.get_by_role("button", name="alice", exact=True).click()
    await page.get_by_role("menuitem", name="Log out").click()
    await expect(page.get_by_role("heading", name="Review console")).to_be_visible()
    assert await stage.state("p-1") == "approved"


async def test_a_key_pressed_twice_decides_once(stage: Stage, sit: Sit) -> None:
    for number in (1, 2):
        await stage.review(number)
    alice = await sit()
    await alice.open("alice", "p-1")
    await alice.press("a", "a", "a")
    await expect(alice.card("p-2")).to_be_visible()
    await alice.reads("p-2")
    await expect(alice.page.get_by_text("not sent yet", exact=True)).to_have_count(1)


async def test_leaving_the_page_sends_what_waits(stage: Stage, sit: Sit) -> None:
    await stage.review(1)
    alice = await sit()
    await alice.open("alice", "p-1")
    await alice.press("a")
    await expect(alice.page.get_by_text("not sent yet", exact=True)).to_be_visible()
    await alice.page.goto(f"{stage.url}/livez")
    await _until_state(stage, "p-1", "approved")
    await alice.page.goto(stage.url)


async def _until_told(told: list[str], what: str, times: int) -> None:
    async def are() -> bool:
        return sum(what in one for one in told) >= times

    await wait.until_async(are)


async def _until_state(stage: Stage, patch_id: str, wanted: str) -> None:
    async def stands() -> bool:
        return await stage.state(patch_id) == wanted

    await wait.until_async(stands)
