"""Pictures of every page and state for docs/console, made when `--pictures FOLDER` names where they go; else only looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.console.conftest import Sit
from tests.console.gate import gated
from tests.console.stage import Stage
from tests.harness.availability import scale

SHAP = {
    "lines_added": 0.11,
    "lines_removed": -0.03,
    "complexity_delta": -0.08,
    "has_input_validation": 0.21,
    "has_parameterization": 0.27,
    "cwe_CWE-89": -0.05,
    "files_modified": 0.01,
}
DIFF = """diff --git a/app/search.py b/app/search.py
index 3f1c2aa..9b0d7e1 100644
--- a/app/search.py
+++ b/app/search.py
@@ -12,9 +12,12 @@ def search(request):
     term = request.query.get("q", "")
     if not term:
         return []
-    rows = db.execute("SELECT * FROM product WHERE name LIKE '%" + term + "%'")
+    rows = db.execute(
+        "SELECT * FROM product WHERE name LIKE :pattern",
+        {"pattern": f"%{escape_like(term)}%"},
+    )
     return [row.name for row in rows]


 def popular(limit=10):
-    return db.execute(f"SELECT name FROM product ORDER BY sold LIMIT {limit}")
+    return db.execute("SELECT name FROM product ORDER BY sold LIMIT :limit", {"limit": int(limit)})
diff --git a/tests/test_search.py b/tests/test_search.py
new file mode 100644
--- /dev/null
+++ b/tests/test_search.py
@@ -0,0 +1,3 @@
+def test_a_quote_is_a_quote():
+    assert search(Request(q="' OR 1=1 --")) == []
+
"""
VULNERABLE: dict[str, Any] = {
    "vulnerability__summary": "SQL injection in the product search",
    "vulnerability__description": "The search term is put into the statement as it comes. Whoever searches reads every table.",
    "vulnerability__cvss_vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N",
    "vulnerability__package": "shop",
    "vulnerability__ecosystem": "PyPI",
    "vulnerability__language": "python",
    "vulnerability__current_version": "2.4.1",
    "vulnerability__target_version": "2.4.2",
    "vulnerability__affected_systems": ["shop-frontend", "shop-admin"],
    "vulnerability__references": ["https://nvd.nist.gov/vuln/detail/CVE-2026-10001"],
    "patch__diff": DIFF,
    "ml__shap_values": SHAP,
    "ml__shap_base_value": 0.47,
}


# What is seen in the light is there in the dark; what the dark could hide, axe looks for.
SCHEMES = ["light", "dark"] if scale() == "full" else ["light"]
WITHOUT_DIFF = {name: value for name, value in VULNERABLE.items() if name != "patch__diff"}


@dataclass
class Camera:
    """Takes pictures of a page."""

    page: Page
    folder: Path
    scheme: str
    taken: list[Path] = field(default_factory=list)

    async def take(self, name: str) -> None:
        """One of them, as the page stands."""
        path = self.folder / f"{name}-{self.scheme}.png"
        await self.page.screenshot(path=path, animations="disabled")
        self.taken.append(path)

    def check(self, pictures: int) -> None:
        """So many there are, and each shows something."""
        assert all(path.stat().st_size > 5_000 for path in self.taken)
        assert len(self.taken) == pictures


@pytest.fixture
def pictures(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where they go."""
    chosen: Path | None = request.config.getoption("--pictures")
    folder = chosen or tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_every_page_and_state_has_its_picture(stage: Stage, sit: Sit, pictures: Path, scheme: str) -> None:
    names = ["login-library", "kettle", "orbit", "marble", "sundial", "thistle", "walnut", "zephyr"]
    severities = ["high", "medium", "low", "critical", "high", "medium", "low", "high"]
    for number, (name, severity) in enumerate(zip(names, severities, strict=True), start=1):
        changes = {**VULNERABLE, "vulnerability__package": name, "vulnerability__severity": severity}
        changes |= {"patch__diff": DIFF.replace("product", name), "ml__confidence": round(0.78 + number / 50, 2)}
        await stage.review(number, cve_id=f"CVE-2026-{10_000 + number}", **changes)
    for number in range(20, 32):
        approved = {"ml__confidence": 0.97, "vulnerability__severity": "medium"}
        await stage.review(number, patch__diff=f"{DIFF}\n{number}", **approved)
    await stage.decide("bob", "p-4", "approve", comment="the escape is right, the test proves it")
    await stage.decide(
        "bob", "p-7", "reject", reason="breaks the admin's wildcard search", presets=["breaks_functionality"]
    )
    async with stage.client("bob") as bob:
        await bob.post("/hitl/patches/_/claim", params={"patch_id": "p-5"})
        await bob.post(
            "/hitl/patches/_/comment", params={"patch_id": "p-1"}, json={"comment": "I asked the shop team."}
        )
    reader = await sit(scheme=scheme)
    page = reader.page
    camera = Camera(page, pictures, scheme)
    await page.goto(stage.url)
    await expect(page.get_by_role("button", name="Continue as alice")).to_be_visible()
    await camera.take("login")
    await reader.log_in("alice")
    await expect(reader.row("p-1")).to_be_visible()
    await camera.take("turn")
    await reader.press("j", "x", "j", "j", "Shift+X")
    await page.get_by_role("button", name="Decide together").click()
    await page.get_by_role("dialog").get_by_label("Reason").fill("the generator took the wrong branch")
    await page.get_by_role("button", name="See what would happen").click()
    await expect(page.get_by_text("Would be rejected").first).to_be_visible()
    await camera.take("batch")
    await reader.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await reader.press("Shift+?")
    await expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    await camera.take("keys")
    await reader.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await page.get_by_role("link", name="p-1", exact=False).first.click()
    await reader.reads("p-1")
    await page.set_viewport_size({"width": 1440, "height": 1500})
    await expect(page.get_by_text("test_a_quote_is_a_quote")).to_be_visible()
    await camera.take("card")
    await page.set_viewport_size({"width": 1440, "height": 900})
    await reader.press("r")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await camera.take("reject")
    await reader.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await reader.press("a")
    await expect(page.get_by_text("not sent yet", exact=True)).to_be_visible()
    await expect(page.locator(".diff-line").first).to_be_attached()
    await camera.take("not-sent-yet")
    await reader.press("u", "g", "n")
    await expect(page.get_by_role("region", name="Reviewer load")).to_be_visible()
    await camera.take("numbers")
    await reader.press("g", "h")
    await expect(page.get_by_role("row").nth(1)).to_be_visible()
    await camera.take("audit")
    await page.set_viewport_size({"width": 375, "height": 812})
    await reader.press("g", "t")
    await expect(reader.row("p-1")).to_be_visible()
    await camera.take("turn-narrow")
    await reader.row("p-1").get_by_role("link").click()
    await expect(page.locator(".diff-line").first).to_be_visible()
    await camera.take("card-narrow")
    await reader.press("g", "n")
    await expect(page.get_by_role("region", name="Reviewer load")).to_be_visible()
    await camera.take("numbers-narrow")
    camera.check(pictures=12)


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_every_trouble_has_its_picture(stage: Stage, sit: Sit, pictures: Path, scheme: str) -> None:
    await stage.review(1, **VULNERABLE)
    await stage.review(2, patch__diff=DIFF.replace("term", "te\u202erm"), **WITHOUT_DIFF)
    await stage.review(3, **VULNERABLE)
    reader = await sit(scheme=scheme)
    page = reader.page
    camera = Camera(page, pictures, scheme)
    async with gated(page) as gate:
        await reader.log_in("alice")
        await expect(page.get_by_role("status", name="Loading").first).to_be_visible()
        await camera.take("coming")
        gate.fail()
        await expect(page.get_by_role("button", name="Try again").first).to_be_visible()
        await camera.take("failed")
    await reader.open("alice", "p-2")
    await expect(page.get_by_role("alert").filter(has_text="hidden character")).to_be_visible()
    await page.get_by_role("region", name="The patch").scroll_into_view_if_needed()
    await camera.take("hidden-characters")
    await reader.open("alice", "p-3")
    await stage.decide("bob", "p-3", "reject", reason="it breaks the search")
    await reader.press("a")
    await page.get_by_role("button", name="Send now").click()
    await expect(page.get_by_text("was decided by bob")).to_be_visible()
    await camera.take("too-late")
    await page.get_by_role("button", name="Dismiss").click()
    await stage.review(2, patch__diff=DIFF.replace("%{escape_like(term)}%", "%{term}%"), **WITHOUT_DIFF)
    await reader.open("alice", "p-2")
    await expect(page.get_by_text("is new or different")).to_be_visible()
    await page.get_by_role("region", name="The patch").scroll_into_view_if_needed()
    await camera.take("second-look")
    await page.clock.install()
    await reader.open("alice", "p-1")
    await reader.press("c")
    await page.keyboard.type("I asked the shop team.")
    await page.clock.fast_forward(3_600_000)
    await expect(page.get_by_role("dialog", name="Your session has ended")).to_be_visible()
    await camera.take("session-ended")
    await reader.log_in("alice", "/?q=nothing-has-this-name")
    await expect(page.get_by_text("Nothing that waits passes these filters")).to_be_visible()
    await camera.take("empty")
    await stage.stop()
    await page.clock.fast_forward(10_000)
    await expect(page.get_by_role("alert").get_by_text("No connection to the sidecar")).to_be_visible()
    await camera.take("offline")
    camera.check(pictures=8)
