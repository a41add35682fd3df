"""What it costs: the size of the first page, and that nothing holds it up, by the browser's own account of its tasks."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.console.conftest import Sit
from tests.console.stage import Stage
from tests.harness.availability import scaled

FIRST_PAGE_BYTES_MAX = 260 * 1_024
LONG_TASK_MS = 100
SHOWN_MS = 100
LINES = 6_000
ROWS = 10_000
TRIES = 5
FLING_PX = 600  # thirty times a second: as fast as a hand flings

# How long each task of the page's thread took that was long (W3C Long Tasks: 50 ms and more).
_WATCH = """
window.__watcher?.disconnect();
window.__tasks = [];
window.__watcher = new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.__tasks.push(Math.round(entry.duration));
});
window.__watcher.observe({ type: "longtask" });
"""


async def test_the_first_page_is_small_and_brings_no_diff_viewer(stage: Stage, sit: Sit) -> None:
    await stage.review(1)
    alice = await sit()
    scripts: dict[str, int] = {}

    async def count(page: Page) -> None:
        entries = await page.evaluate(
            "performance.getEntriesByType('resource').map(one => [one.name, one.encodedBodySize])"
        )
        scripts.update({name: size for name, size in entries if name.endswith(".js")})

    await alice.log_in("alice")
    await expect(alice.row("p-1")).to_be_visible()
    await count(alice.page)
    assert scripts, "scripts are counted"
    assert min(scripts.values()) > 0, "and each has a size"
    assert sum(scripts.values()) <= FIRST_PAGE_BYTES_MAX, scripts
    assert not [name for name in scripts if "diff" in name or "worker" in name]


async def test_a_card_is_there_at_once_when_its_data_is(stage: Stage, sit: Sit) -> None:
    """From the end of the answer to the card being drawn; the second one, so that its code is there."""
    for number in (1, 2):
        await stage.review(number)
    alice = await sit()
    page = alice.page
    await alice.log_in("alice")
    await alice.row("p-1").get_by_role("link").click()
    await alice.reads("p-1")
    await alice.press("Escape")
    await expect(alice.row("p-2")).to_be_visible()
    await page.evaluate(
        """() => {
          new MutationObserver((_, watcher) => {
            if (document.querySelector("article") === null) return;
            watcher.disconnect();
            requestAnimationFrame(() => { window.__shown = performance.now(); });
          }).observe(document.body, { childList: true, subtree: true });
        }"""
    )
    await alice.row("p-2").get_by_role("link").click()
    await alice.reads("p-2")
    took = await page.evaluate(
        """() => {
          const asked = performance.getEntriesByType("resource").filter(one => one.name.includes("/_/?patch_id=p-2"));
          return window.__shown - asked.at(-1).responseEnd;
        }"""
    )
    assert took <= SHOWN_MS


async def test_ten_thousand_rows_scroll_without_a_halt(stage: Stage, sit: Sit) -> None:
    await stage.review(1)
    await stage.multiply(ROWS)
    alice = await sit()
    page = alice.page
    await alice.log_in("alice", "/?lane=all")
    await expect(alice.row("p-1").first).to_be_visible()
    await page.get_by_role("list", name="My turn").hover()
    await _scrolls_without_a_halt(page, scaled(400, 1_200))
    assert await page.get_by_role("listitem").count() < 60, "only what is in sight is drawn"


async def test_six_thousand_lines_scroll_without_a_halt(stage: Stage, sit: Sit) -> None:
    pairs = (f"-    old_{n} = call({n}, 'text')\n+    new_{n} = call({n}, escape('text'))\n" for n in range(LINES // 2))
    span = f"1,{LINES // 2}"
    diff = f"--- a/app/large.py\n+++ b/app/large.py\n@@ -{span} +{span} @@\n{''.join(pairs)}"
    await stage.review(1, patch__diff=diff)
    alice = await sit()
    page = alice.page
    await alice.log_in("alice")
    await alice.row("p-1").get_by_role("link").click()
    await expect(page.locator(".diff-line").first).to_be_visible()
    await expect(page.locator(".diff .string").first).to_be_visible()
    await _scrolls_without_a_halt(page, scaled(100, 200))
    assert await page.locator(".diff-line").count() < 1_000, "only what is in sight is drawn"


async def _scrolls_without_a_halt(page: Page, turns: int) -> None:
    """Down and up again; what only the machine held up does not do so every time."""
    tried: list[list[int]] = []
    for attempt in range(TRIES):
        await page.evaluate(_WATCH)
        for _ in range(turns):
            await page.mouse.wheel(0, FLING_PX if attempt % 2 == 0 else -FLING_PX)
            await page.wait_for_timeout(30)
        tried.append(await page.evaluate("(most) => window.__tasks.filter(ms => ms > most)", LONG_TASK_MS))
        if tried[-1] == []:
            return
    raise AssertionError(f"tasks of more than {LONG_TASK_MS} ms: {tried}")
